"""The path of sound: samples, utterances, how the voice differs from its own baseline, reading.

A `Listener` serves files and live streams alike; what it gives out at the end of an utterance is the same for both.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Event
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from affekt.calibration.apply import probabilities, spoken
from affekt.calibration.reading import reading_of
from affekt.errors import EmptyInput, InputError
from affekt.parts import Card, LabelSet
from affekt.preprocessing.clarity import DIGITS, range_of, speech_clarity
from affekt.preprocessing.microphones import microphones
from affekt.preprocessing.mouths import band_levels
from affekt.preprocessing.personal import Baseline, Population, nothing_heard
from affekt.preprocessing.speakers import Diariser, name_of
from affekt.preprocessing.speech import LIKELY, Segmenter, Utterance
from affekt.preprocessing.transcript import Word, as_turns, joined, sure
from affekt.results import Clip, Reading, Timeline
from affekt.sources.audio import RATE, Audio

Floats = NDArray[np.float32]
QUIET = -55.0  # dB of full scale; less is heard, but not judged
SHORT = 0.4  # seconds of speech in an utterance; less is not judged
CLIPPED = 0.02  # share of samples at full scale from which the reader should know
STEP = RATE // 10  # samples that are listened to at once, live
AT_ONCE = RATE // 2  # the same where nobody waits
PROVISIONAL = 2 * STEP  # samples between two readings of an utterance that goes on; the first comes as soon as it is sure to be one


class SpeechEncoder(Protocol):
    """A speech model whose weights are loaded.

    Args:
        population: how voices are and differ; None: the model does not get to know voices.
    """

    card: Card
    population: Population | None

    def hear(self, samples: Floats, *, labels: Sequence[str], baseline: Baseline | None = None) -> tuple[Floats, dict[str, Floats]]:
        """One utterance, (n,): its features, (d,), to hear into a baseline, and the raw outputs of each label set."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance, judged.

    Args:
        voice: (frames,) decibels of each 32 ms, in the band that a mouth follows.
        words: what was said, where that was asked for.
        said: the reading of these words.
        samples: (n,) until its words are known, where they are asked for.
    """

    reading: Reading
    voice: Floats
    words: tuple[Word, ...] = ()
    said: Reading | None = None
    samples: Floats | None = None


@dataclass(frozen=True, slots=True)
class Paced:
    """What is left out where there is no time. Args: run: makes a provisional reading, or not. behind: nothing is to be foreseen."""

    run: Callable[[Callable[[], Reading | None]], Reading | None] = lambda make: make()
    behind: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An utterance, judged before it is sure that it has ended. Args: point: the voice. judged: features and scores, as of `who`."""

    start: float
    end: float
    point: Floats | None
    who: str | None
    judged: tuple[Floats, Floats]


