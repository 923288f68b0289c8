"""One timeline of what is heard, seen and said: each moment counts once, and face, voice and words of one person are one reading."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt import scene as room
from affekt.errors import EmptyInput, InputError
from affekt.fusion import open_fusion
from affekt.hearing import Heard, Hearing
from affekt.results import Reading, Timeline
from affekt.scene import WINDOW, Scene
from affekt.sources.audio import RATE, Audio
from affekt.sources.pictures import Pictures, pushed
from affekt.transcripts import Transcript, line_of, transcript_of
from affekt.watching import Sight, Watching
from staged import LABELS, Face, Line, Staged, Voice, film, sound, within, words, write_film

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


def scene_of(
    heard: Sequence[Heard] = (),
    seen: Sequence[Sight] = (),
    *,
    lines: Sequence[Reading] = (),
    moves: dict[str, Callable[[float], float]] | None = None,
    hears: bool = True,
    sees: bool = True,
    names: Sequence[str] = (),
) -> Scene:
    """A scene in which all of this has been heard and seen.

    Args:
        moves: face -> log odds that its mouth speaks by the seconds.
    """
    hearing = Hearing(Audio("talk", 1, None, lambda: iter(()), []), Voice(), LABELS, names=names) if hears else None
    watching = Watching(pushed([], name="talk"), Face(), LABELS, mouths=True) if sees else None
    if hearing is not None:
        hearing.heard, hearing.samples = list(heard), 100 * RATE
    if watching is not None:
        watching.sights = sorted(seen, key=lambda sight: sight.start)
        watching.times = sorted({sight.start for sight in seen})
        watching.position, watching.ended = max(watching.times, default=0.0), True
        for face, odds in (moves or {}).items():
            assert watching.watcher.mouths is not None
            watching.watcher.mouths[face] = [(at, odds(at)) for at in np.arange(0, 60, 0.1).tolist()]
    return Scene(hearing, watching, labels=LABELS, rule=open_fusion("log_linear"), transcript=Transcript(list(lines)))


@pytest.fixture(autouse=True)
def mouths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In scenes that are made, how a mouth moved is how likely it spoke."""

    def told(moved: Sequence[tuple[float, float]], voice: Any, *, prior: float = 0.0) -> float:
        return prior + (float(np.mean([odds for _, odds in moved[-5:]])) if moved else 0.0)

    if "film_path" not in request.fixturenames:
        monkeypatch.setattr(room, "speaking", told)


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


# --- transcripts beside a sound


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two utterances in a sound of nine seconds: from 0.5 to 2.6, and from 4 to 6.6."""
    folder = tmp_path_factory.mktemp("talk")
    return write_film(folder / "talk.wav", heard=sound([Line(0.5, 0), Line(4, 1)], seconds=8))


SRT = """1
00:00:00,500 --> 00:00:02,500
I love this

2
00:00:04,000 --> 00:00:05,300
but then

