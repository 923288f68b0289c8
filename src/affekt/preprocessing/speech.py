"""From a stream of samples to utterances: stretches of speech between pauses, found by a voice activity detector.

One `Segmenter` serves files and live streams alike: what it gives out does not depend on the size of the pieces that the
samples come in, so a stream is cut exactly as the file of the same sound.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affekt.preprocessing._network import WEIGHTS, opened
from affekt.sources.audio import RATE

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
Detector = Callable[[Floats], Floats]  # frames as they come, (n, FRAME), to the chance of speech in each, (n,)
FRAME = 512  # samples that the detector judges at once: 32 ms
BEFORE = 64  # samples of the frame before that it looks back on
MEMORY = (1, 1, 128)  # shape of either half of its state
SECOND = RATE / FRAME  # 31.25 frames
# Hysteresis as Silero recommends for its detector: on at .5, off below .35.
ON, OFF = 0.5, 0.35
PAUSE = round(0.48 * SECOND)  # frames of silence that end an utterance
LIKELY = round(0.22 * SECOND)  # frames of silence from which an utterance is likely to have ended
PAD = round(0.13 * SECOND)  # frames kept before and after the speech, so that no consonant is lost
LEAST = round(0.25 * SECOND)  # frames of speech; less is a click or a cough
MOST = round(12 * SECOND)  # frames; longer speech is cut where it is quietest in the last third
AT_ONCE = 2048  # frames that the detector is given together at most
FULL_SCALE = 0.999  # from which a sample counts as clipped
SETTLE = 1 / (2 * SECOND)  # share of a frame in the running mean that is taken off: a constant of two seconds
EDGE = 320  # samples by which a recording's ends are judged: 20 ms; four such, 80 ms, are kept around what is loud
SILENT = 10 ** (-50 / 20)  # of the loudest 20 ms, below which an end is silence


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of speech.

    Args:
        samples: (n,) at 16 kHz, the constant part (DC) taken off.
        start, end: seconds from the begin of the stream.
        voiced: seconds in which the detector hears speech; the rest is pauses and edges.
        final: False: the speaker has not paused yet, more will come.
        clipped: share of samples at full scale.
    """

    samples: Floats
    start: float
    end: float
    voiced: float
    final: bool = True
    clipped: float = 0.0

    @property
    def loudness(self) -> float:
        """Root mean square in dB of full scale, at least -120."""
        return float(10 * np.log10(max(float(np.mean(self.samples.astype(np.float64) ** 2)), 1e-12)))


@lru_cache(maxsize=1)
def _network() -> "onnxruntime.InferenceSession":
    return opened(WEIGHTS / "voice_silero")


def silero() -> Detector:
    """A detector with a memory of its own (Silero VAD 6); recipes/speech/voice_silero says where its weights are from.

    Raises:
        WeightsError: the weights are absent or broken.
    """
    session, before = _network(), np.zeros((1, BEFORE), np.float32)
    hidden = cell = np.zeros(MEMORY, np.float32)

    def detect(frames: Floats) -> Floats:
        nonlocal before, hidden, cell
        ends = np.concatenate([before, frames[:, -BEFORE:]])
        given = {"input": np.concatenate([ends[:-1], frames], axis=1), "h": hidden, "c": cell}
        chances, hidden, cell = session.run(None, given)
        before = ends[-1:]
        return np.asarray(chances, np.float32)

    return detect


def trimmed(samples: Floats) -> Floats:
    """A recording of one utterance without its silent ends, as a segmenter would cut it; one that is all silence stays whole.

    Args:
        samples: (n,) at 16 kHz.
    """
    whole = len(samples) // EDGE
    level = np.sqrt((samples[: whole * EDGE].reshape(whole, EDGE) ** 2).mean(1))
    loud = np.flatnonzero(level > SILENT * level.max(initial=0))
    if not len(loud):
        return samples
    return samples[max(int(loud[0]) - 4, 0) * EDGE : (int(loud[-1]) + 5) * EDGE]


