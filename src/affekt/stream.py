"""A scene while it happens: readings of each modality as they come, and fused ones, provisional at once and final soon after.

Sound and pictures are read side by side, each in a thread of its own. A fused reading is final when all that it is made of has come: sound
up to the end of the utterance and the pause after it, pictures up to the same moment. Pictures that lag more than `LATE` behind the sound
are not waited for; when they come all the same, they are in the timeline. Words that come after their utterance was final make it final
once more: of two readings of one person with the same start the later one holds.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf
from queue import Empty, SimpleQueue
from typing import Any

from affekt.errors import EmptyInput, InputError
from affekt.hearing import Hearing
from affekt.results import Reading, Timeline
from affekt.scene import LATE, WINDOW, Part, Scene, person
from affekt.sources.live import blocking
from affekt.watching import Watching

TICK = 0.1  # seconds after which it is looked whether something has become final, where nothing comes
Adapt = Callable[[Any], Any]  # an iterable of pieces, made such that a thread may iterate it and a stop ends it
Arrival = Reading | BaseException | None  # what a thread has read, why it failed, or that it is at its end


@dataclass(slots=True)
class Live:
    """What of a scene has been given out, and what is due.

    Args:
        given: face -> second of the clock up to which it has been given out.
        pending: voice -> what is provisionally heard of an utterance that goes on.
    """

    scene: Scene
    given: dict[str, float] = field(default_factory=dict)
    pending: dict[str | None, Reading] = field(default_factory=dict)

    def after(self, reading: Reading) -> Iterator[Reading]:
        """What follows from a reading that has just come: what is final now, and what is provisional of the person."""
        if reading.modality == "speech":
            if reading.provisional:
                self.pending[reading.who] = reading
            else:
                self.pending.clear()  # who goes on to speak is heard again a moment later
        yield from self.due()
        if not self.scene.fuses:
            return
        if reading.modality == "face" and reading.who is not None:
            yield from self._provisional(self._speaks(reading.who), reading.who, until=reading.end)
        elif reading.provisional:
            yield from self._provisional(reading, self._face(reading), until=reading.end)

    def due(self, *, ended: bool = False) -> Iterator[Reading]:
        """Fused readings that are final now."""
        scene, until = self.scene, inf if ended else self._seen()
        for number in scene.settle(until):
            if scene.fuses:
                yield self._fused(scene.utterance(number))
        if not scene.fuses:
            return
        settled = min(until, inf if scene.hearing is None or ended else scene.hearing.settled)
        for face in scene.sights:
            for start, end in scene.alone(face, since=self.given.get(face, 0.0), until=settled):
                if (seen := scene.seen(face, start, end)) is not None:
                    yield self._fused(Part((seen,), face=face))
            self.given[face] = max(self.given.get(face, 0.0), settled // WINDOW * WINDOW if settled < inf else inf)

    def said(self, line: Reading) -> Iterator[Reading]:
        """What changes by words that come when their utterance is final already."""
        for number in self.scene.spoken_in(line):
            yield self._fused(self.scene.utterance(number))

    def _seen(self) -> float:
        """Seconds up to which pictures have come, or are not waited for any more."""
        watching, hearing = self.scene.watching, self.scene.hearing
        if watching is None or watching.ended:
            return inf
        return max(watching.position, (hearing.position - LATE) if hearing else 0.0)

    def _provisional(self, spoken: Reading | None, face: str | None, *, until: float) -> Iterator[Reading]:
        start = until // WINDOW * WINDOW if spoken is None else spoken.start
        seen = self.scene.seen(face, start, until, provisional=True) if face else None
        readings = tuple(filter(None, (spoken, seen)))
        if readings:
            yield self._fused(Part(readings, spoken.who if spoken else None, face))

    def _speaks(self, face: str) -> Reading | None:
        """What is provisionally heard of the person with this face."""
        return next((reading for reading in self.pending.values() if self._face(reading) == face), None)

    def _face(self, spoken: Reading) -> str | None:
        there = [face for face, sights in self.scene.sights.items() if sights[-1].start >= spoken.start]
        return self.scene.people.likeliest(spoken.who, {face: 1.0 if len(there) == 1 else 0.0 for face in there})

    def _fused(self, part: Part) -> Reading:
        words = next((reading.words for reading in part.readings if reading.words), None)
        return replace(self.scene.fused(part, person(part, *self.scene.names())), words=words)


class Stream:
    """Readings of a scene that goes on: iterate it, with `async for` or `for`; `timeline` is what has been read so far.

    Args:
        make: opens the scene; it is given what every iterable of pieces has to go through.
        words: pieces of what is said, as `Reader.stream` takes them; None: nobody gives any.
        read: the reading of one such piece.
    """

    def __init__(self, make: Callable[[Adapt], Scene], *, words: Any = None, read: Callable[[Any], Reading] | None = None) -> None:
        self._make, self._words, self._read = make, words, read
        self._stop = threading.Event()
        self._scene: Scene | None = None
        self._began: float | None = None

    def __iter__(self) -> Iterator[Reading]:
        return self._readings(self._until)

    async def __aiter__(self) -> AsyncIterator[Reading]:
        loop = asyncio.get_running_loop()

        def adapt(pieces: Any) -> Any:
            return self._until(blocking(pieces, loop) if isinstance(pieces, AsyncIterable) else pieces)

        readings = self._readings(adapt)
        try:
            while (reading := await asyncio.to_thread(next, readings, None)) is not None:
                yield reading
        finally:
            self.stop()

    def stop(self) -> None:
        """Ends the stream after the piece that comes next."""
        self._stop.set()

    def now(self) -> float:
        """Seconds since the first piece came."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def timeline(self) -> Timeline:
        """What has been read so far; when the stream has ended, what `Reader.read` gives of the same recording.

        Raises:
            EmptyInput: nothing has, or neither speech nor a face was found.
        """
        if self._scene is None:
            raise EmptyInput("the stream has not begun; iterate it first")
        return self._scene.timeline()

    def _until(self, pieces: Any) -> Any:
        if isinstance(pieces, AsyncIterable):
            raise InputError("pieces that come asynchronously are read with `async for reading in reader.stream(…)`, not with `for`")
        return self._stoppable(pieces) if isinstance(pieces, Iterable) and not isinstance(pieces, (str, bytes)) else pieces

    def _stoppable(self, pieces: Iterable[Any]) -> Iterator[Any]:
        for piece in pieces:
            if self._stop.is_set():
                return
            self._began = self._began or time.monotonic()
            yield piece

    def _readings(self, adapt: Adapt) -> Iterator[Reading]:
        self._scene = scene = self._make(adapt)
        arrivals: SimpleQueue[Arrival] = SimpleQueue()
        flows = [_heard(sense) for sense in scene.senses]
        if self._words is not None:
            flows.append(self._spoken(adapt(self._words), scene))
        for flow in flows:
            threading.Thread(target=_pump, args=(flow, arrivals), daemon=True).start()
        try:
            yield from _merged(Live(scene), arrivals, len(flows))
        finally:
            self.stop()

    def _spoken(self, pieces: Iterable[Any], scene: Scene) -> Iterator[Reading]:
        assert self._read is not None
        for piece in pieces:
            line = self._read(piece)
            scene.transcript.readings.append(line)
            yield line


