"""A scene while it happens: what is said at once, what is final, and in the end the timeline that the recording of it has."""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt import stream as room
from affekt.errors import AffektError, EmptyInput, InputError
from affekt.results import Event, Reading, Timeline
from affekt.sources.audio import RATE, open_audio
from affekt.sources.devices import drained
from affekt.sources.pictures import open_video
from affekt.sources.playback import play
from affekt.stream import Stream
from staged import Line, Staged, Timed, film, pieces, sound, within, words, write_film

PATIENCE = 30.0  # seconds in which a stream of these should have come to an end


@dataclass(frozen=True)
class Shot:
    """A recording, decoded, and the timeline of its file."""

    path: Path
    frames: list[Timed]
    samples: np.ndarray
    read: Timeline


def shot(path: Path, lines: Sequence[Line], *, seconds: float, there: Sequence[str]) -> Shot:
    smiles = lambda who, at: at > seconds - 1.5  # noqa: E731
    write_film(path, film(lines, seconds=seconds, there=there, smiles=smiles), sound(lines, seconds=seconds))
    frames = [(frame.time, frame.pixels) for frame in open_video(path).frames()]
    return Shot(path, frames, np.concatenate(list(open_audio(path).blocks()), axis=1)[0], reader().read(path))


def reader(**given: Any) -> Staged:
    return Staged(**{"speakers": 2, **given})


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    """Anna and Ben are to be seen; she speaks, then he does."""
    lines = [Line(0.5, 0, "anna"), Line(3.4, 1, "ben", low=True)]
    return shot(tmp_path_factory.mktemp("two") / "two.mkv", lines, seconds=8.2, there=("anna", "ben"))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    """Anna is to be seen, and speaks twice."""
    lines = [Line(0.4, 0, "anna"), Line(3.3, 2, "anna")]
    return shot(tmp_path_factory.mktemp("one") / "one.mkv", lines, seconds=5.6, there=("anna",))


def run(stream: Stream, *, seconds: float = PATIENCE) -> list[Reading]:
    """All that a stream gives out; one that does not end fails."""
    given: list[Reading] = within(seconds, lambda: list(stream))
    return given


def alike(live: Timeline, read: Timeline) -> None:
    """The same, but for where the last reading of a face ends: a stream does not know its length."""
    for a, b in zip((*live.readings, *live.fused), (*read.readings, *read.fused), strict=True):
        assert a == (replace(b, end=a.end) if b.modality == "face" and abs(a.end - b.end) < 0.4 else b)
    assert len(live.fused) == len(read.fused) and live.people == read.people and live.transcript == read.transcript
    assert live.warnings == read.warnings and [_but_end(one) for one in live.events] == [_but_end(one) for one in read.events]
    assert sum(a.end != b.end for a, b in zip(live.readings, read.readings, strict=True)) <= len(read.people)


def _but_end(event: Event) -> Event:
    return replace(event, offset=event.apex)


def finals(given: Iterable[Reading]) -> list[Reading]:
    return [one for one in given if one.modality == "fused" and not one.provisional]


def standing(given: Iterable[Reading], timeline: Timeline) -> list[Reading]:
    """What stands of what was given out: a final reading takes the place of those of the same person that begin in its stretch.

    Names may have come later, so persons are told by what else they say at that time.
    """
    known = {_which(one): one.who for one in timeline.readings}
    later = {one.who: known[_which(one)] for one in given if _which(one) in known}
    kept: list[Reading] = []
    for reading in finals(given):
        one = replace(reading, who=later.get(reading.who, reading.who), words=None, span=None)
        kept = [old for old in kept if old.who != one.who or not (one.start <= old.start < one.end or old.start == one.start)]
        kept.append(one)
    return sorted(kept, key=lambda one: (one.start, one.end, one.who or ""))


def _which(one: Reading) -> tuple[Any, ...]:
    """What a face or voice and its reading in the timeline have in common."""
    return one.modality, one.start, one.box or one.end


def as_told(stream: Stream, given: list[Reading]) -> None:
    """What was given out is what the timeline has."""
    timeline = stream.timeline()
    told = [replace(one, span=None) for one in timeline.fused]  # where in the transcript it stands is known when that is whole
    assert standing(given, timeline) == sorted(told, key=lambda one: (one.start, one.end, one.who or ""))


