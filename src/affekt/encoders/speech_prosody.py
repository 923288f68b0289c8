"""Pitch, loudness, timbre and tempo of an utterance as some 240 numbers, and a support vector machine: how emotion was read from
speech before networks, and the baseline that any of them must beat.

Runs in numpy; `affekt.training.speech_prosody` fits it. Statistics of contours over an utterance (as in Eyben et al. 2016, The
Geneva Minimalistic Acoustic Parameter Set, IEEE Trans. Affective Computing 7(2)), relative to the voice's personal baseline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks, read_own_card
from affekt.errors import MissingExtra, WeightsError
from affekt.parts import Card, Encoder
from affekt.preprocessing.personal import Baseline, Population
from affekt.results import Clip
from affekt.sources.audio import RATE

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
WEIGHTS = "weights.npz"
HOP, WINDOW = 160, 512  # samples between frames, 10 ms, and in a frame, 32 ms
PITCH_WINDOW = 1024  # samples, 64 ms: more than three periods of the deepest voice
DEEPEST, HIGHEST = 60.0, 500.0  # Hz
CEPSTRA = 20  # mel cepstral coefficients, without the one that is energy
LOUD = 40.0  # dB below the loudest frame, down to which a frame is heard as speech
VOICED = 0.6  # correlation of a frame with itself a period later, from which it has a pitch
LEAST, MOST = RATE // 5, 30 * RATE  # samples: 0.2 s, padded to if shorter; 30 s
BEYOND = 5.0  # spreads from the baseline; what is further off is taken as so far, or one odd number would outweigh all others
NEVER = -30.0  # raw output of a label that no training row has


def features_of(samples: Floats) -> Floats:
    """What an utterance sounds like, (d,).

    Args:
        samples: (n,) at 16 kHz; what is after 30 s is left out.

    Raises:
        MissingExtra: librosa is not installed.
    """
    librosa = _librosa()
    y = samples[:MOST] if len(samples) >= LEAST else np.pad(samples, (0, LEAST - len(samples)))
    y = np.asarray(y, np.float32)
    size = np.abs(librosa.stft(y, n_fft=WINDOW, hop_length=HOP))  # (257, frames)
    mel = librosa.feature.melspectrogram(S=size**2, sr=RATE, n_mels=40)
    cepstra = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=1 + CEPSTRA)[1:]
    energy = 10 * np.log10(np.maximum((size**2).mean(0), 1e-10))[None]  # dB
    timbre = [
        librosa.feature.zero_crossing_rate(y, frame_length=WINDOW, hop_length=HOP),
        librosa.feature.spectral_centroid(S=size, sr=RATE) / 1000,  # kHz
        librosa.feature.spectral_rolloff(S=size, sr=RATE) / 1000,
        np.log(librosa.feature.spectral_flatness(S=size)),
    ]
    pitch, purity = _pitch(librosa, y)
    heard = np.concatenate([cepstra, librosa.feature.delta(cepstra), *timbre, purity[None], energy])
    loud = energy[0] > energy.max() - LOUD
    voiced = loud & (purity > VOICED)
    spoken = voiced if voiced.any() else loud  # a whisper has no pitch: what is measured of it is noise, but a number
    told = [_statistics(heard[:, loud]), _statistics(pitch[None, spoken]), _slope(energy[0], loud), _slope(pitch, spoken), _tempo(voiced)]
    return np.concatenate(told).astype(np.float32)


def _pitch(librosa: Any, y: Floats) -> tuple[Numbers, Numbers]:
    """Of each frame: its pitch in semitones from 100 Hz (YIN, de Cheveigné and Kawahara 2002), and how periodic it is, in [-1, 1]."""
    hertz = librosa.yin(y, fmin=DEEPEST, fmax=HIGHEST, sr=RATE, frame_length=PITCH_WINDOW, hop_length=HOP)  # (frames,)
    frames = librosa.util.frame(np.pad(y, PITCH_WINDOW // 2), frame_length=PITCH_WINDOW, hop_length=HOP).T  # (frames, 1024)
    period = np.round(RATE / hertz).astype(int)
    begin = (PITCH_WINDOW // 2 - period) // 2
    at = begin[:, None] + np.arange(PITCH_WINDOW // 2)
    now, later = np.take_along_axis(frames, at, 1), np.take_along_axis(frames, at + period[:, None], 1)
    both = np.sqrt((now**2).sum(1) * (later**2).sum(1))
    return 12 * np.log2(hertz / 100), (now * later).sum(1) / np.maximum(both, 1e-10)


def _statistics(contours: Numbers) -> Numbers:
    """Mean, spread, 10th, 50th and 90th percentile over time of contours (n, frames): (5 * n,)."""
    return np.concatenate([contours.mean(1), contours.std(1), *np.percentile(contours, (10, 50, 90), axis=1)])


def _slope(contour: Numbers, there: NDArray[np.bool_]) -> Numbers:
    """How much a contour, (frames,), rises in a second, by least squares over some of its frames: (1,)."""
    seconds = np.flatnonzero(there) * HOP / RATE
    around = seconds - seconds.mean()
    return np.array([(around * contour[there]).sum() / max(float((around**2).sum()), 1e-6)])


def _tempo(voiced: NDArray[np.bool_]) -> Numbers:
    """Voiced share, voiced stretches a second (near the rate of syllables), their mean length, length of all (log seconds): (4,)."""
    seconds = len(voiced) * HOP / RATE
    stretches = int(voiced[0]) + int((np.diff(voiced.astype(int)) > 0).sum())
    return np.array([voiced.mean(), stretches / seconds, voiced.mean() * seconds / max(stretches, 1), np.log(seconds)])


def _librosa() -> Any:
    try:
        return import_module("librosa")
    except ImportError as error:
        raise MissingExtra("librosa", "baselines") from error


def against(features: Floats, baseline: Floats, population: Population) -> Floats:
    """Features, (…, d), relative to a baseline, (d,), in units of spread, at most `BEYOND`."""
    return np.asarray(np.clip((features - baseline) / np.sqrt(population.within), -BEYOND, BEYOND), np.float32)


@dataclass(frozen=True, slots=True)
class Machine:
    """A support vector machine with a Gaussian kernel (Cortes and Vapnik 1995), one for each pair of classes.

    Args:
        vectors: (s, d).
        weights: (s, pairs); a pair (i, j) with i < j has a positive output where it is i.
        offset: (pairs,).
        places: (classes,) the label of each class.
        gamma: inverse of twice the kernel's squared width.
        wide: labels, of which some may have no class.
    """

    vectors: Numbers
    weights: Numbers
    offset: Numbers
    places: NDArray[np.int64]
    gamma: float
    wide: int

    def pairs(self, x: Floats) -> Numbers:
        """The output of each pair's machine for rows, (n, d): (n, pairs)."""
        rows = x.astype(np.float64)  # weights of thousands of vectors nearly cancel out
        apart = (rows**2).sum(1)[:, None] - 2 * rows @ self.vectors.T + np.einsum("sd,sd->s", self.vectors, self.vectors)  # (n, s)
        return np.asarray(np.exp(-self.gamma * np.maximum(apart, 0)) @ self.weights + self.offset)

    def raw(self, x: Floats) -> Floats:
        """One number a label, (n, wide): the mean of its pairs' outputs, where more than the margin of 1 says no more than 1.

        Counted votes, scikit-learn's way, are right as often, but so coarse that chances are told from them less well.
        """
        won = np.zeros((len(x), len(self.places)))
        for (i, j), output in zip(combinations(range(len(self.places)), 2), np.clip(self.pairs(x), -1, 1).T, strict=True):
            won[:, i] += output
            won[:, j] -= output
        told = np.full((len(x), self.wide), NEVER, np.float32)
        told[:, self.places] = won / (len(self.places) - 1)
        return told


