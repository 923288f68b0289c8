"""A scene while it happens: readings of each modality as they come, and fused ones, provisional at once and final soon after.

Sound and pictures are read side by side, each in a thread of its own. A fused reading of an utterance is final when all that it is made of
has come: sound up to its end and the pause after it, and pictures up to the same moment. When no picture has come for a second, those of
the time until then are not waited for any more; if they come all the same, they are in the timeline. A fused reading of what a face shows
is final when the second of the clock is over. What comes later takes the place of what came before: a fused reading that of those of the
same person that begin in its stretch. So an utterance takes the place of the seconds of the face that spoke it, and words that come when
their utterance was final make it final once more.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf
from queue import Empty, SimpleQueue
from typing import Any

from affekt.errors import EmptyInput, InputError
from affekt.hearing import Hearing
from affekt.results import Reading, Timeline
from affekt.scene import LATE, PATIENCE, STARTING, WINDOW, Part, Scene, person
from affekt.sources.live import blocking
from affekt.watching import Watching

UNHEARD = 2.0  # seconds of sound after a line, from which nobody is heard to say it: by then an utterance has begun or ended
TICK = 0.1  # seconds after which it is looked whether something has become final, where nothing comes
Adapt = Callable[[Any], Any]  # an iterable of pieces, made such that a thread may iterate it and a stop ends it
Arrival = Reading | BaseException | None  # what a thread has read, why it failed, or that it is at its end


@dataclass(slots=True)
class Live:
    """What of a scene has been given out, and what is due.

    Args:
        given: face -> seconds up to which it has been given out.
        pending: voice -> what is provisionally heard of an utterance that goes on.
        waiting: lines of which it is not known yet whether anybody is heard to say them.
        progress: how far pictures had come when they last came, and when that was.
    """

    scene: Scene
    given: dict[str, float] = field(default_factory=dict)
    pending: dict[str | None, Reading] = field(default_factory=dict)
    waiting: list[Reading] = field(default_factory=list)
    progress: tuple[float, float] = (0.0, 0.0)

    def told(self, reading: Reading) -> Iterator[Reading]:
        """A reading that has just come, and what follows from it."""
        yield self.named(reading)
        yield from self.said(reading) if reading.modality == "text" else self.after(reading)

    def after(self, reading: Reading) -> Iterator[Reading]:
        """What follows from a reading that has just come: what is final now, and what is provisional of the person."""
        if reading.modality == "speech":
            if reading.provisional:
                self.pending[reading.who] = reading
            else:
                self.pending.clear()  # who goes on to speak is heard again a moment later
        yield from self.due()
        self.pending = {who: one for who, one in self.pending.items() if one.start >= self._spoken()}  # of what is final now nothing is
        if not self.scene.fuses:
            return
        if reading.modality == "face" and reading.who is not None:
            yield from self._provisional(self._speaks(reading.who), reading.who, until=reading.end)
        elif reading in self.pending.values():
            yield from self._provisional(reading, self._face(reading), until=reading.end)

    def named(self, reading: Reading) -> Reading:
        """A reading of one modality as of the person, as far as is known by now."""
        voices, faces = self.scene.names()
        if reading.modality == "face":
            return replace(reading, who=faces.get(reading.who or "", reading.who))
        return (
            reading
            if self.scene.transcript.readings and reading.modality == "text"
            else replace(reading, who=voices.get(reading.who, reading.who))
        )

    def due(self, *, ended: bool = False) -> Iterator[Reading]:
        """Fused readings that are final now."""
        scene, until = self.scene, inf if ended else self._seen()
        for number in scene.settle(until):
            if scene.fuses:
                yield self._fused(scene.utterance(number))
                yield from self._around(number)
        for face in scene.sights if scene.fuses else ():
            yield from self._seconds(face, since=self.given.get(face, 0.0), until=until)
            self.given[face] = max(self.given.get(face, 0.0), until // WINDOW * WINDOW if until < inf else inf)
        yield from self._unheard(ended=ended)

    def _unheard(self, *, ended: bool) -> Iterator[Reading]:
        """Lines that nobody is heard to say, as soon as that is known."""
        scene, hearing = self.scene, self.scene.hearing
        busy = hearing is not None and (len(hearing.heard) > len(scene.speaker_of) or any(one.going for one in hearing.listeners))
        if busy and not ended:
            return
        for line in [line for line in self.waiting if ended or hearing is None or line.end + UNHEARD < hearing.position]:
            self.waiting.remove(line)
            if scene.fuses and not scene.spoken_in(line):
                yield self._fused(Part((line,)))

    def _around(self, number: int) -> Iterator[Reading]:
        """What an utterance leaves of the seconds in which it begins and ends, of those that were given out whole."""
        heard, face = self.scene.hearing, self.scene.speaker_of[number]
        if heard is None or face is None:
            return
        start, end = heard.heard[number].reading.start, heard.heard[number].reading.end
        for second in sorted({start // WINDOW * WINDOW, end // WINDOW * WINDOW}):
            if second + WINDOW <= self.given.get(face, 0.0):
                yield from self._seconds(face, since=second, until=second + WINDOW)

    def _seconds(self, face: str, *, since: float, until: float) -> Iterator[Reading]:
        for start, end in self.scene.alone(face, since=since, until=until):
            if (seen := self.scene.seen(face, start, end)) is not None:
                yield self._fused(Part((seen,), face=face))

    def said(self, line: Reading) -> Iterator[Reading]:
        """What changes by words that come when their utterance is final already."""
        numbers = self.scene.spoken_in(line)
        if self.scene.transcript.readings and not numbers:
            self.waiting.append(line)
        for number in numbers:
            yield self._fused(self.scene.utterance(number))

    def _seen(self) -> float:
        """Seconds up to which pictures have come, or are not waited for any more."""
        watching, hearing = self.scene.watching, self.scene.hearing
        if watching is None or watching.ended:
            return inf
        now = time.monotonic()
        if watching.position != self.progress[0] or not self.progress[1]:
            self.progress = (watching.position, now)
        away = hearing is not None and now - self.progress[1] > (LATE if watching.position else STARTING)
        return max(watching.position, hearing.position - LATE) if away and hearing else watching.position

    def _provisional(self, spoken: Reading | None, face: str | None, *, until: float) -> Iterator[Reading]:
        start = max(until // WINDOW * WINDOW, self._spoken(face)) if spoken is None else spoken.start
        if spoken is None and face is not None and self.given.get(face, 0.0) > start:
            return
        seen = self.scene.seen(face, start, until, provisional=True) if face else None
        readings = tuple(filter(None, (spoken, seen)))
        if readings:
            yield self._fused(Part(readings, spoken.who if spoken else None, face))

    def _spoken(self, face: str | None = None) -> float:
        """Seconds at which the last utterance ends that is final, of this face or of anybody."""
        heard, speaker_of = self.scene.hearing, self.scene.speaker_of
        last = next((at for at in reversed(range(len(speaker_of))) if face in (None, speaker_of[at])), None)
        return 0.0 if heard is None or last is None else heard.heard[last].reading.end

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
    """Readings of a scene that goes on: iterate it once, with `async for` or `for`; `timeline` is what has been read so far.

    Args:
        make: opens the scene; it is given what every iterable of pieces has to go through.
        words: pieces of what is said, as `Reader.stream` takes them; None: nobody gives any.
        read: the reading of one such piece.
    """

    def __init__(self, make: Callable[[Adapt], Scene], *, words: Any = None, read: Callable[[Any], Reading] | None = None) -> None:
        self._make, self._words, self._read = make, words, read
        self._stop = threading.Event()
        self._scene: Scene | None = None
        self._ends: list[threading.Event] = []  # of its threads
        self._lost: list[Exception] = []  # why pieces ended before their time
        self._began: float | None = None
        self._merging = threading.Lock()  # held while the scene changes, so that `timeline` may be asked for in any thread

    def __iter__(self) -> Iterator[Reading]:
        try:
            yield from self._readings(self._until)
        finally:
            self._wait()

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
            await asyncio.to_thread(self._wait)

    def stop(self) -> None:
        """Ends the stream after the piece that comes next, or two seconds later where none comes."""
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
        with self._merging:
            scene = self._scene.copied()
        return scene.timeline()

    def _wait(self) -> None:
        """Waits until all threads have come to an end, but not long: one may hang in a device."""
        until = time.monotonic() + PATIENCE
        for end in self._ends:
            end.wait(max(until - time.monotonic(), 0.0))

    def _until(self, pieces: Any) -> Any:
        if isinstance(pieces, AsyncIterable):
            raise InputError("pieces that come asynchronously are read with `async for reading in reader.stream(…)`, not with `for`")
        return self._stoppable(pieces) if isinstance(pieces, Iterable) and not isinstance(pieces, (str, bytes)) else pieces

    def _stoppable(self, pieces: Iterable[Any]) -> Iterator[Any]:
        try:
            for piece in pieces:
                if self._stop.is_set():
                    return
                self._began = self._began or time.monotonic()
                yield piece
        except Exception as error:  # what has come until then is read to its end
            self._lost.append(error)
        finally:
            if isinstance(pieces, Generator):
                pieces.close()  # a device may be behind it

    def _readings(self, adapt: Adapt) -> Iterator[Reading]:
        if self._scene is not None:
            raise InputError("a stream can be iterated once; make another with reader.stream(…)")
        self._scene = scene = self._make(adapt)
        arrivals: SimpleQueue[Arrival] = SimpleQueue()
        flows = [_heard(sense) for sense in scene.senses]
        if scene.hearing is not None and scene.hearing.later:
            flows.append(scene.hearing.words(over=self._stop))
        if self._words is not None:
            scene.words = True
            flows.append(self._spoken(adapt(self._words), scene))
        self._ends = [threading.Event() for _ in flows]
        for flow, end in zip(flows, self._ends, strict=True):
            threading.Thread(target=_pump, args=(flow, arrivals, end), daemon=True).start()
        try:
            yield from self._merged(Live(scene), arrivals, len(flows))
        finally:
            self.stop()

    def _merged(self, live: Live, arrivals: "SimpleQueue[Arrival]", flows: int) -> Iterator[Reading]:
        """What comes out of the flows, and what follows from it. One that fails ends; the stream fails when all has failed.

        Where it is stopped, one that gives nothing for a while is not waited for.
        """
        failed: list[BaseException] = []
        last = time.monotonic()
        while flows:
            arrival = None
            with suppress(Empty):
                arrival = arrivals.get(timeout=TICK)
                last = time.monotonic()
                flows -= not isinstance(arrival, Reading)
                failed += [arrival] if isinstance(arrival, BaseException) else []
            live.scene.failed = [str(error) for error in (*self._lost, *failed) if not isinstance(error, EmptyInput)]
            flows = 0 if self._stop.is_set() and time.monotonic() - last > PATIENCE else flows
            with self._merging:
                told = list(live.told(arrival) if isinstance(arrival, Reading) else live.due(ended=not flows))
            yield from told
        empty = sum(isinstance(error, EmptyInput) for error in failed)  # what is lost at its begin is empty as well
        if len(failed) - empty + max(len(self._lost), empty) >= len(live.scene.senses) + (self._words is not None):
            raise [*self._lost, *failed][0]

    def _spoken(self, pieces: Iterable[Any], scene: Scene) -> Iterator[Reading]:
        assert self._read is not None
        for piece in pieces:
            line = self._read(piece)
            scene.transcript.readings.append(line)
            yield line


def _heard(sense: Hearing | Watching) -> Iterator[Reading]:
    return sense.readings(provisional=True) if isinstance(sense, Hearing) else sense.readings()


def _pump(flow: Iterator[Reading], arrivals: "SimpleQueue[Arrival]", end: threading.Event) -> None:
    """Reads one flow to its end, in a thread of its own."""
    last: Arrival = None
    try:
        for reading in flow:
            arrivals.put(reading)
    except BaseException as error:  # it is raised where the stream is iterated
        last = error
    arrivals.put(last)
    end.set()