class Segmenter:
    """Cuts one channel into utterances.

    Args:
        detect: default Silero's detector.
    """

    def __init__(self, detect: Detector | None = None) -> None:
        self.detect = detect or silero()
        self.rest = np.zeros(0, np.float32)  # less than a frame
        self.frames: list[Floats] = []  # what may become, or is, the utterance at hand
        self.chances: list[float] = []  # of speech, one a frame
        self.clipped: list[float] = []
        self.seen = 0  # frames since the begin of the stream
        self.quiet = 0  # frames of silence at the end of the utterance at hand
        self.speaking = False
        self.offset: float | None = None

    def push(self, samples: Floats) -> list[Utterance]:
        """The utterances that end within these samples, (n,)."""
        self.rest = np.concatenate([self.rest, samples.astype(np.float32)])
        whole = len(self.rest) // FRAME
        frames, self.rest = self.rest[: whole * FRAME].reshape(whole, FRAME), self.rest[whole * FRAME :]
        return [utterance for begin in range(0, whole, AT_ONCE) for utterance in self._hear(frames[begin : begin + AT_ONCE])]

    def flush(self) -> list[Utterance]:
        """The utterance that the end of the stream cuts off."""
        found = list(self._hear(np.pad(self.rest, (0, FRAME - len(self.rest)))[None])) if len(self.rest) else []
        self.rest = np.zeros(0, np.float32)
        return found + (list(self._cut(len(self.frames))) if self.speaking else [])

    @property
    def sure(self) -> bool:
        """Whether an utterance goes on that is one, and no click or cough."""
        return self.speaking and sum(chance >= ON for chance in self.chances) >= LEAST

    @property
    def pending(self) -> Utterance | None:
        """What has been heard of an utterance that is still going on."""
        if not self.sure:
            return None
        return self._utterance(len(self.frames), final=False)

    @property
    def ending(self) -> Utterance | None:
        """The utterance that will have ended where the pause that has begun lasts; None: nobody pauses."""
        end = len(self.frames) - self.quiet + PAD
        if self.quiet < LIKELY or sum(chance >= ON for chance in self.chances[:end]) < LEAST:
            return None
        return self._utterance(end, final=True)

    def _hear(self, frames: Floats) -> Iterator[Utterance]:
        clipped = (np.abs(frames) >= FULL_SCALE).mean(1)
        frames = frames - self._offsets(frames.mean(1, dtype=np.float64))[:, None]
        for frame, chance, share in zip(frames, self.detect(frames), clipped, strict=True):
            yield from self._frame(frame, float(chance), float(share))

    def _offsets(self, means: NDArray[np.float64]) -> Floats:
        """The running mean by each frame, (n,), given the means of the frames."""
        found = np.empty(len(means), np.float32)
        for at, mean in enumerate(means.tolist()):
            self.offset = mean if self.offset is None else self.offset + SETTLE * (mean - self.offset)
            found[at] = self.offset
        return found

    def _frame(self, frame: Floats, chance: float, clipped: float) -> Iterator[Utterance]:
        self.seen += 1
        self.frames.append(frame)
        self.chances.append(chance)
        self.clipped.append(clipped)
        if not self.speaking:
            if chance < ON:
                self._drop(len(self.frames) - PAD)
                return
            self.speaking = True
        self.quiet = self.quiet + 1 if chance < OFF else 0
        if self.quiet >= PAUSE:
            yield from self._cut(len(self.frames) - self.quiet + PAD)
        elif len(self.frames) >= MOST:
            third = MOST * 2 // 3
            yield from self._cut(third + int(np.argmin(self.chances[third:])), going_on=True)

    def _cut(self, end: int, *, going_on: bool = False) -> Iterator[Utterance]:
        """Ends the utterance at hand before frame `end` of it; what is left is silence, or the begin of the next one."""
        if sum(chance >= ON for chance in self.chances[:end]) >= LEAST:
            yield self._utterance(end, final=True)
        self._drop(end if going_on else max(end, len(self.frames) - PAD))
        self.speaking, self.quiet = going_on, 0

    def _utterance(self, end: int, *, final: bool) -> Utterance:
        start = self.seen - len(self.frames)
        samples = np.concatenate(self.frames[:end])
        return Utterance(
            samples=samples,
            start=round(start / SECOND, 3),
            end=round((start + end) / SECOND, 3),
            voiced=round(sum(chance >= ON for chance in self.chances[:end]) / SECOND, 3),
            final=final,
            clipped=float(np.mean(self.clipped[:end])),
        )

    def _drop(self, count: int) -> None:
        for kept in (self.frames, self.chances, self.clipped):
            del kept[: max(count, 0)]