# --- the contract


def slowly(items: Iterable[Any], seconds: float) -> Iterator[Any]:
    for item in items:
        time.sleep(seconds)
        yield item


WAYS: dict[str, Callable[[Shot], tuple[Iterable[Any], Iterable[Any]]]] = {
    "pieces of 40 ms": lambda shot: (pieces(shot.samples), iter(shot.frames)),
    "pieces of 7 ms, no times": lambda shot: ((piece for _, piece in pieces(shot.samples, 113)), iter(shot.frames)),
    "bytes cut anywhere": lambda shot: (in_bytes(shot.samples, 9999), iter(shot.frames)),
    "all sound at once": lambda shot: ([shot.samples], slowly(shot.frames, 0.01)),
    "all pictures first": lambda shot: (slowly(pieces(shot.samples, 4000), 0.05), list(shot.frames)),
}


def in_bytes(samples: np.ndarray, size: int) -> Iterator[bytes]:
    data = np.round(samples * 32768).astype("<i2").tobytes()
    yield from (data[begin : begin + size] for begin in range(0, len(data), size))


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_gives_what_the_recording_gives_however_it_comes(one: Shot, way: str) -> None:
    heard, seen = WAYS[way](one)
    stream = reader().stream(heard, pictures=seen)
    given = run(stream)
    alike(stream.timeline(), one.read)
    as_told(stream, given)


def test_of_two_people_a_stream_gives_what_the_recording_gives(two: Shot) -> None:
    heard, seen = play(two.path, realtime=False)
    stream = reader().stream(heard, pictures=seen)
    given = run(stream)
    timeline = stream.timeline()
    alike(timeline, two.read)
    as_told(stream, given)
    assert timeline.people == ("person 1", "person 2") and len([one for one in timeline.fused if len(one.shares or ()) == 2]) == 2


def test_with_and_without_async_a_stream_gives_the_same(one: Shot) -> None:
    async def coming(items: Iterable[Any]) -> AsyncIterator[Any]:
        for item in items:
            await asyncio.sleep(0)
            yield item

    async def gather() -> tuple[list[Reading], Timeline]:
        stream = reader().stream(coming(pieces(one.samples)), pictures=coming(one.frames))
        return [reading async for reading in stream], stream.timeline()

    given, timeline = within(PATIENCE, lambda: asyncio.run(gather()))
    alike(timeline, one.read)
    assert any(reading.provisional for reading in given) and len(finals(given)) >= len(one.read.fused)


def test_a_stream_is_iterated_once() -> None:
    stream = reader().stream([np.zeros(RATE, np.float32)])
    run(stream)
    with pytest.raises(InputError, match="once"):
        run(stream)


def test_the_timeline_may_be_asked_for_in_another_thread(one: Shot) -> None:
    stream, over, failed = reader().stream(pieces(one.samples), pictures=one.frames), threading.Event(), list[Exception]()

    def ask() -> None:
        while not over.is_set():
            try:
                stream.timeline()
            except EmptyInput:
                pass
            except Exception as error:
                failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    run(stream)
    over.set()
    asking.join()
    assert not failed
    alike(stream.timeline(), one.read)


def test_sound_alone_and_pictures_alone_give_what_a_recording_of_them_gives(one: Shot) -> None:
    heard = reader().stream(pieces(one.samples))
    given = run(heard)
    assert (
        tuple(reading for reading in given if not reading.provisional) == reader().read(one.samples).readings == heard.timeline().readings
    )
    assert not finals(given) and not heard.timeline().fused
    seen = reader().stream(pictures=one.frames)
    live = run(seen)
    alike(seen.timeline(), reader().read(one.path, only="face"))
    assert {reading.modality for reading in live} == {"face"} and len(live) == len(seen.timeline())


# --- provisional, then final