3
00:00:05,300 --> 00:00:06,600
I hate it
"""
VTT = "WEBVTT\n\n00:00.500 --> 00:02.500\n<v Anna>I love this\n\n00:04.000 --> 00:06.600\n<v Ben>I hate it\n"
TURNS = [{"who": "Anna", "text": "I love this", "start": 0.5, "end": 2.5}, {"who": "Ben", "text": "I hate it", "start": 4, "end": 6.6}]


def beside(talk: Path, folder: Path, **files: str) -> Path:
    """The sound in a folder of its own, with such files beside it."""
    path = folder / "talk.wav"
    path.write_bytes(talk.read_bytes())
    for ending, text in files.items():
        (folder / f"talk.{ending}").write_text(text)
    return path


@pytest.mark.parametrize("given", [{"srt": SRT}, {"vtt": VTT}, {"json": json.dumps(TURNS)}], ids=["srt", "vtt", "json"])
def test_what_is_said_stands_in_a_file_beside_the_sound(talk: Path, tmp_path: Path, given: dict[str, str]) -> None:
    path = beside(talk, tmp_path, **given)
    timeline = Staged(transcript="beside", speakers=2).read(path)
    first, second = timeline.fused
    assert set(first.shares or ()) == set(second.shares or ()) == {"text", "speech"}
    assert first.scores["joy"] > 0.3 > second.scores["joy"] and timeline.transcript and timeline.transcript.startswith("I love this")
    words_of = [timeline.transcript[slice(*one.span)] for one in timeline.only("text") if one.span]
    assert words_of[0] == "I love this" and words_of[-1] == "I hate it"
    assert Staged(speakers=2).read(path, transcript=next(tmp_path.glob("talk.[svj]*"))) == timeline
    assert not Staged(speakers=2).read(path).only("text").readings


def test_without_a_file_beside_it_only_the_sound_is_read(talk: Path) -> None:
    timeline = Staged(transcript="beside", speakers=1).read(talk)
    assert len(timeline) == 2 and not timeline.fused and timeline.transcript is None


def test_a_transcript_must_say_when_each_line_is_said(talk: Path, tmp_path: Path) -> None:
    for name, text, why in (
        ("a.json", json.dumps([{"text": "I love this"}]), "does not say when"),
        ("a.json", "{", "not JSON"),
        ("a.json", Timeline("a.wav", 1, "seconds", "ekman7", ()).to_json(), "no list of turns"),
        ("a.srt", "hello\n", "stands before any time"),
        ("a.vtt", "", "empty"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=why):
            Staged().read(talk, transcript=tmp_path / name)
    with pytest.raises(InputError, match="no file"):
        Staged().read(talk, transcript=tmp_path / "absent.srt")
    with pytest.raises(InputError, match=r"is no transcript; give a file that ends in \.json, \.srt, \.vtt"):
        Staged().read(talk, transcript=tmp_path / "a.txt")
    with pytest.raises(InputError, match="a conversation names its own speakers"):
        Staged().read("I love this", transcript=tmp_path / "a.srt")


def test_a_file_that_is_named_is_the_transcript_and_a_model_is_none(tmp_path: Path) -> None:
    (tmp_path / "talk.vtt").touch()
    for given, setting in (("beside", ""), (None, "beside")):
        assert transcript_of(tmp_path / "talk.mp4", given, setting=setting) == tmp_path / "talk.vtt"
        assert transcript_of(np.zeros(9), given, setting=setting) is None
    assert transcript_of("talk.mp4", None, setting="tiny") is None and transcript_of("talk.mp4", None, setting="") is None
    assert (
        transcript_of("talk.mp4", "Other.SRT", setting="tiny") == transcript_of("talk.mp4", None, setting="Other.SRT") == Path("Other.SRT")
    )
    for wrong in ("tiny", Path("notes.txt"), ""):
        with pytest.raises(InputError, match=r"is no transcript; give a file that ends in \.json, \.srt, \.vtt, or 'beside'"):
            transcript_of("talk.mp4", wrong, setting="tiny")


@pytest.mark.parametrize("piece", [(0.0, 1.0), (0.0, "soon", "so"), (2.0, 1.0, "so"), (0.0, 1.0, b"so"), "so", 5, (0, 1, "a", "b", "c")])
def test_a_piece_that_is_no_line_is_refused(piece: Any) -> None:
    with pytest.raises(InputError, match="line"):
        line_of(piece, Staged()._turns())
    made = line_of((0, 1, "I love this", "Anna"), Staged()._turns())
    assert made.words == "I love this" and made.who == "Anna" and (made.start, made.end) == (0, 1)


# --- films


@pytest.fixture(scope="module")
def film_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Anna speaks, then Ben, by a lower voice; both are to be seen all along."""
    lines = [Line(0.5, 0, "anna"), Line(3.4, 1, "ben", low=True)]
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return write_film(path, film(lines, seconds=7.5, there=("anna", "ben")), sound(lines, seconds=7.5))


def test_in_a_film_each_voice_goes_to_the_mouth_that_moves(film_path: Path) -> None:
    timeline = Staged(speakers=2).read(film_path)
    assert timeline.people == ("person 1", "person 2") and not timeline.warnings
    first, second = [one for one in timeline.fused if len(one.shares or ()) == 2]
    assert first.who != second.who and first.start == pytest.approx(0.4, abs=0.2) and second.start == pytest.approx(3.3, abs=0.2)
    left = [one for one in timeline.only("face") if one.who == first.who]
    assert all(one.box is not None and one.box[0] < 0.5 for one in left)  # Anna sits on the left
    assert [one.who for one in timeline.only("speech")] == [first.who, second.who]
    assert Staged(speakers=2).read(film_path) == timeline


