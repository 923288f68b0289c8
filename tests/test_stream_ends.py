"""Words that come late, and how a stream ends: nothing is left behind."""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt.errors import AffektError
from affekt.results import Clip, Reading
from affekt.sources.audio import RATE
from affekt.sources.devices import drained
from shots import (
    PATIENCE,
    Shot,
    as_told,
    finals,
    reader,
    run,
    slowly,
    stuck,
)
from staged import Staged, Text, Timed, pieces, within

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


@pytest.mark.parametrize("turns", [0, 2])
def test_a_line_is_read_after_those_before_it_as_many_as_its_model_takes_live_as_in_a_file(turns: int, tmp_path: Path) -> None:
    said = ["I love this", "and that", "so it is", "I hate it"]
    shown: list[tuple[str, tuple[str, ...]]] = []

    class Reminded(Text):
        card = replace(Text.card, facts={"turns": turns})

        def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, np.ndarray]:
            shown.extend((clip.data, clip.before) for clip in clips)
            return super().__call__(clips, labels=labels)

    class Reminding(Staged):
        encoder = property(lambda self: Reminded())  # type: ignore[assignment]

    run(Reminding().stream(words=[(at, at + 0.9, line, "Anna") for at, line in enumerate(said)]))
    assert shown == [(line, tuple(said[max(at - turns, 0) : at])) for at, line in enumerate(said)]
    live = sorted(shown)
    shown.clear()
    file = tmp_path / "talk.vtt"
    file.write_text("WEBVTT\n\n" + "\n\n".join(f"00:0{at}.000 --> 00:0{at}.900\n<v Anna>{line}" for at, line in enumerate(said)))
    Reminding().read(file)
    assert sorted(shown) == live


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
            made.transcribe, made.read_words = slow, self._texts.conversation()
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