def test_what_is_provisional_is_said_before_what_is_final_and_never_after(one: Shot) -> None:
    for way in ("all sound at once", "all pictures first"):
        heard, seen = WAYS[way](one)
        given = run(reader().stream(heard, pictures=seen))
        for modality in ("speech", "fused"):
            told = [reading for reading in given if reading.modality == modality and "speech" in (reading.shares or {"speech": 1.0})]
            for start in {reading.start for reading in told if not reading.provisional}:
                kinds = [reading.provisional for reading in told if reading.start == start]
                assert kinds[0] and kinds == sorted(kinds, reverse=True), f"{modality} from {start} on, {way}"
        utterances, over = {reading.start for reading in given if reading.modality == "speech"}, 0.0
        for reading in given:
            if reading.modality == "fused" and reading.start not in utterances:  # a second of her face
                assert not reading.provisional or reading.start >= over
                over = over if reading.provisional else max(over, reading.start)


def test_an_utterance_is_final_after_its_voice_is(one: Shot) -> None:
    given = run(reader().stream(pieces(one.samples), pictures=one.frames))
    for reading in finals(given):
        if "speech" in (reading.shares or ()):
            voice = next(
                at
                for at, other in enumerate(given)
                if other.modality == "speech" and not other.provisional and other.start == reading.start
            )
            assert voice < given.index(reading)


@dataclass
class Counted:
    """What has been given of the sound and of the pictures, seconds."""

    sound: float = 0.0
    pictures: float = 0.0

    def heard(self, samples: np.ndarray) -> Iterator[Timed]:
        for begin, piece in pieces(samples):
            time.sleep(0.002)
            self.sound = begin + len(piece) / RATE
            yield begin, piece

    def seen(self, frames: Iterable[Timed]) -> Iterator[Timed]:
        for at, pixels in frames:
            self.pictures = at
            yield at, pixels


def test_nothing_is_said_before_what_it_rests_on_has_come(one: Shot) -> None:
    count = Counted()
    stream = reader().stream(count.heard(one.samples), pictures=count.seen(one.frames))

    def follow() -> int:
        told = 0
        for reading in stream:
            told += 1
            if reading.modality == "speech" or "speech" in (reading.shares or ()):
                assert reading.end <= count.sound + 0.04
            if reading.modality == "face" or (not reading.provisional and "face" in (reading.shares or ())):
                assert reading.start <= count.pictures
            if not reading.provisional and "face" in (reading.shares or ()):
                assert reading.end <= count.pictures + 0.4  # as long as a look at a face stands
        return told

    assert within(PATIENCE, follow) > 50


def test_the_timeline_can_be_asked_for_at_any_time_and_changes_nothing(one: Shot) -> None:
    stream = reader().stream(pieces(one.samples), pictures=slowly(one.frames, 0.005))
    lengths: list[int] = []

    def follow() -> list[Reading]:
        given = []
        for at, reading in enumerate(stream):
            given.append(reading)
            with suppress(EmptyInput):  # so far nothing is final
                lengths.append(len(stream.timeline()) if at % 10 == 9 else 0)
        return given

    given = within(PATIENCE, follow)
    alike(stream.timeline(), one.read)
    as_told(stream, given)
    asked = [length for length in lengths if length]
    assert asked == sorted(asked) and asked[0] < asked[-1]


def test_a_person_keeps_the_number_when_another_begins_to_speak(tmp_path: Path) -> None:
    lines = [Line(0.3, 1, "ben", low=True), Line(4.6, 1, "anna")]  # who sits on the right speaks first
    frames, samples = film(lines, seconds=8.2, there=("anna", "ben")), sound(lines, seconds=8.2)
    given = run(reader().stream(pieces(samples), pictures=frames))
    right = {one.who for one in given if one.modality == "face" and one.box and one.box[0] > 0.5}
    left = {one.who for one in given if one.modality == "face" and one.box and one.box[0] < 0.5}
    assert right == {"face 2", "person 2"} and left == {"face 1", "person 1"}
    voices = [(one.who, one.start < 4.4) for one in finals(given) if "speech" in (one.shares or ())]
    assert voices == [("person 2", True), ("person 1", False)]


# --- what goes wrong


def test_a_stream_that_is_stopped_ends_and_has_a_timeline(one: Shot) -> None:
    stream = reader().stream(itertools.chain(pieces(one.samples), itertools.cycle([np.zeros(640, np.float32)])), pictures=one.frames)

    def follow() -> None:
        for reading in stream:
            if reading.modality == "speech" and not reading.provisional:
                stream.stop()

    within(PATIENCE, follow)
    assert 1 <= len(stream.timeline().only("speech")) <= 2


