"""Recordings that streams are made of, and what has to hold of each."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt.results import Event, Reading, Timeline
from affekt.sources.audio import open_audio
from affekt.sources.pictures import open_video
from affekt.stream import Stream
from staged import Line, Staged, Timed, film, sound, within, write_film

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


def anna_speaks(folder: Path) -> Shot:
    """Anna is to be seen, and speaks twice."""
    return shot(folder / "one.mkv", [Line(0.4, 0, "anna"), Line(3.3, 2, "anna")], seconds=5.6, there=("anna",))


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


def stuck(items: Iterable[Any], over: threading.Event) -> Iterator[Any]:
    """What is there, and then nothing comes any more, as of a device that hangs."""
    yield from items
    over.wait(PATIENCE)
