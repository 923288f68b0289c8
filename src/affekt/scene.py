"""What is heard, seen and said in one place, on one clock: who is who, and one fused reading a person and stretch of time.

The stretches are utterances, and for a face whose person says nothing the seconds of the clock. What is fused of one rests on what was
heard and seen until its end, so a stream gives what the batch gives on the same recording.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from affekt.calibration.reading import DIGITS
from affekt.errors import EmptyInput
from affekt.fusion import fuse
from affekt.hearing import Heard, Hearing
from affekt.parts import Fusion, LabelSet
from affekt.people import People, longest
from affekt.preprocessing.mouths import ALONE, MEMORY, speaking
from affekt.preprocessing.speech import FRAME
from affekt.results import Reading, Timeline
from affekt.sources.audio import RATE
from affekt.transcripts import Transcript
from affekt.watching import Sight, Watching

WINDOW = 1.0  # seconds: of a face whose person says nothing
SEEN = 0.3  # share of an utterance in which a face is to be seen that may be the one that speaks
SAID = 0.3  # share of an utterance, or of a line of a transcript, that both last, from which the line is of the utterance
LATE = 0.5  # seconds that pictures may lag behind the sound before a stream goes on without them


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
        self.failed: list[str] = []  # why one of the senses ended before its time

    @property
    def senses(self) -> list[Hearing | Watching]:
        """What there is to read."""
        return [sense for sense in (self.hearing, self.watching) if sense is not None]

    @property
    def fuses(self) -> bool:
        """Whether there may be several modalities."""
        words = bool(self.transcript.readings) or (self.hearing is not None and self.hearing.read_words is not None)
        return len(self.senses) + words > 1

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
        """Face -> log odds that it speaks, of those that are to be seen for long enough while it is spoken."""
        start, end = heard.reading.start, heard.reading.end
        if self.watching is None:
            return {}
        frames = self._frames(start, end)
        faces = [face for face in self.sights if frames and len(self._within(face, start, end)) >= SEEN * frames]
        prior = ALONE if len(faces) == 1 else 0.0
        voice = [(start + (at + 0.5) * FRAME / RATE, float(level)) for at, level in enumerate(heard.voice)]
        return {face: speaking(self._mouth(face, start, end), voice, prior=prior) for face in faces}

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
        said = one.said or self._line(one.reading)
        seen = self.seen(face, start, end) if face else None
        return Part(tuple(filter(None, (said, one.reading, seen))), one.reading.who, face)

    def _line(self, spoken: Reading) -> Reading | None:
        """What the transcript says in an utterance: its lines' mean, weighted by how long they last in it."""
        lines = [(line, _common(line, spoken)) for line in self.transcript.readings if _is_of(line, spoken)]
        return _mean(lines) if lines else None

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
        """The seconds in which a face is to be seen and does not speak an utterance that is settled; whole ones from `since` to `until`."""
        sights = self._within(face, since, until)
        spoken = [(one.reading.start, one.reading.end) for one, whose in self._settled() if whose == face and one.reading.end > since]
        for second in sorted({int(sight.start // WINDOW) for sight in sights}):
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
        """What has been heard and seen so far.

        Raises:
            EmptyInput: neither speech nor a face was found.
        """
        for _ in self.settle():
            pass
        voices, faces = self.names()
        parts = list(self.parts())
        whose = [person(part, voices, faces) for part in parts]
        made, missing = self._made(whose)
        lines = [replace(line, who=voices.get(line.who, line.who)) for line in self.transcript.readings]
        read = [*(_renamed(reading, faces) for one in made for reading in one.readings), *lines]
        several = len({reading.modality for reading in read}) > 1
        fused = [self.fused(part, who) for part, who in zip(parts, whose, strict=True) if several]
        return Timeline(
            source=made[0].source,
            duration=max(one.duration for one in made),
            unit=made[0].unit,
            labels=made[0].labels,
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

    def _made(self, whose: Sequence[str | None]) -> tuple[list[Timeline], list[EmptyInput]]:
        made, missing = list[Timeline](), list[EmptyInput]()
        for sense in self.senses:
            try:
                made.append(sense.timeline(whose) if isinstance(sense, Hearing) else sense.timeline())
            except EmptyInput as error:
                missing.append(error)
        if not made:
            raise EmptyInput("; ".join(str(error) for error in missing))
        return made, missing

    def parts(self) -> Iterator[Part]:
        """All that fused readings are made of."""
        for number in range(len(self.speaker_of)):
            yield self.utterance(number)
        for face in self.sights:
            for start, end in self.alone(face):
                if (seen := self.seen(face, start, end)) is not None:
                    yield Part((seen,), face=face)
        spoken = [one.reading for one, _ in self._settled()]
        for line in self.transcript.readings:
            if not any(_is_of(line, one) for one in spoken):
                yield Part((line,), line.who)

    def fused(self, part: Part, who: str | None) -> Reading:
        """One reading of a part, of a person."""
        return replace(fuse(part.readings, self.labels, rule=self.rule), who=who)

    def names(self) -> tuple[dict[str | None, str], dict[str, str]]:
        """Voice -> what the person is called, and face -> likewise, by all that is known now; see `People.names`."""
        heard = [one.reading for one, _ in self._settled()]
        lines = [(line, line.who) for line in self.transcript.readings if line.who]
        return self.people.names(longest((one.who, who, _common(line, one)) for line, who in lines for one in heard))

    def spoken_in(self, line: Reading) -> list[int]:
        """The utterances, of those that are settled, that a line of the transcript is of."""
        return [number for number, (one, _) in enumerate(self._settled()) if one.said is None and _is_of(line, one.reading)]


def _start(sight: Sight) -> float:
    return sight.start


def _moment(move: tuple[float, float]) -> float:
    return move[0]


def _common(a: Reading, b: Reading) -> float:
    """Seconds that both last, at least 0."""
    return max(min(a.end, b.end) - max(a.start, b.start), 0.0)


def _is_of(line: Reading, spoken: Reading) -> bool:
    """Whether a line of a transcript is of an utterance."""
    common = _common(line, spoken)
    return common > 0 and common >= SAID * min(spoken.end - spoken.start, line.end - line.start)


def _mean(lines: Sequence[tuple[Reading, float]]) -> Reading:
    """One reading of several of one modality, each with a weight."""
    if len(lines) == 1:
        return lines[0][0]
    whole, first = sum(weight for _, weight in lines), lines[0][0]

    def mean(values: Iterable[float | None]) -> float:
        return round(sum(weight * (value or 0.0) for value, (_, weight) in zip(values, lines, strict=True)) / whole, DIGITS)

    scores = {name: mean(line.scores[name] for line, _ in lines) for name in first.scores}
    valence, arousal, dominance = (mean(getattr(line, name) for line, _ in lines) for name in ("valence", "arousal", "dominance"))
    clarity = mean(1.0 if line.clarity is None else line.clarity for line, _ in lines)
    top = max(scores, key=scores.__getitem__, default=None)
    present = (top,) if first.single and top else tuple({name for line, _ in lines for name in line.present})
    made = replace(first, scores=scores, end=lines[-1][0].end, present=present, clarity=clarity)
    return made if first.valence is None else replace(made, valence=valence, arousal=arousal, dominance=dominance)


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


def person(part: Part, voices: dict[str | None, str], faces: dict[str, str]) -> str | None:
    """What the person of a part is called: as the face is, and where none is seen as the voice is."""
    if part.face is not None:
        return faces.get(part.face, part.face)
    return voices.get(part.speaker, part.speaker)