@dataclass(slots=True)
class SpeechProsody:
    """The model, loaded; its arrays are only read, from as many threads as there are."""

    card: Card
    population: Population
    machine: Machine

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of the one label set that the model was trained on, each voice judged against the population: {set: (clips, labels)}.

        Raises:
            InputError: another label set is asked for.
            MissingExtra: librosa is not installed.
        """
        check_speaks(self.card, labels)
        raw = [self._raw(features_of(clip.data), None) for clip in clips]
        return dict.fromkeys(labels, np.stack(raw) if raw else np.zeros((0, self.machine.wide), np.float32))

    def hear(self, samples: Floats, *, labels: Sequence[str], baseline: Baseline | None = None) -> tuple[Floats, dict[str, Floats]]:
        """One utterance: its features, (d,), to hear into a baseline, and the raw outputs of each label set.

        Args:
            samples: (n,) at 16 kHz.
            baseline: of the speaker, without this utterance.

        Raises:
            InputError: another label set is asked for than the model was trained on.
            MissingExtra: librosa is not installed.
        """
        check_speaks(self.card, labels)
        features = features_of(samples)
        return features, dict.fromkeys(labels, self._raw(features, baseline))

    def rejudge(self, features: Floats, *, labels: Sequence[str], baseline: Baseline) -> dict[str, Floats]:
        """The raw outputs of an utterance that has been heard, against another baseline. Args: features (d,), as `hear` gives them."""
        return dict.fromkeys(labels, self._raw(features, baseline))

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in equal pieces of at most 30 s."""
        pieces = np.array_split(clip.data, -(-len(clip.data) // MOST) or 1)
        ends = np.cumsum([0, *map(len, pieces)]) / max(len(clip.data), 1) * (clip.end - clip.start) + clip.start
        return [Clip("speech", piece, a, b, who=clip.who) for piece, (a, b) in zip(pieces, pairwise(ends.tolist()), strict=True)]

    def _raw(self, features: Floats, baseline: Baseline | None) -> Floats:
        usual = self.population.mean if baseline is None else baseline.shrunk(self.population)
        raw: Floats = self.machine.raw(against(features, usual, self.population)[None])[0]
        return raw


def load(folder: Path | None, threads: int) -> SpeechProsody:  # noqa: ARG001 (every encoder takes it)
    """Opens a folder that `recipes/speech/speech_prosody` wrote; it uses one thread whatever is asked for.

    Raises:
        WeightsError: there is no folder, or a file in it is absent, broken or of another model.
    """
    card, folder = read_own_card(folder, "speech_prosody", weights=WEIGHTS)
    try:
        with np.load(folder / WEIGHTS, allow_pickle=False) as found:
            population = Population(found["mean"], found["between"], found["within"])
            vectors, weights, offset = (found[name].astype(np.float64) for name in ("vectors", "weights", "offset"))
            machine = Machine(vectors, weights, offset, found["places"], float(found["gamma"]), int(found["wide"]))
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise WeightsError(f"{WEIGHTS} in {folder} is broken: {error!r}; train the model again") from error
    return SpeechProsody(card, population, machine)


PART = Encoder(name="speech_prosody", modality="speech", load=load)
