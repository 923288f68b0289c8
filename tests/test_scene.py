"""One timeline of what is heard, seen and said: each moment counts once, and face, voice and words of one person are one reading."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt import scene as room
from affekt.errors import EmptyInput
from affekt.hearing import Heard
from affekt.results import Reading, Timeline
from affekt.scene import WINDOW
from affekt.sources.audio import RATE
from affekt.watching import Sight
from scenes import (
    mouths,  # noqa: F401 (it holds for every test here)
    scene_of,
)
from staged import LABELS

STEP = 0.2  # seconds between two sights


# --- scenes that are made of what was heard and seen


def spoken(start: float, end: float, who: str | None = "speaker 1", **given: Any) -> Heard:
    scores = {name: 0.7 if name == "anger" else 0.05 for name in LABELS.labels}
    reading = Reading("speech", "ekman7", scores, start, end, "m@1", present=("anger",), who=who, clarity=0.9, **given)
    return Heard(reading, np.zeros(round((end - start) * RATE / 512), np.float32))


def line(start: float, end: float, label: str = "joy", who: str | None = None, **given: Any) -> Reading:
    scores = {name: 0.7 if name == label else 0.05 for name in LABELS.labels}
    fields = {"present": (label,), "clarity": 0.8, "valence": 0.5, "arousal": 0.0, "dominance": 0.0, **given}
    return Reading("text", "ekman7", scores, start, end, "t@1", who=who, **fields)


def sights(who: str, begin: float, end: float, *, score: float = 1.0, reason: str | None = None) -> list[Sight]:
    """Of a face all along, a fifth of a second apart; it is neutral by so much, else glad."""
    scores = np.zeros(7, np.float32)
    scores[[LABELS.labels.index("neutral"), LABELS.labels.index("joy")]] = score, 1 - score
    times = np.arange(round(begin / STEP), round(end / STEP)) * STEP
    clarity = 0.0 if reason else 0.8
    return [Sight(who, round(float(at), 3), round(float(at) + STEP, 3), (0.1, 0.1, 0.3, 0.3), scores, reason, clarity) for at in times]


def fused(timeline: Timeline, who: str | None = None) -> list[tuple[float, float, tuple[str, ...]]]:
    return [(one.start, one.end, tuple(one.shares or ())) for one in timeline.fused if who is None or one.who == who]


def between(begin: float, end: float) -> Callable[[float], float]:
    return lambda at: 3.0 if begin <= at < end else -3.0


def test_an_utterance_takes_the_face_that_speaks_it_the_voice_and_the_words() -> None:
    timeline = scene_of(
        [spoken(2.0, 4.0)],
        [*sights("face 1", 0, 6), *sights("face 2", 0, 6)],
        lines=[line(2.1, 3.9)],
        moves={"face 1": between(2, 4), "face 2": lambda at: -3.0},
    ).timeline()
    whole = [one for one in timeline.fused if len(one.shares or ()) == 3]
    (one,) = whole
    assert set(one.shares or ()) == {"text", "speech", "face"} and one.who == "person 1" and (one.start, one.end) == (2.0, 4.0)
    assert one.disagreement is not None and one.between is not None
    assert timeline.people == ("person 1", "face 2")
    assert {reading.who for reading in timeline.only("speech")} == {"person 1"}
    assert {reading.who for reading in timeline.only("face")} == {"person 1", "face 2"}


@pytest.mark.parametrize("seed", range(6))
def test_every_moment_in_which_a_face_is_seen_counts_exactly_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.uniform(0.5, 20, 10)).round(3)
    heard = [spoken(float(a), float(b)) for a, b in zip(ends[::2], ends[1::2], strict=True)]
    seen = [*sights("face 1", 0, 7.4), *sights("face 1", 9.0, 20)]
    made = scene_of(heard, seen, moves={"face 1": lambda at: 3.0})
    list(made.settle())
    faces = [(part, one) for part in made.parts() for one in part.readings if one.modality == "face"]
    counted = sorted(sight.start for part, one in faces for sight in seen if _in(sight, part, one))
    assert counted == [sight.start for sight in seen]
    alone = sorted(made.alone("face 1"))
    assert all(b - a <= WINDOW for a, b in alone) and all(a[1] <= b[0] for a, b in pairwise(alone))
    mine = [one.reading for one, face in zip(heard, made.speaker_of, strict=True) if face]
    assert mine and not any(one.start < end and one.end > start for one in mine for start, end in alone)


def _in(sight: Sight, part: room.Part, face: Reading) -> bool:
    """Whether a sight went into the face's reading of a part."""
    stretch = next((one for one in part.readings if one.modality == "speech"), None)
    if stretch is not None:
        return stretch.start <= sight.start < stretch.end
    return face.start <= sight.start < max(face.end, face.start + 1e-9)


