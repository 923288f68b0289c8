"""The path of sound: samples, utterances, how the voice differs from its own baseline, reading.

A `Listener` serves files and live streams alike; what it gives out at the end of an utterance is the same for both.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affekt.calibration.apply import decide, probabilities, project
from affekt.catalog import find
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
SHORT = 0.4  # seconds of an utterance; shorter is not judged
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
        self.spoken = _spoken(encoder, labels)
        self.segmenter = Segmenter()
        self.clipped = 0

    def push(self, samples: Floats) -> Iterator[Reading]:
        """The readings of the utterances that end within these samples, (n,)."""
        return map(self._final, self.segmenter.push(samples))

    def flush(self) -> Iterator[Reading]:
        """The reading of the utterance that the end of the sound cuts off."""
        return map(self._final, self.segmenter.flush())

    def provisional(self) -> Reading | None:
        """What can be said of an utterance that is still going on; the baseline does not learn from it."""
        pending = self.segmenter.pending
        return None if pending is None else self._read(pending)[1]

    def _final(self, utterance: Utterance) -> Reading:
        features, reading = self._read(utterance)
        self.clipped += utterance.clipped > CLIPPED
        if not reading.abstained or utterance.loudness >= QUIET:
            neutral = reading.scores.get("neutral", 1.0)
            self.baseline = self.baseline.hear(features, weight=UNSURE + (1 - UNSURE) * neutral)
        return reading

    def _read(self, utterance: Utterance) -> tuple[Floats, Reading]:
        features, raw = self.encoder.hear(utterance.samples, labels=[self.spoken.name], baseline=self.baseline)
        card = self.encoder.card
        scores = probabilities(raw[self.spoken.name][None], self.spoken, card.calibration[self.spoken.name])
        places = [self.spoken.places[name] for name in self.spoken.labels] if self.spoken.places else None
        said = project(scores, self.spoken, self.labels)[0] if self.spoken is not self.labels else scores[0]
        named = {name: round(float(score), DIGITS) for name, score in zip(self.labels.labels, said, strict=True)}
        present, reason = decide(named, self.labels, card.calibration.get(self.labels.name))
        dimensions = (None,) * 3 if places is None else tuple(round(float(x), DIGITS) for x in scores[0] @ np.array(places))
        return features, Reading(
            modality="speech",
            labels=self.labels.name,
            scores=named,
            start=utterance.start,
            end=utterance.end,
            model=f"{card.name}@{card.revision}",
            single=self.labels.kind == "single",
            present=present,
            who=self.who,
            abstained=(reason := _doubt(utterance) or reason) is not None,
            reason=reason,
            valence=dimensions[0],
            arousal=dimensions[1],
            dominance=dimensions[2],
            heard=round(self.baseline.heard, 1),
        )


def _doubt(utterance: Utterance) -> str | None:
    """Why an utterance cannot be judged, if it cannot."""
    if utterance.loudness < QUIET:
        return f"too quiet: {utterance.loudness:.0f} dB of full scale"
    if utterance.end - utterance.start < SHORT:
        return f"too short: {utterance.end - utterance.start:.1f} s"
    return None


def _spoken(encoder: "SpeechAffekt", labels: LabelSet) -> LabelSet:
    """The label set where the model speaks it, else one that projects onto it."""
    for name in (labels.name, *encoder.card.calibration):
        if name in encoder.card.calibration and (name == labels.name or labels.name in find("labels", name).projections):
            return find("labels", name)
    raise InputError(
        f"{encoder.card.name} does not speak {labels.name!r}, nor a finer set; it speaks: {', '.join(encoder.card.calibration)}"
    )


def listen(audio: Audio, encoder: "SpeechAffekt", labels: LabelSet, *, voices: Mapping[str, Baseline] | None = None) -> Iterator[Reading]:
    """The readings of a sound, utterance by utterance, as they end; in constant memory.

    A stereo recording whose channels are two people's microphones gets a speaker a channel, else the channels are mixed.

    Args:
        voices: what has been heard of the speakers before, by their names.
    """
    voices = voices or {}
    blocks, separate = _peeked(audio)
    names: list[str | None] = ["channel 1", "channel 2"] if separate else [None]
    listeners = [Listener(encoder, labels, who=who, baseline=voices.get(who or "")) for who in names]
    for block in blocks:
        channels = block if separate else block.mean(0, keepdims=True)
        for listener, samples in zip(listeners, channels, strict=True):
            yield from listener.push(samples)
    for listener in listeners:
        yield from listener.flush()
        if listener.clipped:
            whose = f" of {listener.who}" if listener.who else ""
            audio.warnings.append(f"{listener.clipped} utterances{whose} are clipped: recorded too loud, their scores are less sure")


def hear(audio: Audio, encoder: "SpeechAffekt", labels: LabelSet, *, voices: Mapping[str, Baseline] | None = None) -> Timeline:
    """The timeline of a sound.

    Raises:
        EmptyInput: nobody speaks in it.
        InputError: the model speaks no label set from which the wanted one can be told.
    """
    readings = tuple(listen(audio, encoder, labels, voices=voices))
    if not readings:
        raise EmptyInput(f"no speech found in {audio.name}")
    end = max(reading.end for reading in readings)
    return Timeline(
        source=audio.name,
        duration=round(max(audio.duration or 0.0, end), 3),
        unit="seconds",
        labels=labels.name,
        readings=readings,
        warnings=tuple(audio.warnings),
    )


def _peeked(audio: Audio) -> tuple[Iterator[Floats], bool]:
    """The blocks, and whether two channels carry two people."""
    blocks = audio.blocks()
    if audio.channels == 1:
        return blocks, False
    held, count = [], 0
    for block in blocks:
        held.append(block)
        count += block.shape[1]
        if count >= PEEK:
            break

    def again() -> Iterator[Floats]:
        yield from held
        yield from blocks

    left, right = np.concatenate(held, axis=1) if held else np.zeros((2, 1), np.float32)
    power = float(np.sqrt((left**2).mean() * (right**2).mean()))
    return again(), power > 0 and abs(float((left * right).mean())) / power < SEPARATE
