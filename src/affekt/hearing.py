"""The path of sound: samples, utterances, how the voice differs from its own baseline, reading.

A `Listener` serves files and live streams alike; what it gives out at the end of an utterance is the same for both.
"""

from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affekt.calibration.apply import decide, probabilities, project, spoken
from affekt.errors import EmptyInput, InputError
from affekt.parts import LabelSet
from affekt.preprocessing.personal import Baseline, nothing_heard
from affekt.preprocessing.speech import Segmenter, Utterance
from affekt.results import Reading, Timeline
from affekt.sources.audio import RATE, Audio

if TYPE_CHECKING:
    from affekt.encoders.speech_affekt import SpeechAffekt

Floats = NDArray[np.float32]
DIGITS = 4  # of a score
QUIET = -55.0  # dB of full scale; less is heard, but not judged
SHORT = 0.4  # seconds of speech in an utterance; less is not judged
CLIPPED = 0.02  # share of samples at full scale from which the reader should know
UNSURE = 0.2  # how much an utterance counts for the baseline that is surely full of emotion; one that is surely neutral counts 1
SEPARATE = 0.5  # correlation of two channels below which they are two people's microphones
PEEK = 30 * RATE  # samples that this is judged by


class Listener:
    """Listens to one channel, utterance by utterance, and gets to know its voice.

    Args:
        labels: the label set that readings speak.
        who: the speaker.
        baseline: what has been heard of the speaker before.
    """

    def __init__(self, encoder: "SpeechAffekt", labels: LabelSet, *, who: str | None = None, baseline: Baseline | None = None) -> None:
        self.encoder, self.labels, self.who = encoder, labels, who
        self.baseline = baseline or nothing_heard(encoder.population)
        self.spoken = spoken(encoder.card, labels)
        self.segmenter = Segmenter()
        self.clipped = 0

    def push(self, samples: Floats) -> list[Reading]:
        """The readings of the utterances that end within these samples, (n,)."""
        return [self._final(utterance) for utterance in self.segmenter.push(samples)]

    def flush(self) -> list[Reading]:
        """The reading of the utterance that the end of the sound cuts off."""
        return [self._final(utterance) for utterance in self.segmenter.flush()]

    def provisional(self) -> Reading | None:
        """What can be said of an utterance that is still going on; the baseline does not learn from it."""
        pending = self.segmenter.pending
        return None if pending is None else self._reading(pending, self._judge(pending)[1])

    def _final(self, utterance: Utterance) -> Reading:
        features, scores = self._judge(utterance)
        reading = self._reading(utterance, scores)
        self.clipped += utterance.clipped > CLIPPED
        if _doubt(utterance) is None:
            neutral = float(scores[self.spoken.labels.index("neutral")]) if "neutral" in self.spoken.labels else 1.0
            self.baseline = self.baseline.hear(features, weight=weight_of(neutral))
        return reading

    def _judge(self, utterance: Utterance) -> tuple[Floats, Floats]:
        """Features, (d,), and calibrated scores of the set that the model speaks, (labels,)."""
        features, raw = self.encoder.hear(utterance.samples, labels=[self.spoken.name], baseline=self.baseline)
        calibration = self.encoder.card.calibration[self.spoken.name]
        return features, probabilities(raw[self.spoken.name][None], self.spoken, calibration)[0]

    def _reading(self, utterance: Utterance, scores: Floats) -> Reading:
        card = self.encoder.card
        said = scores if self.spoken is self.labels else project(scores[None], self.spoken, self.labels)[0]
        named = {name: round(float(score), DIGITS) for name, score in zip(self.labels.labels, said, strict=True)}
        present, reason = decide(named, self.labels, card.calibration.get(self.labels.name))
        reason = _doubt(utterance) or reason
        valence, arousal, dominance = self._dimensions(scores)
        return Reading(
            modality="speech",
            labels=self.labels.name,
            scores=named,
            start=utterance.start,
            end=utterance.end,
            model=f"{card.name}@{card.revision}",
            single=self.labels.kind == "single",
            present=present,
            who=self.who,
            abstained=reason is not None,
            reason=reason,
            valence=valence,
            arousal=arousal,
            dominance=dominance,
            heard=round(self.baseline.heard, 1),
        )

    def _dimensions(self, scores: Floats) -> tuple[float | None, float | None, float | None]:
        """The mean of where the labels lie, weighted by their scores; the model itself does not tell them."""
        if not self.spoken.places:
            return None, None, None
        valence, arousal, dominance = scores @ np.array([self.spoken.places[name] for name in self.spoken.labels])
        return round(float(valence), DIGITS), round(float(arousal), DIGITS), round(float(dominance), DIGITS)