def test_of_a_film_one_modality_can_be_read(film_path: Path) -> None:
    heard = Staged(speakers=2).read(film_path, only="speech")
    assert heard.people == ("speaker 1", "speaker 2") and {one.modality for one in heard} == {"speech"} and not heard.fused
    seen = Staged().read(film_path, only="face")
    assert seen.people == ("face 1", "face 2") and {one.modality for one in seen} == {"face"} and not seen.fused
    with pytest.raises(InputError, match="no text to read"):
        Staged().read(film_path, only="text")


def test_a_film_without_sound_and_one_without_a_voice_are_read_by_their_faces(film_path: Path, tmp_path: Path) -> None:
    frames = film([], seconds=1.5)
    mute = Staged().read(write_film(tmp_path / "mute.mkv", frames))
    assert mute.people == ("face 1",) and not mute.warnings and not mute.fused
    silent = Staged().read(write_film(tmp_path / "silent.mkv", frames, np.zeros(int(1.5 * RATE), np.float32)))
    last = mute.readings[-1]  # ends with its file
    assert [*mute.readings[:-1], replace(last, end=silent.readings[-1].end)] == list(silent) and silent.warnings == (
        f"no speech found in {tmp_path / 'silent.mkv'}",
    )
    nobody = write_film(tmp_path / "nobody.mkv", film([], seconds=1, there=()), np.zeros(RATE, np.float32))
    with pytest.raises(EmptyInput, match=r"no speech found.*no face found"):
        Staged().read(nobody)


def test_a_film_in_which_nobody_is_seen_is_read_by_its_voices(film_path: Path, tmp_path: Path) -> None:
    lines = [Line(0.3, 0)]
    path = write_film(tmp_path / "dark.mkv", film([], seconds=3, there=()), sound(lines, seconds=3))
    timeline = Staged(speakers=1).read(path)
    assert len(timeline) == 1 and timeline.warnings == (f"no face found in {path}",)


# --- reading


class Sense:
    """What hears, or looks, piece by piece."""

    def __init__(self, given: Callable[[], Iterator[int]], *, quiet: bool = False) -> None:
        self.blocks, self.quiet = given(), quiet
        self.sights, self.heard, self.pictures = [], [], pushed([])

    def readings(self) -> Iterator[int]:
        yield from (piece for piece in self.blocks if not self.quiet)


def endless() -> Iterator[int]:
    while True:
        time.sleep(0.005)
        yield 1


def acted(one: Any, other: Any) -> Scene:
    made = scene_of()
    made.hearing, made.watching = one, other
    given = other.blocks
    other.pictures = Pictures("film", None, lambda: given)
    other.readings = lambda: (piece for piece in other.pictures.frames() if not other.quiet)
    return made


def alone(before: set[threading.Thread]) -> bool:
    """Whether what was begun since comes to an end."""
    for _ in range(50):
        if not set(threading.enumerate()) - before:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("quiet", [False, True])
def test_what_a_sense_raises_is_raised_and_the_other_is_stopped(quiet: bool) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise InputError("the sound is broken")

    before = set(threading.enumerate())
    for made in (acted(Sense(broken), Sense(endless, quiet=quiet)), acted(Sense(endless, quiet=quiet), Sense(broken))):
        with pytest.raises(InputError, match="the sound is broken"):
            within(5, made.read)
    assert alone(before)  # also where it has nothing to say


def test_a_sense_that_has_nothing_does_not_stop_the_other() -> None:
    seen = []

    def empty() -> Iterator[int]:
        raise EmptyInput("it ended before its first sample")
        yield 1

    def some() -> Iterator[int]:
        for at in range(5):
            time.sleep(0.02)
            seen.append(at)
            yield at

    within(5, acted(Sense(empty), Sense(some)).read)
    assert seen == [0, 1, 2, 3, 4]


def test_progress_is_reported_and_what_stops_it_stops_both() -> None:
    told = []

    def report() -> None:
        told.append(1)
        if len(told) == 3:
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        within(5, lambda: acted(Sense(endless), Sense(endless)).read(report=report))
    assert alone(before)


def test_samples_are_read_without_pictures() -> None:
    (one,) = Staged(speakers=1).read(np.concatenate([words(0), np.zeros(RATE, np.float32)])).readings
    assert one.modality == "speech" and one.who is None


def test_names_and_words_of_what_is_not_listened_to_are_refused() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    for given in ({"who": ["Anna"]}, {"transcript": "call.srt"}):
        with pytest.raises(InputError, match="not listened to"):
            Staged().read(picture, **given)  # type: ignore[arg-type]