def test_utterances_of_two_voices_at_once_leave_no_moment_of_a_face_twice() -> None:
    heard = [spoken(2.5, 2.8, "channel 1"), spoken(2.1, 3.0, "channel 2")]  # in the order in which they end
    made = scene_of(heard, sights("face 1", 0, 5), moves={"face 1": lambda at: 9.0})
    list(made.settle())
    assert made.speaker_of == ["face 1", "face 1"]
    assert list(made.alone("face 1")) == [(0, 1), (1, 2), (2, 2.1), (3, 4), (4, 5)]


def test_a_voice_whose_face_is_not_seen_is_a_person_and_so_is_a_face_that_is_silent() -> None:
    timeline = scene_of(
        [spoken(1.0, 3.0)],
        [*sights("face 1", 0, 4), *sights("face 2", 0, 4)],
        moves={name: lambda at: -3.0 for name in ("face 1", "face 2")},
    ).timeline()
    assert set(timeline.people) == {"speaker 1", "face 1", "face 2"}
    assert fused(timeline, "speaker 1") == [(1.0, 3.0, ("speech",))]
    assert [start for start, _, _ in fused(timeline, "face 2")] == [0, 1, 2, 3]


def test_a_face_that_comes_when_somebody_has_nearly_spoken_is_not_the_one() -> None:
    late = scene_of([spoken(0.0, 4.0)], [*sights("face 1", 0, 4), *sights("face 2", 3.2, 4)], moves={"face 2": lambda at: 9.0})
    list(late.settle())
    assert late.speaker_of == ["face 1"]  # the only one that was there all along


def test_nothing_is_fused_where_there_is_one_modality() -> None:
    assert not scene_of([spoken(1, 3)], sees=False).timeline().fused
    assert not scene_of(seen=sights("face 1", 0, 3), hears=False).timeline().fused


def test_a_modality_that_has_nothing_is_said_to_and_the_other_is_read() -> None:
    silent = scene_of([], sights("face 1", 0, 3)).timeline()
    assert len(silent) == 15 and silent.people == ("face 1",) and silent.warnings == ("no speech found in talk",)
    blind = scene_of([spoken(1, 3)], []).timeline()
    assert len(blind) == 1 and blind.people == ("speaker 1",) and blind.warnings == ("no face found in talk",)
    with pytest.raises(EmptyInput, match=r"no speech found in talk.*no face found in talk"):
        scene_of().timeline()


def test_a_face_that_cannot_be_judged_does_not_pull() -> None:
    seen = [*sights("face 1", 0, 2), *sights("face 1", 2, 3, score=0.0, reason="face blurred"), *sights("face 1", 3, 4)]
    made = scene_of([], seen)
    list(made.settle())
    half = made.seen("face 1", 1.0, 3.0)
    assert half is not None and half.scores["neutral"] == 1 and half.clarity == pytest.approx(0.4) and not half.abstained
    none = made.seen("face 1", 2.0, 3.0)
    assert none is not None and none.abstained and none.reason == "face blurred" and none.clarity == 0
    assert made.seen("face 1", 4.5, 5.0) is None and made.seen("face 9", 0, 1) is None


def test_asking_for_the_timeline_midway_decides_nothing() -> None:
    seen = [*sights("face 1", 0, 6), *sights("face 2", 0, 6)]
    made = scene_of([spoken(1, 2), spoken(3, 5)], seen[:5], moves={"face 2": lambda at: 3.0, "face 1": lambda at: -3.0})
    first = made.timeline()
    assert made.speaker_of == [] and len(first.only("speech")) == 2
    assert made.watching is not None
    made.watching.sights, made.watching.times = sorted(seen, key=lambda sight: sight.start), sorted({sight.start for sight in seen})
    assert [one.who for one in made.timeline().only("speech")] == ["person 2", "person 2"]


# --- words that are given


def test_lines_that_share_an_utterance_are_its_words_together() -> None:
    lines = [line(0.9, 2.0, "joy", span=(0, 5)), line(2.0, 2.9, "sadness", span=(6, 12)), line(8, 9, "fear", span=(13, 20))]
    made = scene_of([spoken(1.0, 3.0)], lines=lines, sees=False)
    timeline = made.timeline()
    one, other = timeline.fused
    assert set(one.shares or ()) == {"text", "speech"} and one.span == (0, 12) and other.shares == {"text": 1.0}
    list(made.settle())
    said = made.utterance(0).readings[0]
    assert said.scores["joy"] == pytest.approx(said.scores["sadness"], abs=0.05) and sum(said.scores.values()) == pytest.approx(1, abs=1e-3)
    assert (other.start, other.end) == (8, 9)  # what is said where nobody is heard