def weight_of(neutral: float) -> float:
    """How much an utterance counts for a baseline, in [UNSURE, 1], by how neutral it is judged: a person who is angry all along must not
    become the new neutral.
    """
    return UNSURE + (1 - UNSURE) * neutral


def _doubt(utterance: Utterance) -> str | None:
    """Why an utterance cannot be judged, if it cannot."""
    if utterance.loudness < QUIET:
        return f"too quiet: {utterance.loudness:.0f} dB of full scale"
    if utterance.voiced < SHORT:
        return f"too short: {utterance.voiced:.1f} s of speech"
    return None


def listen(
    audio: Audio,
    encoder: "SpeechAffekt",
    labels: LabelSet,
    *,
    names: Sequence[str] = (),
    voices: MutableMapping[str, Baseline] | None = None,
) -> Iterator[Reading]:
    """The readings of a sound, utterance by utterance, as they end; in constant memory.

    A stereo recording whose channels are two people's microphones gets a speaker a channel, else the channels are mixed.

    Args:
        names: of the speakers, one a microphone; by default "channel 1" and "channel 2", or nobody where there is one.
        voices: what has been heard of the speakers before, by name; what is learned here of those with a name is put back.

    Raises:
        InputError: there are more or fewer names than microphones.
    """
    blocks, mixing = _peeked(audio)
    if names and len(names) != len(mixing):
        raise InputError(f"{len(names)} names for {len(mixing)} microphones in {audio.name}; give one a microphone")
    people: Sequence[str | None] = names or (["channel 1", "channel 2"] if len(mixing) == 2 else [None])
    voices = {} if voices is None else voices
    listeners = [Listener(encoder, labels, who=who, baseline=voices.get(who) if who else None) for who in people]
    for block in blocks:
        for listener, samples in zip(listeners, mixing @ block, strict=True):
            yield from listener.push(samples)
    for listener in listeners:
        yield from listener.flush()
        if listener.who:
            voices[listener.who] = listener.baseline
        if listener.clipped:
            whose = f" of {listener.who}" if listener.who else ""
            audio.warnings.append(f"{listener.clipped} utterances{whose} are clipped: recorded too loud, their scores are less sure")


def hear(
    audio: Audio,
    encoder: "SpeechAffekt",
    labels: LabelSet,
    *,
    names: Sequence[str] = (),
    voices: MutableMapping[str, Baseline] | None = None,
) -> Timeline:
    """The timeline of a sound; arguments as in `listen`.

    Raises:
        EmptyInput: nobody speaks in it.
        InputError: the model speaks no label set from which the wanted one can be told, or names and microphones differ in number.
    """
    readings = tuple(listen(audio, encoder, labels, names=names, voices=voices))
    if not readings:
        said = f" ({'; '.join(audio.warnings)})" if audio.warnings else ""
        raise EmptyInput(f"no speech found in {audio.name}{said}; is it the right file, and is the voice louder than what is around it?")
    end = max(reading.end for reading in readings)
    return Timeline(
        source=audio.name,
        duration=round(max(audio.duration or 0.0, end), 3),
        unit="seconds",
        labels=labels.name,
        readings=readings,
        warnings=tuple(audio.warnings),
    )


def _peeked(audio: Audio) -> tuple[Iterator[Floats], Floats]:
    """The blocks, and how channels become microphones, (microphones, channels): two people's stay apart, others are mixed."""
    blocks = audio.blocks()
    if audio.channels == 1:
        return blocks, np.ones((1, 1), np.float32)
    held, count = [], 0
    for block in blocks:
        held.append(block)
        count += block.shape[1]
        if count >= PEEK:
            break

    def again() -> Iterator[Floats]:
        yield from held
        yield from blocks

    head = np.concatenate(held, axis=1) if held else np.zeros((2, 1), np.float32)
    head = head - head.mean(1, keepdims=True)
    power = float(np.sqrt((head**2).mean(1).prod()))
    alike = float((head[0] * head[1]).mean()) / power if power else 0.0  # one that is silent so far may speak later
    if abs(alike) < SEPARATE:
        return again(), np.eye(2, dtype=np.float32)
    return again(), np.array([[0.5, np.copysign(0.5, alike)]], np.float32)  # opposite in phase, their sum would be nothing
