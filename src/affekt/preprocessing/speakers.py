"""Who speaks in one channel: the voice of an utterance becomes a point on a sphere, and points that lie together are one speaker.

The network is GE2E's (Wan et al. 2018, arXiv:1710.10467), made ready by `recipes/speech/speaker_ge2e`. How like a speaker an utterance
is is the mean cosine over all utterances of theirs (average linkage, Sokal and Michener 1958), each counted by its seconds of speech.
What comes later changes nothing that was said, so a stream and a file are told apart alike. Emotion moves a voice almost as far as two
voices lie apart, so whoever knows how many people speak should say so.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affekt.errors import InputError
from affekt.preprocessing._network import WEIGHTS, opened

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
SHIPPED = WEIGHTS / "speaker_ge2e"
WINDOW = 159 * 160 + 400  # samples: 160 frames, a hop of 10 ms apart and 25 ms long, as the network was trained
EDGE = 200  # samples of silence around what is shorter than a window: half a frame
LOUDNESS = 10 ** (-25 / 20)  # root mean square that an utterance is brought to; the network is not blind to loudness
FAINTEST = 1e-5  # root mean square; what is quieter is not made louder any further
# Chosen on dialogues of training speakers; recipes/speech/speaker_ge2e says what they cost.
LEAST = 1.0  # seconds of speech; a shorter utterance is given to a speaker, but opens none and tells nothing of the voice
ALIKE = 0.56  # mean cosine from which an utterance is of a speaker
ALIKE_OF_KNOWN = 0.62  # the same for a stream of which is known how many people speak in it


class Embedder:
    """The network, opened when first used; safe to call from several threads.

    Args:
        folder: holds `model.onnx`.
        threads: of one call; 0: as many as there are cores.
    """

    def __init__(self, folder: Path = SHIPPED, *, threads: int = 1) -> None:
        self.folder, self.threads = folder, threads

    def embed(self, samples: Floats) -> Floats:
        """The voice as a point, (256,), of length one; the mean over windows of 1.6 s that cover the utterance evenly.

        Args:
            samples: (n,) at 16 kHz; from half a second on they tell something.

        Raises:
            InputError: there are no samples.
            WeightsError: the weights are absent or broken.
        """
        if not len(samples):
            raise InputError("an utterance without samples has no voice; give at least half a second")
        level = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
        samples = samples * np.float32(LOUDNESS / max(level, FAINTEST))
        if len(samples) < WINDOW:
            windows = np.pad(samples, EDGE)[None]  # not filled up to a window: silence is not what the network listens for
        else:
            begins = np.linspace(0, len(samples) - WINDOW, -(-len(samples) // WINDOW)).astype(int)
            windows = np.stack([samples[begin : begin + WINDOW] for begin in begins])
        (points,) = self.session.run(["embeddings"], {"samples": windows.astype(np.float32)})
        return _unit(points.mean(0))

    @property
    def session(self) -> "onnxruntime.InferenceSession":
        """The graph; all diarisers share it."""
        return _network(self.folder, self.threads)


@lru_cache(maxsize=4)
def _network(folder: Path, threads: int) -> "onnxruntime.InferenceSession":
    return opened(folder, threads=threads, widened=True)


class Diariser:
    """Names the speaker of each utterance as it ends, and never takes a name back; keeps one point a speaker.

    Args:
        speakers: how many there are at most; None: nobody knows.
    """

    def __init__(self, *, speakers: int | None = None, embedder: Embedder | None = None) -> None:
        _check(speakers)
        self.speakers, self.embedder = speakers, embedder or Embedder()
        self.alike = ALIKE if speakers is None else ALIKE_OF_KNOWN
        self.sums: list[Floats] = []  # of each speaker's points, each times its seconds of speech
        self.heard: list[float] = []  # seconds of speech

    def assign(self, samples: Floats, voiced: float, *, final: bool = True) -> str:
        """The name of who says this.

        Args:
            samples: (n,) at 16 kHz, one utterance.
            voiced: seconds of speech in it.
            final: False: it is still going on, and nothing is learned from it.

        Raises:
            InputError: there are no samples.
            WeightsError: the weights are absent or broken.
        """
        return name_of(self.place(self.embedder.embed(samples), voiced, final=final))

    def place(self, point: Floats, voiced: float, *, final: bool = True) -> int:
        """As `assign`, of an utterance whose point, (256,), is known: the number of its speaker, counted from 0."""
        scores = [float(point @ own) / heard for own, heard in zip(self.sums, self.heard, strict=True)]
        who = int(np.argmax(scores)) if scores else 0
        if voiced < LEAST:
            return who  # nobody known yet: likely who goes on to speak
        if not scores or (scores[who] < self.alike and len(scores) != self.speakers):
            who = len(scores)
        if final:
            if who == len(self.sums):
                self.sums.append(np.zeros_like(point))
                self.heard.append(0.0)
            self.sums[who] = self.sums[who] + np.float32(voiced) * point
            self.heard[who] += voiced
        return who


def name_of(speaker: int) -> str:
    """What a speaker is called: "speaker 1" is number 0."""
    return f"speaker {speaker + 1}"


def _unit(point: Floats) -> Floats:
    return np.asarray(point / max(float(np.linalg.norm(point)), 1e-6), np.float32)


def _check(speakers: int | None) -> None:
    if speakers is not None and speakers < 1:
        raise InputError(f"{speakers} speakers; at least 1 speaks, or None where nobody knows")