def test_lines_need_not_come_in_order() -> None:
    lines = [line(2.2, 2.9), line(1.0, 2.8, "sadness"), line(1.4, 1.6)]
    (one,) = scene_of([spoken(1.0, 3.0)], lines=lines, sees=False).timeline().fused
    assert (one.start, one.end) == (1.0, 3.0)


def test_a_line_without_words_takes_no_part() -> None:
    music = line(1.0, 2.0, "fear", abstained=True, reason="no words to read", clarity=0.0)
    made = scene_of([spoken(1.0, 3.0)], lines=[music, line(2.0, 3.0, "joy")], sees=False)
    list(made.settle())
    said = made.utterance(0).readings[0]
    assert said.scores["joy"] == 0.7 and not said.abstained and said.reason is None
    only = scene_of([spoken(1.0, 3.0)], lines=[music, replace(music, start=2.0, end=3.0)], sees=False)
    list(only.settle())
    assert only.utterance(0).readings[0].abstained


def test_a_line_over_two_utterances_belongs_to_both() -> None:
    timeline = scene_of([spoken(1.0, 2.0), spoken(3.0, 4.0)], lines=[line(1.0, 4.0)], sees=False).timeline()
    assert [set(one.shares or ()) for one in timeline.fused] == [{"text", "speech"}] * 2


def test_a_line_that_touches_an_utterance_is_not_of_it() -> None:
    timeline = scene_of([spoken(1.0, 3.0)], lines=[line(2.9, 5.0)], sees=False).timeline()
    assert fused(timeline) == [(1.0, 3.0, ("speech",)), (2.9, 5.0, ("text",))]


def test_names_of_a_transcript_are_those_of_voices_and_faces() -> None:
    heard = [spoken(1, 3), spoken(4, 6, "speaker 2"), spoken(7, 9)]
    lines = [line(1, 3, who="Anna"), line(4, 6, who="Ben"), line(7, 9, who="Anna")]
    seen = [*sights("face 1", 0, 10), *sights("face 2", 0, 10)]
    moves = {"face 1": lambda at: 3.0 if at < 3.5 or at > 6.5 else -3.0, "face 2": lambda at: -3.0}
    timeline = scene_of(heard, seen, lines=lines, moves=moves).timeline()
    assert set(timeline.people) == {"Anna", "Ben", "face 2"}
    assert [one.who for one in timeline.only("speech")] == [one.who for one in timeline.only("text")] == ["Anna", "Ben", "Anna"]
    assert {one.who for one in timeline.only("face")} == {"Anna", "face 2"}


def test_names_that_speakers_have_elsewhere_are_not_taken_for_ours() -> None:
    heard = [spoken(1, 3), spoken(4, 6, "speaker 2")]
    lines = [line(1, 3, who="speaker 2"), line(4, 6, who="speaker 1")]
    timeline = scene_of(heard, lines=lines, sees=False).timeline()
    for modality in ("speech", "text", "fused"):
        told = timeline.fused if modality == "fused" else timeline.only(modality).readings  # type: ignore[arg-type]
        assert [one.who for one in told] == ["speaker 2", "speaker 1"]


def test_a_line_without_a_name_is_of_who_is_heard_meanwhile() -> None:
    heard = [spoken(1, 3), spoken(4, 6, "speaker 2")]
    timeline = scene_of(heard, lines=[line(1, 3), line(4.1, 5.9), line(8, 9)], sees=False).timeline()
    assert [one.who for one in timeline.only("text")] == ["speaker 1", "speaker 2", None]
    assert len(timeline.by("speaker 2").only("text")) == 1


def test_who_was_named_keeps_the_name() -> None:
    timeline = scene_of([spoken(1, 3, "Anna")], sights("face 1", 0, 4), lines=[line(1, 3, who="caller")], names=["Anna"]).timeline()
    assert "Anna" in timeline.people and {one.who for one in (*timeline.only("face"), *timeline.only("speech"))} == {"Anna"}


def test_a_long_talk_with_names_is_put_together_at_once() -> None:
    count = 2000  # an hour and a half
    heard = [spoken(3.0 * at, 3.0 * at + 2, f"speaker {at % 2 + 1}") for at in range(count)]
    lines = [line(3.0 * at, 3.0 * at + 2, who=("Anna", "Ben")[at % 2]) for at in range(count)]
    made = scene_of(heard, lines=lines, sees=False)
    begin = time.perf_counter()
    timeline = made.timeline()
    assert time.perf_counter() - begin < 3 and timeline.people == ("Anna", "Ben")
    list(made.settle())
    made.names()
    begin = time.perf_counter()
    for _ in range(100):  # as a stream does with every reading
        made.names()
    assert time.perf_counter() - begin < 1