def _heard(sense: Hearing | Watching) -> Iterator[Reading]:
    return sense.readings(provisional=True) if isinstance(sense, Hearing) else sense.readings()


def _pump(flow: Iterator[Reading], arrivals: "SimpleQueue[Arrival]") -> None:
    """Reads one flow to its end, in a thread of its own."""
    try:
        for reading in flow:
            arrivals.put(reading)
    except BaseException as error:  # it is raised where the stream is iterated
        arrivals.put(error)
        return
    arrivals.put(None)


def _merged(live: Live, arrivals: "SimpleQueue[Arrival]", flows: int) -> Iterator[Reading]:
    """What comes out of the flows, and what follows from it. One that fails ends; the stream fails when none is left that goes on."""
    failed: list[BaseException] = []
    going = flows
    while going:
        arrival = None
        with suppress(Empty):
            arrival = arrivals.get(timeout=TICK)
            if not isinstance(arrival, Reading):
                going -= 1
                failed += [] if arrival is None else [arrival]
        if isinstance(arrival, Reading):
            yield arrival
            yield from live.said(arrival) if arrival.modality == "text" else live.after(arrival)
        else:
            yield from live.due(ended=not going)
    if failed and len(failed) == flows:
        raise failed[0]
    live.scene.failed += [str(error) for error in failed]