class Listener:
    """Listens to one channel, utterance by utterance, and gets to know its voices.

    Args:
        labels: the label set that readings speak.
        who: the speaker, where there is one.
        voices: what has been heard of speakers before, by name; what is learned here goes there.
        diariser: tells who speaks in an utterance, where several may.
        sampled: keep what was heard, for its words.
    """

    def __init__(
        self,
        encoder: SpeechEncoder,
        labels: LabelSet,
        *,
        who: str | None = None,
        voices: MutableMapping[str, Baseline] | None = None,
        diariser: Diariser | None = None,
        sampled: bool = False,
    ) -> None:
        self.encoder, self.labels, self.who, self.diariser, self.sampled = encoder, labels, who, diariser, sampled
        self.voices: MutableMapping[str, Baseline] = {} if voices is None else voices
        self.nameless = None if encoder.population is None else nothing_heard(encoder.population)
        self.spoken = spoken(encoder.card, labels)
        self.segmenter = Segmenter()
        self.clipped = 0
        self.going = False  # an utterance that is provisionally read
        self.foreseen: Foreseen | None = None

    def push(self, samples: Floats) -> list[Heard]:
        """What was heard in the utterances that end within these samples, (n,)."""
        return [self._final(utterance) for utterance in self.segmenter.push(samples)]

    def flush(self) -> list[Heard]:
        """What was heard in the utterance that the end of the sound cuts off."""
        return [self._final(utterance) for utterance in self.segmenter.flush()]

    def provisional(self) -> Reading | None:
        """What can be said of an utterance that is still going on; the baseline does not learn from it."""
        pending = self.segmenter.pending
        return None if pending is None else self._reading(pending, self._judge(pending, self.who)[1])

    def foresee(self) -> None:
        """Judges what will be an utterance if the pause that has begun lasts, so that then nobody waits; it changes no reading."""
        utterance = self.segmenter.ending
        if utterance is None or self._known(utterance) is not None:
            return
        point = None if self.diariser is None else self.diariser.embedder.embed(utterance.samples)
        who = self.who
        if self.diariser is not None and point is not None:
            who = name_of(self.diariser.place(point, utterance.voiced, final=False))
        self.foreseen = Foreseen(utterance.start, utterance.end, point, who, self._judge(utterance, who))

    def baseline(self, who: str | None) -> Baseline | None:
        """What has been heard of somebody."""
        return self.nameless if who is None or self.nameless is None else self.voices.get(who, self.nameless)

    def _known(self, utterance: Utterance) -> Foreseen | None:
        known = self.foreseen
        return known if known is not None and (known.start, known.end) == (utterance.start, utterance.end) else None

    def _final(self, utterance: Utterance) -> Heard:
        foreseen, self.foreseen = self._known(utterance), None
        if self.diariser is not None:
            point = None if foreseen is None else foreseen.point
            point = self.diariser.embedder.embed(utterance.samples) if point is None else point
            self.who = name_of(self.diariser.place(point, utterance.voiced))
        features, scores = foreseen.judged if foreseen and foreseen.who == self.who else self._judge(utterance, self.who)
        reading = self._reading(utterance, scores)
        self.clipped += utterance.clipped > CLIPPED
        known = self.baseline(self.who)
        if known is not None and _doubt(utterance) is None:
            known = known.hear(features, scores)
            if self.who is None:
                self.nameless = known
            else:
                self.voices[self.who] = known
        return Heard(reading, band_levels(utterance.samples), samples=utterance.samples if self.sampled else None)

    def _judge(self, utterance: Utterance, who: str | None) -> tuple[Floats, Floats]:
        """Features, (d,), and calibrated scores of the set that the model speaks, (labels,)."""
        features, raw = self.encoder.hear(utterance.samples, labels=[self.spoken.name], baseline=self.baseline(who))
        calibration = self.encoder.card.calibration[self.spoken.name]
        return features, probabilities(raw[self.spoken.name][None], self.spoken, calibration)[0]

    def _reading(self, utterance: Utterance, scores: Floats) -> Reading:
        known = self.baseline(self.who)
        made = reading_of(
            scores,
            self.spoken,
            labels=self.labels,
            card=self.encoder.card,
            modality="speech",
            span=(utterance.start, utterance.end),
            who=self.who,
            doubt=_doubt(utterance),
        )
        clear = 0.0 if _doubt(utterance) else speech_clarity(range_of(utterance.samples), utterance.voiced)
        return replace(made, heard=None if known is None else known.heard, provisional=not utterance.final, clarity=clear)


def _doubt(utterance: Utterance) -> str | None:
    """Why an utterance cannot be judged, if it cannot."""
    if utterance.loudness < QUIET:
        return f"too quiet: {utterance.loudness:.0f} dB of full scale"
    if utterance.voiced < SHORT:
        return f"too short: {utterance.voiced:.1f} s of speech"
    return None


