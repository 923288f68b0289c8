"""What is heard, seen and said in one place, on one clock: who is who, and one fused reading a person and stretch of time.

The stretches are utterances, and for a face whose person says nothing the seconds of the clock. What is fused of one rests on what was
heard and seen until its end, so a stream gives what the batch gives on the same recording.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from math import inf
from threading import Event, Thread
from typing import TypeVar

import numpy as np

from affekt.calibration.reading import DIGITS
from affekt.errors import EmptyInput
from affekt.fusion import fuse
from affekt.hearing import Heard, Hearing
from affekt.parts import Fusion, LabelSet
from affekt.people import People, called
from affekt.preprocessing.mouths import ALONE, MEMORY, speaking, timed
from affekt.results import Reading, Timeline
from affekt.transcripts import Transcript, is_of
from affekt.watching import Sight, Watching

WINDOW = 1.0  # seconds: of a face whose person says nothing
SEEN = 0.3  # share of an utterance in which a face is to be seen that may be the one that speaks
TICK = 0.1  # seconds between two reports
PATIENCE = 2.0  # seconds in which a sense that is stopped should come to an end
LATE, STARTING = 1.0, 3.0  # seconds without a picture after which a stream goes on without, and the same before the first one
Names = tuple[dict[str | None, str], dict[str, str]]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Part:
    """What one fused reading is made of: one reading a modality, of a voice, of a face, or of both."""

    readings: tuple[Reading, ...]
    speaker: str | None = None
    face: str | None = None


class Scene:
    """One source that is heard, seen or both.

    Args:
        rule: by which modalities are fused.
        transcript: of what is said.
    """

    def __init__(
        self,
        hearing: Hearing | None,
        watching: Watching | None,
        *,
        labels: LabelSet,
        rule: Fusion,
        transcript: Transcript | None = None,
    ) -> None:
        self.hearing, self.watching, self.labels, self.rule, self.transcript = hearing, watching, labels, rule, transcript or Transcript()
        self.people = People(frozenset() if hearing is None else hearing.named)
        self.speaker_of: list[str | None] = []  # face that speaks each utterance, in the order in which they end
        self.sights: dict[str, list[Sight]] = {}
        self.indexed = 0
        self.named: tuple[tuple[int, int], Names] = ((0, 0), ({}, {}))  # of how many utterances and lines, and what `names` gave then
        self.failed: list[str] = []  # why one of the senses ended before its time
        self.words = bool(self.transcript.readings) or (hearing is not None and hearing.read_words is not None)  # there may be some

    @property
    def senses(self) -> list[Hearing | Watching]:
        """What there is to read."""
        return [sense for sense in (self.hearing, self.watching) if sense is not None]

    def read(self, *, report: Callable[[], object] = lambda: None) -> None:
        """Hears and looks to the end, side by side, each in a thread of its own; `timeline` is what was read, also when it is stopped.

        Args:
            report: is called ten times a second.

        Raises:
            AffektError: whatever the sound or the pictures cannot be read for; that there is nothing in them `timeline` says.
        """
        over, failed = Event(), list[BaseException]()
        ends = {id(sense): Event() for sense in self.senses}  # not Thread.join, which takes a thread for dead where Ctrl-C interrupts it

        def run(sense: Hearing | Watching) -> None:
            try:
                for _ in sense.readings():
                    pass
            except EmptyInput:
                pass
            except BaseException as error:  # it is raised in the thread that asked
                failed.append(error)
            ends[id(sense)].set()

        self._stop_at(over)
        for sense in self.senses:
            Thread(target=run, args=(sense,), daemon=True).start()
        try:
            while not failed and not all(end.is_set() for end in ends.values()):
                next(end for end in ends.values() if not end.is_set()).wait(TICK)
                report()
        finally:
            over.set()
            for end in ends.values():
                end.wait(PATIENCE)
        if failed:
            raise failed[0]
        for _ in self.settle():
            pass

    def _stop_at(self, over: Event) -> None:
        """Has sound and pictures end when something is over."""
        if self.hearing is not None:
            self.hearing.blocks = _until(over, self.hearing.blocks)
        if self.watching is not None:
            pictures = self.watching.pictures
            self.watching.pictures = replace(pictures, frames=lambda: _until(over, pictures.frames()))

    @property
    def fuses(self) -> bool:
        """Whether there may be several modalities."""
        return len(self.senses) + self.words > 1

    # Whose utterance it is ---------------------------------------------------------------------------------------------------------

    def settle(self, until: float = inf) -> Iterator[int]:
        """Numbers of the utterances that end by `until` and of which it was not known yet whose face speaks them; now it is."""
        self._index()
        heard = self.hearing.heard if self.hearing else []
        while len(self.speaker_of) < len(heard) and heard[len(self.speaker_of)].reading.end <= until:
            one = heard[len(self.speaker_of)]
            evidence = self._evidence(one)
            length = one.reading.end - one.reading.start
            self.speaker_of.append(self.people.speaks(one.reading.who, evidence, seconds=length))
            yield len(self.speaker_of) - 1

    def _evidence(self, heard: Heard) -> dict[str, float]:
        """Face -> log odds that it speaks, of those that are there while it is spoken."""
        start, end = heard.reading.start, heard.reading.end
        faces = self._there(start, end)
        prior = ALONE if len(faces) == 1 else 0.0
        voice = timed(heard.voice, start=start)
        return {face: speaking(self._mouth(face, start, end), voice, prior=prior) for face in faces}

    def _there(self, start: float, end: float) -> list[str]:
        """The faces that are to be seen for long enough in a stretch of time."""
        frames = self._frames(start, end)
        return [face for face in self.sights if frames and len(self._within(face, start, end)) >= SEEN * frames]

    def _mouth(self, face: str, start: float, end: float) -> list[tuple[float, float]]:
        """How a mouth moved in an utterance and a while before."""
        moved = (self.watching.watcher.mouths or {}).get(face, []) if self.watching else []
        return moved[bisect_left(moved, start - MEMORY, key=_moment) : bisect_left(moved, end, key=_moment)]

    # Stretches of time -------------------------------------------------------------------------------------------------------------

    def utterance(self, number: int) -> Part:
        """All that is known of one utterance."""
        assert self.hearing is not None
        one, face = self.hearing.heard[number], self.speaker_of[number]
        start, end = one.reading.start, one.reading.end
        said = one.said or self.transcript.said_in(one.reading)
        seen = self.seen(face, start, end) if face else None
        return Part(tuple(filter(None, (said, one.reading, seen))), one.reading.who, face)

    def seen(self, face: str, start: float, end: float, *, provisional: bool = False) -> Reading | None:
        """What a face shows in a stretch of time: the mean of its sights, weighted by clarity; None: it is not to be seen."""
        assert self.watching is not None
        sights = self._within(face, start, end)
        if not sights:
            return None
        clear = np.array([0.0 if sight.reason else sight.clarity for sight in sights])
        judged = sights if not clear.any() else [sight for sight, one in zip(sights, clear, strict=True) if one]
        weights = clear[clear > 0] if clear.any() else np.ones(len(sights))
        scores = np.asarray((weights[:, None] * np.stack([sight.scores for sight in judged])).sum(0) / weights.sum(), np.float32)
        one = replace(judged[0], start=sights[0].start, end=max(min(sights[-1].end, end), sights[0].start))
        made = self.watching.watcher.reading(one, scores)
        clarity = round(float(clear.sum()) / max(self._frames(start, end), len(sights)), DIGITS)
        return replace(made, clarity=clarity, provisional=provisional)

    def alone(self, face: str, *, since: float = 0.0, until: float = inf) -> Iterator[tuple[float, float]]:
        """What is left of the seconds in which a face is to be seen, from `since` to `until`, without the utterances that it speaks.

        Whole seconds, as far as is settled by now whose face speaks which utterance.
        """
        mine = (one.reading for one, whose in self._settled() if whose == face and one.reading.end > since)
        spoken = sorted((one.start, one.end) for one in mine)  # two microphones may hear one face at once
        for second in sorted({int(sight.start // WINDOW) for sight in self._within(face, since, until)}):
            begin, end = second * WINDOW, (second + 1) * WINDOW
            if end <= until:
                yield from _without(begin, end, spoken)

    def _settled(self) -> Iterator[tuple[Heard, str | None]]:
        return zip(self.hearing.heard if self.hearing else [], self.speaker_of, strict=False)

    def _index(self) -> None:
        """Takes in what has been seen since."""
        if self.watching is None:
            return
        new = self.watching.sights[self.indexed :]
        self.indexed += len(new)
        for sight in new:
            self.people.appear(sight.who)
            self.sights.setdefault(sight.who, []).append(sight)

    def _within(self, face: str, start: float, end: float) -> list[Sight]:
        sights = self.sights.get(face, [])
        return sights[bisect_left(sights, start, key=_start) : bisect_left(sights, end, key=_start)]

    def _frames(self, start: float, end: float) -> int:
        times = self.watching.times if self.watching else []
        return bisect_left(times, end) - bisect_left(times, start)

    # The whole ---------------------------------------------------------------------------------------------------------------------

    def timeline(self) -> Timeline:
        """What has been heard and seen so far; of a scene that goes on this decides nothing that is still to come.

        Raises:
            EmptyInput: neither speech nor a face was found.
        """
        scene = self.copied()
        for _ in scene.settle():
            pass
        return scene._timeline()

    def copied(self) -> "Scene":
        """The scene as of now; what is decided in one of the two is not in the other."""
        scene = copy(self)
        scene.people, scene.transcript, scene.speaker_of = deepcopy(self.people), self.transcript.copied(), [*self.speaker_of]
        scene.sights = {face: [*sights] for face, sights in self.sights.items()}
        return scene

    def _timeline(self) -> Timeline:
        self._look_back()
        voices, faces = self.names()
        parts = list(self.parts())
        whose = [person(part, voices, faces) for part in parts]
        made, missing = self._made(whose[: len(self.speaker_of)])
        read = [*(_renamed(reading, faces) for one in made for reading in one.readings), *self._lines(whose)]
        several = len({reading.modality for reading in read}) > 1
        spans = {(one.start, one.end): one.span for one in read if one.modality == "text"}
        fused = [self.fused(_with_span(part, spans), who) for part, who in zip(parts, whose, strict=True) if several]
        return Timeline(
            source=made[0].source if made else "stream",
            duration=max(one.duration for one in made) if made else max(line.end for line in self.transcript.readings),
            unit="seconds",
            labels=self.labels.name,
            readings=tuple(read),
            fused=tuple(sorted(fused, key=lambda reading: (reading.start, reading.end))),
            transcript=self.transcript.text or next((one.transcript for one in made if one.transcript is not None), None),
            warnings=(
                *(warning for one in made for warning in one.warnings),
                *(str(error).partition(";")[0] for error in missing),
                *self.failed,
            ),
            people=tuple(dict.fromkeys(faces.get(who, who) for one in made for who in one.people)),
            events=tuple(replace(event, who=faces.get(event.who or "", event.who)) for one in made for event in one.events),
        )

    def _look_back(self) -> None:
        """Gives utterances whose face could not be told to the face that the voice belongs to, as is known by now, where it was seen."""
        joined = self.people.joined()
        for number, (one, face) in enumerate([*self._settled()]):
            own = None if face else joined.get(one.reading.who)
            if own is not None and own in self._there(one.reading.start, one.reading.end):
                self.speaker_of[number] = own

    def _made(self, whose: Sequence[str | None]) -> tuple[list[Timeline], list[EmptyInput]]:
        made, missing = list[Timeline](), list[EmptyInput]()
        for sense in self.senses:
            try:
                made.append(sense.timeline(whose) if isinstance(sense, Hearing) else sense.timeline())
            except EmptyInput as error:
                missing.append(error)
        if not made and (missing or not self.transcript.readings):
            raise EmptyInput("; ".join([*self.failed, *map(str, missing)]) or "nothing has been said")
        return made, missing

    def parts(self) -> Iterator[Part]:
        """All that fused readings are made of."""
        for number in range(len(self.speaker_of)):
            yield self.utterance(number)
        for face in self.sights:
            for start, end in self.alone(face):
                if (seen := self.seen(face, start, end)) is not None:
                    yield Part((seen,), face=face)
        heard = {id(line) for one, _ in self._settled() for line, _ in self.transcript.of(one.reading)}
        yield from (Part((line,)) for line in self.transcript.readings if id(line) not in heard)

    def _lines(self, whose: Sequence[str | None]) -> Iterator[Reading]:
        """The lines of the transcript; one that has no name, or another than was given, is of who is heard for most of it."""
        most: dict[int, tuple[float, str | None]] = {}
        for (one, _), who in zip(self._settled(), whose, strict=False):
            for line, seconds in self.transcript.of(one.reading):
                if (line.who is None or one.reading.who in self.people.given) and seconds > most.get(id(line), (0.0, None))[0]:
                    most[id(line)] = (seconds, who)
        for line in self.transcript.readings:
            yield replace(line, who=most[id(line)][1]) if id(line) in most else line

    def fused(self, part: Part, who: str | None) -> Reading:
        """One reading of a part, of a person."""
        return replace(fuse(part.readings, self.labels, rule=self.rule), who=who)

    def names(self) -> Names:
        """Voice -> what the person is called, and face -> likewise, by all that is settled and said now; see `People.names`."""
        known = (len(self.speaker_of), len(self.transcript.readings))
        if known != self.named[0]:  # a stream asks with every reading
            heard = [one.reading for one, _ in self._settled()] if self.transcript.readings else []
            shared = [(one.who, line.who, seconds) for one in heard for line, seconds in self.transcript.of(one) if line.who]
            self.named = (known, self.people.names(called(shared)))
        return self.named[1]

    def spoken_in(self, line: Reading) -> list[int]:
        """The utterances, of those that are settled, that a line of the transcript is of."""
        return [number for number, (one, _) in enumerate(self._settled()) if one.said in (None, line) and is_of(line, one.reading)]


def _until(over: Event, items: Iterator[Item]) -> Iterator[Item]:
    for item in items:
        if over.is_set():
            return
        yield item


def _start(sight: Sight) -> float:
    return sight.start


def _moment(move: tuple[float, float]) -> float:
    return move[0]


def _without(begin: float, end: float, spoken: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """What is left of a stretch outside of others, which are in order of time."""
    for start, stop in spoken:
        if start < end and stop > begin:
            if start > begin:
                yield begin, start
            begin = max(begin, stop)
    if begin < end:
        yield begin, end


def _renamed(reading: Reading, faces: dict[str, str]) -> Reading:
    return replace(reading, who=faces.get(reading.who or "", reading.who)) if reading.modality == "face" else reading


def _with_span(part: Part, spans: Mapping[tuple[float, float], tuple[int, int] | None]) -> Part:
    """A part whose words know where they stand in the transcript."""
    known = [replace(one, span=one.span or spans.get((one.start, one.end))) if one.modality == "text" else one for one in part.readings]
    return replace(part, readings=tuple(known))


def person(part: Part, voices: dict[str | None, str], faces: dict[str, str]) -> str | None:
    """What the person of a part is called: as the face is, where none is seen as the voice is, and of a line alone as the line says."""
    if part.face is not None:
        return faces.get(part.face, part.face)
    if part.readings[-1].modality == "text":
        return part.readings[-1].who
    return voices.get(part.speaker, part.speaker)