def stuck(items: Iterable[Any], over: threading.Event) -> Iterator[Any]:
    """What is there, and then nothing comes any more, as of a device that hangs."""
    yield from items
    over.wait(PATIENCE)


def test_a_stream_that_is_stopped_ends_though_a_camera_hangs(one: Shot) -> None:
    over = threading.Event()
    stream = reader().stream(pieces(one.samples), pictures=stuck(one.frames[:30], over))

    def follow() -> int:
        count = 0
        for reading in stream:
            count += 1
            if reading.modality == "speech" and not reading.provisional and reading.start > 3:
                stream.stop()
        return count

    try:
        assert within(10, follow) > 10
    finally:
        over.set()
    assert len(stream.timeline().only("speech")) == 2 and any("speech" in (one.shares or ()) for one in stream.timeline().fused)


def test_while_no_picture_comes_the_sound_goes_on(one: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LATE", 0.1)
    monkeypatch.setattr(room, "STARTING", 0.1)
    over = threading.Event()
    rest = [np.zeros(1600, np.float32)] * 30
    heard = slowly(itertools.chain((piece for _, piece in pieces(one.samples)), rest), 0.005)
    stream = reader().stream(heard, pictures=stuck(one.frames[:20], over))
    told: list[Reading] = []

    def follow() -> None:
        for reading in stream:
            told.append(reading)
            if len([one for one in finals(told) if "speech" in (one.shares or ())]) == 2:
                over.set()

    within(PATIENCE, follow)
    assert over.is_set() and len([one for one in stream.timeline().fused if "speech" in (one.shares or ())]) == 2


@pytest.mark.parametrize("raises", [False, True])
def test_a_camera_that_disappears_does_not_end_the_stream(one: Shot, raises: bool) -> None:
    def gone() -> Iterator[Timed]:
        yield from one.frames[:30]
        if raises:
            raise InputError("the camera 0 cannot be used any more")

    stream = reader().stream(pieces(one.samples), pictures=gone())
    given = run(stream)
    timeline = stream.timeline()
    assert len(timeline.only("speech")) == 2 and max(one.end for one in timeline.only("face")) < 3
    assert timeline.warnings == (("the camera 0 cannot be used any more",) if raises else ())
    as_told(stream, given)


@pytest.mark.parametrize("raises", [False, True])
def test_a_microphone_that_disappears_does_not_end_the_stream(one: Shot, raises: bool) -> None:
    def gone() -> Iterator[Timed]:
        yield from itertools.islice(pieces(one.samples), 75)
        if raises:
            raise InputError("the microphone cannot be used any more")

    stream = reader().stream(gone(), pictures=slowly(one.frames, 0.003))
    given = run(stream)
    timeline = stream.timeline()
    assert len(timeline.only("speech")) == 1 and max(one.end for one in timeline.only("face")) > 5
    assert timeline.warnings == (("the microphone cannot be used any more",) if raises else ())
    as_told(stream, given)


def test_what_has_failed_is_said_while_the_rest_goes_on(one: Shot) -> None:
    def gone() -> Iterator[Timed]:
        raise OSError("no such device")
        yield one.frames[0]

    stream = reader().stream(slowly(pieces(one.samples), 0.003), pictures=gone())

    def follow() -> list[tuple[str, ...]]:
        return [stream.timeline().warnings for reading in stream if reading.modality == "speech" and not reading.provisional]

    assert within(PATIENCE, follow)[0] == ("no face found in stream", "no such device")


def test_a_stream_of_which_nothing_is_left_fails(one: Shot) -> None:
    def broken() -> Iterator[Any]:
        yield np.zeros(640, np.float32)
        raise InputError("the microphone cannot be used any more")

    with pytest.raises(InputError, match="the microphone cannot be used any more"):
        run(reader().stream(broken()))
    wrong = [np.zeros((2, 640), np.float32)]
    with pytest.raises(InputError, match=r"chunk of shape|pixels of shape"):
        run(reader().stream(wrong, pictures=["no picture"]))
    stream = reader().stream(wrong, pictures=iter([]))
    run(stream)
    with pytest.raises(EmptyInput, match=r"chunk of shape.*no speech found.*no face found"):
        stream.timeline()


def test_a_microphone_that_gives_nothing_is_no_fault_of_the_camera(one: Shot) -> None:
    stream = reader().stream(iter([]), pictures=one.frames[:20])
    run(stream)
    assert stream.timeline().warnings == ("no speech found in stream",) and stream.timeline().people == ("face 1",)
    with pytest.raises(EmptyInput):
        run(reader().stream(iter([])))


def test_a_stream_that_has_not_begun_has_no_timeline() -> None:
    with pytest.raises(EmptyInput, match="has not begun"):
        reader().stream([words(0)]).timeline()
    with pytest.raises(InputError, match="of a pair"):
        reader().stream([words(0)], microphone=True)


def test_pieces_that_come_asynchronously_are_refused_without_async(one: Shot) -> None:
    async def coming() -> AsyncIterator[np.ndarray]:
        yield one.samples

    for given in ({"sound": coming()}, {"pictures": coming()}, {"sound": [one.samples], "words": coming()}):
        with pytest.raises(InputError, match=r"async for reading in reader\.stream"):
            run(reader().stream(**given))  # type: ignore[arg-type]


# --- time


def test_sound_and_pictures_that_jump_stay_on_their_clock(one: Shot) -> None:
    heard = [(at if at < 2.9 else at + 3.0, piece) for at, piece in pieces(one.samples)]
    seen = [(at if at < 2.9 else at + 3.0, pixels) for at, pixels in one.frames]
    stream = reader().stream(heard, pictures=seen)
    given = run(stream)
    timeline = stream.timeline()
    assert timeline.warnings == ("the sound was away once, 3.0 s in all; read as silence",)
    before, after = timeline.only("speech")
    usual = one.read.only("speech").readings
    assert before == usual[0] and after.start == pytest.approx(usual[1].start + 3, abs=0.1) and before.who == after.who == "person 1"
    assert not [one for one in timeline.only("face") if 3.5 < one.start < 5.8]
    as_told(stream, given)


def test_what_comes_twice_or_late_is_left_out(one: Shot) -> None:
    heard = list(pieces(one.samples))
    doubled = [*heard[:60], *heard[40:60], *heard[60:]]
    seen = [frame for at, frame in enumerate(one.frames) for frame in ([frame, one.frames[max(at - 3, 0)]] if at % 5 == 4 else [frame])]
    stream = reader().stream(doubled, pictures=seen)
    run(stream)
    timeline = stream.timeline()
    assert [warning.split(" ")[1] for warning in timeline.warnings] == ["sound", "frames"]
    alike(replace(timeline, warnings=()), one.read)


@pytest.mark.parametrize("drift", [0.98, 1.02])
def test_clocks_that_run_apart_a_little_still_make_one_person(one: Shot, drift: float) -> None:
    stream = reader().stream(pieces(one.samples), pictures=[(at * drift, pixels) for at, pixels in one.frames])
    given = run(stream)
    timeline = stream.timeline()
    assert (
        timeline.people == ("person 1",)
        and [set(one.shares or ()) for one in timeline.fused if "speech" in (one.shares or ())] == [{"speech", "face"}] * 2
    )
    as_told(stream, given)


def test_sound_goes_on_where_there_are_no_pictures_for_a_while(one: Shot) -> None:
    stream = reader().stream(pieces(one.samples), pictures=[frame for frame in one.frames if not 1.0 < frame[0] < 4.0])
    given = run(stream)
    timeline = stream.timeline()
    assert len(timeline.only("speech")) == 2 and not [one for one in timeline.only("face") if 1.1 < one.start < 3.9]
    as_told(stream, given)


# --- two at once


OVER = [Line(0.3, 1, "anna"), Line(1.0, 0, "ben", low=True), Line(5.0, 2, "anna")]  # two talk over each other, then one goes on


def test_two_voices_in_one_microphone_are_read_without_harm(one: Shot) -> None:
    stream = reader().stream(pieces(sound(OVER, seconds=7.2)), pictures=film(OVER, seconds=7.2, there=("anna", "ben")))
    given = run(stream)
    timeline = stream.timeline()
    heard = timeline.only("speech").readings
    assert len(heard) >= 2 and all(a.end <= b.start for a, b in itertools.pairwise(heard))
    assert all(sum(one.scores.values()) == pytest.approx(1, abs=1e-3) for one in timeline.fused)
    as_told(stream, given)


def test_two_microphones_of_which_both_hear_somebody_at_once_are_two_people(tmp_path: Path) -> None:
    first, second = sound([OVER[0], OVER[2]], seconds=7.2), sound([OVER[1]], seconds=7.2)
    frames = film(OVER, seconds=4.0, there=("anna",))
    path = write_film(tmp_path / "call.mkv", frames, np.stack([first, second]))
    timeline = within(PATIENCE, lambda: Staged().read(path))
    heard = timeline.only("speech").readings
    assert len(heard) == 3 and len({one.who for one in heard}) == 2 and heard[0].end > heard[1].start
    assert len([one for one in timeline.fused if "speech" in (one.shares or ())]) == 3
    faces = [one for one in timeline.fused if set(one.shares or ()) == {"face"}]
    assert all(a.start >= b.end or b.start >= a.end for a, b in itertools.combinations(faces, 2) if a.who == b.who)


# --- words


LINES = [(0.4, 2.5, "I love this", "Anna"), (3.3, 4.7, "I hate it", "Anna")]


def test_words_that_are_given_belong_to_who_is_heard(one: Shot) -> None:
    stream = reader().stream(pieces(one.samples), pictures=one.frames, words=LINES)
    given = run(stream)
    timeline = stream.timeline()
    first, second = [one for one in timeline.fused if "speech" in (one.shares or ())]
    assert set(first.shares or ()) == set(second.shares or ()) == {"text", "speech", "face"}
    assert timeline.people == ("Anna",) and {one.who for one in timeline.readings} == {"Anna"}
    said = [one for one in finals(given) if "text" in (one.shares or ())]
    assert {one.words for one in said} == {"I love this", "I hate it"} and said[-1].who == "Anna"
    assert [one.words for one in given if one.modality == "text"] == ["I love this", "I hate it"]
    as_told(stream, given)


def test_words_that_come_late_make_the_utterance_final_again(one: Shot) -> None:
    settled, given = threading.Event(), list[Reading]()

    def late() -> Iterator[tuple[float, float, str, str]]:
        settled.wait(PATIENCE)
        yield LINES[0]

    stream = reader().stream(itertools.chain(pieces(one.samples), stuck([], settled)), words=late())

    def follow() -> None:
        for reading in stream:
            given.append(reading)
            if len(finals(given)) == 2:
                settled.set()

    within(PATIENCE, follow)
    first, second, again = finals(given)
    assert set(first.shares or ()) == set(second.shares or ()) == {"speech"} and set(again.shares or ()) == {"text", "speech"}
    assert again.start == first.start and again.words == "I love this" and again.who == "Anna"
    as_told(stream, given)


def test_words_that_nobody_is_heard_to_say_are_told_as_well(one: Shot) -> None:
    heard = np.concatenate([one.samples, np.zeros(5 * RATE, np.float32)])
    said = [*LINES[:1], (6.3, 7.0, "I love it", "Ben")]
    given: list[Reading] = []
    stream = reader().stream(slowly(pieces(heard), 0.001), words=iter(said))

    def follow() -> None:
        for reading in stream:
            given.append(reading)

    within(PATIENCE, follow)
    assert [(one.start, one.who) for one in stream.timeline().fused if set(one.shares or ()) == {"text"}] == [(6.3, "Ben")]
    as_told(stream, given)
    alone = reader().stream(words=said)
    assert [one.who for one in run(alone)] == ["Anna", "Ben"] and len(alone.timeline()) == 2 and not alone.timeline().fused


def test_a_piece_that_is_no_line_ends_the_words_alone(one: Shot) -> None:
    stream = reader().stream(pieces(one.samples), words=["I love this"])
    run(stream)
    assert len(stream.timeline().only("speech")) == 2 and stream.timeline().warnings[0].startswith("a line is (start, end, text)")


def test_words_that_are_written_down_late_make_the_utterance_final_again(one: Shot) -> None:
    from affekt.preprocessing.transcript import Word

    class Writing(Staged):
        """Writes down that everybody loves this, slowly."""

        def hear(self, *given: Any, **named: Any) -> Any:
            made = super().hear(*given, **named)
            made.later = True
            made.transcribe, made.read_words = slow, self._turns()
            for listener in made.listeners:
                listener.sampled = True
            return made

    settled, given = threading.Event(), list[Reading]()

    def slow(samples: np.ndarray) -> tuple[Word, ...]:
        settled.wait(PATIENCE)
        return (Word(" I love this", 0.0, 1.0, 0.9, "en"),)

    stream = Writing(speakers=1).stream(pieces(one.samples), pictures=one.frames)

    def follow() -> None:
        for reading in stream:
            given.append(reading)
            if len([one for one in finals(given) if "speech" in (one.shares or ())]) == 2:
                settled.set()

    within(PATIENCE, follow)
    whole = [one for one in stream.timeline().fused if "speech" in (one.shares or ())]
    assert [set(one.shares or ()) for one in whole] == [{"text", "speech", "face"}] * 2
    told = [one for one in finals(given) if "speech" in (one.shares or ())]
    assert ["text" in (one.shares or ()) for one in told] == [False, False, True, True] and told[2].words == "I love this"
    as_told(stream, given)


# --- ends


def ours(before: set[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]


def ended(before: set[threading.Thread]) -> bool:
    """Whether all threads that began since come to an end."""
    for _ in range(50):
        if not ours(before):
            return True
        time.sleep(0.1)
    return False


def endless(frames: Sequence[Timed]) -> Iterator[Timed]:
    for at in itertools.count():
        time.sleep(0.002)
        yield at / 12.5, frames[at % len(frames)][1]


def murmur(samples: np.ndarray) -> Iterator[np.ndarray]:
    while True:
        for _, piece in pieces(samples, 6400):
            time.sleep(0.005)
            yield piece


def test_who_leaves_a_stream_early_leaves_no_thread_behind(one: Shot) -> None:
    before = set(threading.enumerate())
    stream = reader().stream(drained(murmur(one.samples)), pictures=drained(endless(one.frames), most=2))
    for reading in stream:
        if reading.modality == "speech":
            break
    del reading
    assert ended(before) and stream.timeline().readings


def test_who_leaves_an_asynchronous_stream_early_leaves_no_thread_behind(one: Shot) -> None:
    before = set(threading.enumerate())

    async def coming() -> AsyncIterator[np.ndarray]:
        for piece in murmur(one.samples):
            await asyncio.sleep(0)
            yield piece

    async def look() -> int:
        count = 0
        async with aclosing(aiter(reader().stream(coming(), pictures=endless(one.frames)))) as readings:
            async for reading in readings:
                count += 1
                if reading.modality == "speech":
                    break
        return count

    assert within(PATIENCE, lambda: asyncio.run(look())) >= 1 and ended(before)


def test_a_stream_that_is_cancelled_lets_the_loop_go_on(one: Shot) -> None:
    async def look() -> bool:
        stream = reader().stream(murmur(one.samples), pictures=endless(one.frames))

        async def follow() -> None:
            async for _ in stream:
                pass

        task = asyncio.create_task(follow())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    assert within(PATIENCE, lambda: asyncio.run(look()))


# --- devices


def test_a_device_is_read_while_nobody_asks_and_old_frames_go() -> None:
    given, asked = threading.Event(), threading.Event()

    def device() -> Iterator[int]:
        for at in range(10):
            if at == 1:
                asked.wait(5)
            yield at
        given.set()

    frames = drained(device(), most=2)
    assert next(frames) == 0
    asked.set()
    assert given.wait(5)
    time.sleep(0.05)
    assert within(5, lambda: list(frames)) in ([8, 9], [9])  # that it has ended takes a place as well
    assert within(5, lambda: list(drained(iter(range(1000))))) == list(range(1000))


def test_what_a_device_raises_is_raised_where_it_is_used() -> None:
    def device() -> Iterator[int]:
        yield 1
        raise AffektError("it was pulled out")

    pieces_of = drained(device())
    assert next(pieces_of) == 1
    with pytest.raises(AffektError, match="it was pulled out"):
        within(5, lambda: next(pieces_of))