class Hearing:
    """A sound that is being read: gives readings as utterances end, and at any time the timeline of what has been read.

    A stereo recording whose channels are two people's microphones gets a speaker a channel, else the channels are mixed.

    Args:
        names: of the speakers, one a microphone; by default "channel 1" and "channel 2", or nobody where there is one.
        voices: what has been heard of the speakers before, by name; what is learned here of those in `names` is put back.
        diariser: makes what tells who speaks, where one microphone has several people before it.
        transcribe: the words in samples, (n,).
        read_words: the readings of turns, here one at a time.
        later: words come by `words`, which may be asked in another thread, and do not hold up what is heard.
        paced: leaves out what is live alone where there is no time for it; by default nothing.

    Raises:
        InputError: there are more or fewer names than microphones.
    """

    def __init__(
        self,
        audio: Audio,
        encoder: SpeechEncoder,
        labels: LabelSet,
        *,
        names: Sequence[str] = (),
        voices: MutableMapping[str, Baseline] | None = None,
        diariser: Callable[[], Diariser] | None = None,
        transcribe: Callable[[Floats], tuple[Word, ...]] | None = None,
        read_words: Callable[[Sequence[Clip]], list[Reading]] | None = None,
        later: bool = False,
        paced: Paced = Paced(),
    ) -> None:
        self.audio, self.labels, self.transcribe, self.read_words, self.later = audio, labels, transcribe, read_words, later
        self.paced = paced
        self.blocks, self.mixing = microphones(audio)
        if names and len(names) != len(self.mixing):
            raise InputError(f"{len(names)} names for {len(self.mixing)} microphones in {audio.name}; give one a microphone")
        people: Sequence[str | None] = names or (["channel 1", "channel 2"] if len(self.mixing) == 2 else [None])
        self.named = frozenset(names)
        kept = voices if names else None  # of people without a name nothing is kept
        self.listeners = [
            Listener(
                encoder,
                labels,
                who=who,
                voices=kept,
                diariser=diariser() if diariser is not None and who is None else None,
                sampled=transcribe is not None,
            )
            for who in people
        ]
        self.heard: list[Heard] = []
        self.unsaid: SimpleQueue[int | None] = SimpleQueue()  # numbers of utterances whose words are to come; None: there are no more
        self.samples = 0  # read so far, a channel

    @property
    def position(self) -> float:
        """Seconds of the sound that have been read."""
        return self.samples / RATE

    @property
    def duration(self) -> float | None:
        """Seconds, where they are known."""
        return self.audio.duration

    @property
    def count(self) -> int:
        """Readings so far."""
        return len(self.heard)

    def readings(self, *, provisional: bool = False) -> Iterator[Reading]:
        """The readings in the order in which utterances end, and of those that go on five times a second where `provisional`.

        What was said in an utterance follows it, if it does not come later.
        """
        try:
            for block in self.blocks:
                for begin, end in _steps(self.samples, block.shape[1], step=STEP if provisional else AT_ONCE):
                    piece = self.mixing @ block[:, begin:end]
                    heard = [one for listener, samples in zip(self.listeners, piece, strict=True) for one in listener.push(samples)]
                    self.samples += end - begin
                    yield from self._keep(heard)
                    if provisional:
                        yield from self._provisional()
            yield from self._keep([one for listener in self.listeners for one in listener.flush()])
        finally:
            self.unsaid.put(None)

    def words(self, *, over: Event | None = None) -> Iterator[Reading]:
        """What was said, as it is written down, until the sound ends; where words come later.

        Args:
            over: set when nobody wants them any more.
        """
        while (number := self.unsaid.get()) is not None and not (over and over.is_set()):
            self.heard[number] = one = self._written(self.heard[number])
            if one.said is not None:
                yield one.said

    def _provisional(self) -> Iterator[Reading]:
        for listener in self.listeners:
            if listener.segmenter.quiet >= LIKELY and not self.paced.behind():
                listener.foresee()
                continue
            first, listener.going = not listener.going, listener.segmenter.sure
            due = listener.going and (first or self.samples % PROVISIONAL == 0)
            if due and (reading := self.paced.run(listener.provisional)) is not None:
                yield reading

    def _keep(self, heard: list[Heard]) -> Iterator[Reading]:
        for one in sorted(heard, key=lambda one: one.reading.end):  # of two microphones; in the order in which turns are read
            one = one if self.later else self._written(one)
            self.heard.append(one)
            yield one.reading
            if one.said is not None:
                yield one.said
            if self.later and self.transcribe is not None:
                self.unsaid.put(len(self.heard) - 1)

    def _written(self, heard: Heard) -> Heard:
        """What was heard, with its words and their reading."""
        if self.transcribe is None or heard.samples is None:
            return heard
        words = self.transcribe(heard.samples)
        heard = replace(heard, words=words, samples=None)
        _, turns = as_turns([(heard.reading.start, heard.reading.who, words)])
        if self.read_words is None or not turns:
            return heard
        (made,) = self.read_words(turns)
        clear = round((1.0 if made.clarity is None else made.clarity) * sure(words), DIGITS)
        return replace(heard, said=replace(made, span=None, clarity=clear, words=joined(words)))

    def timeline(self, whose: Sequence[str | None] = ()) -> Timeline:
        """What has been read so far.

        Args:
            whose: the person of each utterance in `heard`, where that is known better than by the voice.

        Raises:
            EmptyInput: nobody speaks in it.
        """
        warnings = [*self.audio.warnings, *(told for listener in self.listeners for told in _clipping(listener))]
        if not self.heard:
            said = f" ({'; '.join(warnings)})" if warnings else ""
            name = self.audio.name
            raise EmptyInput(f"no speech found in {name}{said}; is it the right file, and is the voice louder than what is around it?")
        ordered = sorted(map(_of, self.heard, whose) if whose else self.heard, key=lambda one: one.reading.start)
        transcript, turns = as_turns([(one.reading.start, one.reading.who, one.words) for one in ordered])
        spans = iter(turn.span for turn in turns)
        words = [replace(one.said, words=None, span=next(spans)) for one in ordered if one.said is not None]
        end = max(one.reading.end for one in ordered)
        return Timeline(
            source=self.audio.name,
            duration=round(max(self.audio.duration or 0.0, end), 3),
            unit="seconds",
            labels=self.labels.name,
            readings=(*(one.reading for one in ordered), *words),
            transcript=transcript or None,
            warnings=tuple(warnings),
        )


def _of(heard: Heard, who: str | None) -> Heard:
    """What was heard, as of a person."""
    said = None if heard.said is None else replace(heard.said, who=who)
    return replace(heard, reading=replace(heard.reading, who=who), said=said)


def _clipping(listener: Listener) -> Iterator[str]:
    if listener.clipped:
        whose = f" of {listener.who}" if listener.who and listener.diariser is None else ""
        yield f"{listener.clipped} utterances{whose} are clipped: recorded too loud, their scores are less sure"


def _steps(position: int, count: int, *, step: int) -> Iterator[tuple[int, int]]:
    """Begin and end of what a block of so many samples holds of each step of the sound."""
    begin = 0
    while begin < count:
        end = min(count, begin + step - (position + begin) % step)
        yield begin, end
        begin = end
