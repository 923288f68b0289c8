"""From frames to readings, with an encoder that answers by how white the mouth is: who, when, how expressions come and go."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from affekt.errors import EmptyInput, InputError
from affekt.labels import ekman7, ferplus8, goemotions28, sentiment3
from affekt.parts import Calibration, Card, LabelSet
from affekt.preprocessing import tracks
from affekt.results import Clip, Reading, Timeline
from affekt.sources.pictures import Frame, Pictures, open_pictures, pushed
from affekt.watching import BRIEF, GONE, SETTLE, Sight, Watcher, Watching, events_of
from drawn import BLACK, BLOND, DARK, PALE, ROOM, drawn_face, on, write_video

SETS = {"ferplus8": ferplus8.PART, "ekman7": ekman7.PART}
HAPPY = {"ferplus8": "happiness", "ekman7": "joy"}
SAD = "sadness"
SIZE = (480, 360)
SIDE = 220
ANNA, BEN = (PALE, BLOND), (DARK, BLACK)
RATE = 5


class Mouths:
    """An encoder: a mouth that is a sixth white or more is happy, and without white it is neutral.

    Args:
        sad: what it sees in every face besides.
    """

    side = 64

    def __init__(self, *, sad: float = 0.0, resting: bool = True) -> None:
        self.sad, self.seen = sad, 0
        plain = {name: Calibration((1.0,) * len(labels.labels), (0.0,) * len(labels.labels)) for name, labels in SETS.items()}
        usual = {name: self._raw(name, 0.0, 0.0).tolist() for name in SETS}
        self.card = Card("face_fake", "00000000", "face", (), {"weights": "none"}, True, plain, {"resting": usual} if resting else {})

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, np.ndarray]:
        self.seen += len(clips)
        return {name: np.stack([self._raw(name, _white(clip.data), self.sad) for clip in clips]) for name in labels}

    def _raw(self, name: str, white: float, sad: float) -> np.ndarray:
        raw = np.zeros(len(SETS[name].labels), np.float32)
        raw[SETS[name].labels.index("neutral")] = 4
        raw[SETS[name].labels.index(HAPPY[name])] = 8 * min(6 * white, 1)
        raw[SETS[name].labels.index(SAD)] = sad
        return raw


def _white(pixels: np.ndarray) -> float:
    side = len(pixels)
    assert pixels.shape == (side, side, 3) and pixels.dtype == np.uint8 and side == Mouths.side
    mouth = pixels[int(0.7 * side) : int(0.88 * side), int(0.35 * side) : int(0.65 * side)].astype(int)
    return float(((mouth.min(-1) > 150) & (np.ptp(mouth, axis=-1) < 22)).mean())


def face(mouth: str = "flat", person: tuple[Any, Any] = ANNA) -> Image.Image:
    return drawn_face(SIDE, mouth, *person)  # type: ignore[arg-type]


def shown(mouth: str = "flat", left: int = 130, person: tuple[Any, Any] = ANNA) -> Image.Image:
    return on(SIZE, (face(mouth, person), left, 80))


def nobody() -> Image.Image:
    return on(SIZE)


def at_rate(images: Iterable[Image.Image], *, begin: float = 0.0) -> list[tuple[float, np.ndarray]]:
    return [(begin + at / RATE, np.asarray(image)) for at, image in enumerate(images)]


def watch(source: Any, labels: LabelSet = ekman7.PART, *, encoder: Mouths | None = None, **given: Any) -> tuple[list[Reading], Timeline]:
    """What is said at once, and the timeline when all has been seen."""
    watching = Watching(open_pictures(source, rate=RATE), encoder or Mouths(), labels, **given)
    live = list(watching.readings())
    return live, watching.timeline()


def joys(readings: Iterable[Reading]) -> list[float]:
    return [reading.scores["joy"] for reading in readings]


# --- images


def test_an_image_gives_a_reading_a_face(tmp_path: Path) -> None:
    on((640, 300), (face("smile"), 30, 40), (face("flat", BEN), 380, 50)).save(tmp_path / "a.png")
    live, timeline = watch(tmp_path / "a.png")
    assert tuple(live) == timeline.readings and timeline.people == ("face 1", "face 2") and timeline.duration == 0 and not timeline.events
    left, right = timeline.readings
    assert left.who == "face 1" and right.who == "face 2" and left.top == ("joy", pytest.approx(0.98, abs=0.03))
    assert right.top == ("neutral", pytest.approx(0.9, abs=0.05)) and left.present == ("joy",) and not left.abstained
    for reading, (x, y) in ((left, (30, 40)), (right, (380, 50))):
        assert reading.box is not None and reading.model == "face_fake@00000000" and reading.modality == "face" and reading.start == 0
        box = np.array(reading.box) * (640, 300, 640, 300)
        assert box[0] > x and box[1] > y and box[2] < x + SIDE and box[3] < y + SIDE and 100 < box[2] - box[0] < 160
    assert left.valence is not None and right.valence is not None and left.valence > 0.6 > 0.2 > right.valence > -0.1


def test_in_an_image_nobody_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "whose", lambda *_: pytest.fail("whose face it is was looked at"))
    twins = on((640, 300), (face(), 30, 40), (face(), 380, 40))
    assert watch(np.asarray(twins))[1].people == ("face 1", "face 2")
    watcher = Watcher(Mouths(), ekman7.PART, still=True)
    for _ in range(2):
        assert [sight.who for sight in watcher.look(Frame(0.0, np.asarray(shown())))] == ["face 1"]


@pytest.mark.parametrize("labels", [ferplus8.PART, ekman7.PART, sentiment3.PART])
def test_labels_are_the_models_own_or_coarser(labels: LabelSet) -> None:
    (reading,) = watch(np.asarray(shown("smile")), labels)[1].readings
    assert set(reading.scores) == set(labels.labels) and reading.labels == labels.name
    assert reading.top and reading.top[0] in ("happiness", "joy", "positive")
    with pytest.raises(InputError, match="does not speak"):
        watch(np.asarray(shown()), goemotions28.PART)


def test_where_there_is_no_face_it_says_so() -> None:
    encoder = Mouths()
    for source in (np.asarray(nobody()), at_rate([nobody()] * 3), []):
        with pytest.raises(EmptyInput, match=r"no face found in .*; is it the right file"):
            watch(source, encoder=encoder)
    assert not encoder.seen


def test_what_was_wrong_with_the_source_is_said_where_there_is_no_face() -> None:
    empty = Pictures("clip", 9.0, lambda: iter([Frame(0.0, np.asarray(nobody()))]), warnings=["it may have been cut off"])
    with pytest.raises(EmptyInput, match=r"no face found in clip \(it may have been cut off\)"):
        watch(empty)
    seen = Pictures("clip", 9.0, lambda: iter([Frame(0.0, np.asarray(shown()))]), warnings=["it may have been cut off"])
    timeline = watch(seen)[1]
    assert timeline.warnings == ("it may have been cut off",) and timeline.duration == 9


def test_a_face_that_cannot_be_judged_abstains_and_says_why() -> None:
    live, timeline = watch(np.asarray(on((240, 180), (drawn_face(34, "flat", *ANNA), 100, 80))))
    assert live[0].abstained and live[0].reason == "face too small: 22 pixels" and live == list(timeline.readings)
    assert timeline.warnings == ("1 of 1 faces could not be judged (face too small: 22 pixels)",)
    blurred = shown().filter(ImageFilter.GaussianBlur(14))
    live, timeline = watch(at_rate([shown()] * 3 + [blurred] * 2 + [shown()] * 3))
    assert [reading.reason for reading in live if reading.abstained] == ["face blurred"] * sum(reading.abstained for reading in live)
    assert not any(reading.abstained for reading in [*live[:3], *live[-3:]]) and timeline.people == ("face 1",) and not timeline.warnings


def test_a_face_that_cannot_be_judged_neither_gives_nor_gets() -> None:
    watching = Watching(pushed([]), Mouths(), ferplus8.PART)
    plain, happy = (np.eye(8, dtype=np.float32)[at] for at in (0, 1))
    box = (0.1, 0.1, 0.3, 0.3)
    rows = [(plain, None), (happy, "face blurred"), (plain, None)]
    watching.sights = [Sight("face 1", at / 5, at / 5 + 0.2, box, scores, reason) for at, (scores, reason) in enumerate(rows)]
    told = watching.timeline().readings
    assert [reading.scores["happiness"] for reading in told] == [0, 1, 0]
    assert [reading.abstained for reading in told] == [False, True, False]
    assert [watching.watcher.now(sight).scores["happiness"] for sight in watching.sights] == [0, 1, 0]


# --- what moves


@pytest.fixture(scope="module")
def smile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of two seconds without, two with and two without a smile."""
    pytest.importorskip("av", reason="av is not installed; it comes with the face extra")
    path = tmp_path_factory.mktemp("clip") / "smile.mp4"
    return write_video(path, [shown("smile" if 50 <= at < 100 else "flat", 120 + at // 8) for at in range(150)])


def test_a_clip_becomes_a_timeline_with_events(smile: Path) -> None:
    live, timeline = watch(smile)
    assert 29 <= len(live) <= 31 and len(timeline) == len(live) and timeline.people == ("face 1",)
    starts = [reading.start for reading in timeline]
    assert starts == sorted(starts) and np.diff(starts).min() > 0.1 and np.diff(starts).max() < 0.3
    assert timeline.unit == "seconds" and timeline.duration == pytest.approx(6, abs=0.2)
    assert all(reading.end > reading.start for reading in timeline)
    (event,) = timeline.events
    assert event.label == "joy" and event.who == "face 1" and event.score > 0.9
    assert event.onset == pytest.approx(2, abs=0.4) and event.offset == pytest.approx(4, abs=0.6)
    assert event.onset <= event.apex <= event.offset and 2.2 < event.apex < 3.8
    boxes = np.array([reading.box for reading in timeline])
    assert (np.diff(boxes[:, 0]) > -0.01).all() and boxes[-1, 0] - boxes[0, 0] == pytest.approx(18 / SIZE[0], abs=0.02)


def test_a_clip_read_twice_is_read_alike(smile: Path) -> None:
    assert watch(smile)[1] == watch(str(smile))[1]


def test_readings_come_one_by_one_and_do_not_change() -> None:
    frames = at_rate([shown("smile" if 3 <= at < 6 else "flat") for at in range(8)])
    given = 0

    def push() -> Iterator[tuple[float, np.ndarray]]:
        nonlocal given
        for frame in frames:
            given += 1
            yield frame

    watching, live = Watching(pushed(push()), Mouths(), ekman7.PART), list[Reading]()
    for reading in watching.readings():
        live.append(reading)
        assert len(live) == given and watching.timeline().readings[-1].start == reading.start  # the timeline is there at any time
    assert len(watching.times) == 8 and watching.position == pytest.approx(1.4)
    for count in (2, 4, 7):
        assert watch(frames[:count])[0] == live[:count]


def test_live_looks_back_and_the_timeline_both_ways() -> None:
    live, timeline = watch(at_rate([shown("smile" if at >= 5 else "flat") for at in range(10)]))
    said, told = joys(live), joys(timeline)
    assert max(said[:5]) < 0.1 < said[5] < said[6] < said[7] < said[9]  # comes late, and never before
    assert told[4] > said[4] + 0.1 and told[6] > said[6]  # begins before, and is there sooner
    assert np.array(told) == pytest.approx(1 - np.array(told[::-1]), abs=0.15)  # the same from either side
    assert said[5] == pytest.approx(said[4] + (1 - np.exp(-1 / RATE / SETTLE)) * (0.98 - said[4]), abs=0.05)


def test_two_faces_are_read_apart() -> None:
    frames = [on((640, 360), (face("smile"), 40, 80), (face("flat", BEN), 370, 80)) for _ in range(6)]
    live, timeline = watch(at_rate(frames))
    assert timeline.people == ("face 1", "face 2") and len(live) == 12
    assert min(joys(timeline.by("face 1"))) > 0.9 and max(joys(timeline.by("face 2"))) < 0.3
    for at in range(6):
        assert {reading.who for reading in live[2 * at : 2 * at + 2]} == {"face 1", "face 2"}


def test_who_comes_later_is_found() -> None:
    pair = on((640, 360), (face(), 40, 80), (face("flat", BEN), 370, 80))
    timeline = watch(at_rate([on((640, 360), (face(), 40, 80))] * 4 + [pair] * 6))[1]
    assert timeline.people == ("face 1", "face 2") and timeline.by("face 2").readings[0].start <= 4 / RATE + 0.41


def test_who_comes_back_begins_anew() -> None:
    happy, away, plain = [shown("smile")] * 5, [nobody()] * 25, [shown("flat")] * 5
    live, timeline = watch(at_rate(happy + away + plain))
    assert timeline.people == ("face 1",) and len(timeline) == 10
    assert min(joys(timeline)[:5]) > 0.9 and max(joys(timeline)[5:]) < 0.1  # nothing is smoothed over five seconds
    assert max(joys(live)[5:]) < 0.1 and live[5].start - live[4].end > GONE
    assert len(timeline.events) == 1 and timeline.events[0].offset <= live[4].end


def test_a_smile_before_and_after_going_away_is_two() -> None:
    timeline = watch(at_rate([shown("smile")] * 5 + [nobody()] * 25 + [shown("smile")] * 5))[1]
    assert [event.label for event in timeline.events] == ["joy", "joy"] and timeline.events[0].offset < timeline.events[1].onset


def test_after_a_cut_somebody_elses_face_is_judged_by_itself() -> None:
    timeline = watch(at_rate([shown("smile")] * 5 + [shown("flat", person=BEN)] * 5))[1]
    assert timeline.people == ("face 1", "face 2") and min(joys(timeline.by("face 1"))) > 0.9 and max(joys(timeline.by("face 2"))) < 0.3


def test_a_gap_between_frames_is_not_filled() -> None:
    images = [np.asarray(shown("smile"))] * 4
    live, timeline = watch(list(zip((0.0, 0.2, 9.0, 9.2), images, strict=True)))
    assert [reading.end - reading.start for reading in live] == pytest.approx([0.04, 0.2, GONE, 0.2], abs=0.001)
    assert timeline.people == ("face 1",) and [event.offset for event in timeline.events] == [pytest.approx(0.4), pytest.approx(9.4)]


def test_at_every_frame_of_a_quick_video_a_face_is_there_as_long_as_it_is() -> None:
    watcher = Watcher(Mouths(), ekman7.PART)
    frames = [(at / 30, np.asarray(shown(left=60 + 4 * at) if at < 20 else nobody())) for at in range(50)]
    sights = [(sight.start, sight.box[0]) for time, pixels in frames for sight in watcher.look(Frame(time, pixels))]
    assert len(sights) >= 20 and sights[-1][0] < 21 / 30 + 0.06  # where it should be by now it is no longer
    assert np.diff([left for _, left in sights[:20]]) == pytest.approx(4 / SIZE[0], abs=0.012)


def test_every_name_is_given_once_a_frame() -> None:
    rng = np.random.default_rng(0)
    watcher = Watcher(Mouths(), ekman7.PART)
    for at in range(25):
        left = int(40 + 8 * at + rng.integers(-10, 10))
        image = on((640, 360), (face("flat", BEN), 420 - left, 60), (face(), left, 100))
        names = [sight.who for sight in watcher.look(Frame(at / RATE, np.asarray(image)))]
        assert len(names) == len(set(names)) <= 2


# --- the resting face


def test_a_resting_face_that_looks_sad_comes_nearer_to_neutral() -> None:
    encoder = Mouths(sad=3.5)
    frames = at_rate([shown()] * 45)
    plain, rested = watch(frames, encoder=encoder)[0], watch(frames, encoder=encoder, resting=True)[0]
    assert rested[0].scores[SAD] == pytest.approx(plain[0].scores[SAD], abs=0.01) and plain[0].scores[SAD] > 0.3
    assert plain[-1].scores[SAD] == pytest.approx(plain[0].scores[SAD], abs=0.02)
    sad = [reading.scores[SAD] for reading in rested]
    assert sad[-1] < 0.5 * sad[0] and np.diff(sad).max() < 0.005 and rested[-1].scores["neutral"] > 0.75


def test_an_expression_is_not_taken_for_a_resting_face() -> None:
    live = watch(at_rate([shown("smile")] * 40), resting=True)[0]
    assert min(joys(live)) > 0.9


def test_each_face_has_its_own_resting_face() -> None:
    watcher = Watcher(Mouths(sad=3.0), ekman7.PART, resting=True)
    for at in range(4):
        watcher.look(Frame(at / RATE, np.asarray(shown())))
    assert watcher.resting is not None and {name: seen for name, (_, seen) in watcher.resting.items()} == {"face 1": 4}
    watcher.look(Frame(1.0, np.asarray(shown("smile", person=BEN))))
    assert list(watcher.resting) == ["face 1"]  # who smiles is not resting


def test_the_encoders_answers_are_left_as_they_are() -> None:
    class Kept(Mouths):
        def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, np.ndarray]:
            made = super().__call__(clips, labels=labels)
            for one in made.values():
                one.setflags(write=False)  # as of an encoder that keeps what it has said
            return made

    assert len(watch(at_rate([shown()] * 3), encoder=Kept(sad=1.0), resting=True)[0]) == 3


def test_a_model_that_knows_no_resting_face_says_so() -> None:
    with pytest.raises(InputError, match="face_fake does not know the resting face of 'ekman7'"):
        Watcher(Mouths(resting=False), ekman7.PART, resting=True)


# --- what is kept


def test_of_a_frame_no_pixels_are_kept() -> None:
    watching = Watching(pushed(at_rate([shown()] * 5)), Mouths(), ekman7.PART)
    list(watching.readings())
    assert len(watching.sights) == 5
    for sight in watching.sights:
        for field in fields(Sight):
            value = getattr(sight, field.name)
            small = isinstance(value, np.ndarray) and value.size <= 8
            assert small or value is None or isinstance(value, (str, float, tuple)), field.name
    assert all(np.size(point) <= 1024 for person in watching.watcher.tracker.people for point in (*person.points, person.glimpse))


# --- events


def readings_of(scores: Sequence[float], *, unclear: Sequence[int] = (), step: float = 0.2) -> list[Reading]:
    return [
        Reading(
            "face",
            "sentiment3",
            {"negative": 0.0, "neutral": round(1 - score, 4), "positive": score},
            round(at * step, 3),
            round((at + 1) * step, 3),
            "m@1",
            who="face 1",
            abstained=at in unclear,
            reason="face blurred" if at in unclear else None,
        )
        for at, score in enumerate(scores)
    ]


def test_an_event_begins_and_ends_where_its_label_does() -> None:
    (event,) = events_of(readings_of([0, 0.2, 0.4, 0.6, 0.9, 0.7, 0.4, 0.3, 0]))
    assert (event.label, event.who, event.onset, event.apex, event.offset, event.score) == ("positive", "face 1", 0.4, 0.8, 1.4, 0.9)
    assert [event.offset for event in events_of(readings_of([0.9] * 5))] == [1.0]  # the end of the clip cuts it off


@pytest.mark.parametrize("scores", [[], [0.2] * 9, [0.45] * 9, [0, 0.9, 0], [0, 0, 0]])
def test_what_is_faint_or_brief_is_no_event(scores: list[float]) -> None:
    assert events_of(readings_of(scores)) == [] and BRIEF > 0.2


def test_expressions_that_come_twice_are_two_events() -> None:
    found = events_of(readings_of([0.8] * 4 + [0.1] * 4 + [0.6] * 4))
    assert [(event.onset, event.score) for event in found] == [(0, 0.8), (1.6, 0.6)]


def test_a_frame_that_cannot_be_judged_does_not_end_an_event() -> None:
    (event,) = events_of(readings_of([0.8] * 9, unclear=[4]))
    assert (event.onset, event.offset) == (0, 1.8)
    assert events_of(readings_of([0.8] * 9, unclear=range(9))) == []
    assert len(events_of(readings_of([0.8] * 20, unclear=range(5, 15)))) == 2  # two seconds are more than a frame


def test_neutral_is_no_event() -> None:
    assert not any(event.label == "neutral" for event in events_of(readings_of([0.0] * 10)))


def test_a_room_without_anybody_costs_no_encoder() -> None:
    encoder = Mouths()
    watcher = Watcher(encoder, ekman7.PART)
    for at in range(5):
        assert watcher.look(Frame(at / RATE, np.full((90, 120, 3), ROOM, np.uint8))) == []
    assert encoder.seen == 0
