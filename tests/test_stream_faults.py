"""Streams that stop, jump, overlap or run apart, and of which a part is gone: the rest goes on, on its clock."""

import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt import stream as room
from affekt.errors import EmptyInput, InputError
from affekt.results import Reading
from shots import (
    PATIENCE,
    Shot,
    alike,
    as_told,
    finals,
    reader,
    run,
    slowly,
    stuck,
)
from staged import Line, Staged, Timed, film, pieces, sound, within, words, write_film

# --- what goes wrong


def test_a_stream_that_is_stopped_ends_and_has_a_timeline(one: Shot) -> None:
    stream = reader().stream(itertools.chain(pieces(one.samples), itertools.cycle([np.zeros(640, np.float32)])), pictures=one.frames)

    def follow() -> None:
        for reading in stream:
            if reading.modality == "speech" and not reading.provisional:
                stream.stop()

    within(PATIENCE, follow)
    assert 1 <= len(stream.timeline().only("speech")) <= 2


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
