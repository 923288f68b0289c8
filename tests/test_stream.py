"""A scene while it happens: what is said at once, what is final, and in the end the timeline that the recording of it has."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt.errors import EmptyInput, InputError
from affekt.results import Reading, Timeline
from affekt.sources.audio import RATE
from affekt.sources.playback import play
from shots import (
    PATIENCE,
    Shot,
    alike,
    as_told,
    finals,
    reader,
    run,
    shot,
    slowly,
)
from staged import Line, Timed, film, pieces, sound, within


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    """Anna and Ben are to be seen; she speaks, then he does."""
    lines = [Line(0.5, 0, "anna"), Line(3.4, 1, "ben", low=True)]
    return shot(tmp_path_factory.mktemp("two") / "two.mkv", lines, seconds=8.2, there=("anna", "ben"))


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
        while not over.wait(0.001):  # else it may keep the stream from going on
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
                shown = count.pictures + 0.4 if reading.provisional and "face" in (reading.shares or ()) else 0.0  # a look at a face stands
                assert reading.end <= max(count.sound + 0.04, shown)
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
