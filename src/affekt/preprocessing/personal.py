"""The personal baseline: what a voice is usually like, so that a reading can say how it is now.

Voices differ more than emotions do. A speaker's features are therefore taken relative to their own mean, which is learned
without labels from what has been heard of them, and shrunk towards the mean of all speakers while that is little:

    baseline = population + w * (own - population),   w = between / (between + within / n)

the best linear guess of the speaker's mean where speakers differ with variance `between` and utterances of one speaker with
variance `within` (empirical Bayes, Efron and Morris 1973).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.errors import InputError

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Population:
    """How speakers are and differ, per feature: all (d,)."""

    mean: Floats
    between: Floats  # variance of speakers' means
    within: Floats  # variance of utterances around their speaker's mean


@dataclass(frozen=True, slots=True)
class Baseline:
    """What has been heard of one speaker.

    Args:
        mean: (d,) of the features heard.
        heard: utterances, each counted by its weight.
    """

    mean: Floats
    heard: float = 0.0

    def hear(self, features: Floats, *, weight: float = 1.0) -> "Baseline":
        """The baseline after one more utterance.

        Args:
            features: (d,).
            weight: in [0, 1], how much it tells of the voice itself; less where the utterance is full of emotion.
        """
        heard = self.heard + weight
        step = weight / heard if heard else 0.0
        return replace(self, mean=(self.mean + np.float32(step) * (features - self.mean)).astype(np.float32), heard=heard)

    def shrunk(self, population: Population) -> Floats:
        """The speaker's mean as far as it can be told, (d,)."""
        if not self.heard:
            return population.mean
        known = population.between / (population.between + population.within / self.heard)
        return np.asarray(population.mean + known * (self.mean - population.mean), np.float32)

    def save(self, path: Path, *, model: str) -> None:
        """Writes the baseline; it holds no sound and no words.

        Args:
            model: key and revision, "speech_affekt@1a2b3c4d"; another model hears other features.
        """
        part = path.with_name(f".{path.name}.part")
        with part.open("wb") as file:
            np.savez(file, mean=self.mean, heard=np.float64(self.heard), model=np.str_(model))
        part.replace(path)

    @classmethod
    def load(cls, path: Path, *, model: str) -> "Baseline":
        """The baseline that `save` wrote.

        Raises:
            InputError: there is no such file, it is none, or it is of another model.
        """
        try:
            with np.load(path, allow_pickle=False) as found:
                made, whose = cls(found["mean"].astype(np.float32), float(found["heard"])), str(found["model"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(f"{path} is no personal baseline: {error}; enrol the speaker again") from error
        if whose != model:
            raise InputError(f"{path} is a personal baseline of {whose}, not of {model}; enrol the speaker again")
        return made


def nothing_heard(population: Population) -> Baseline:
    """The baseline of a speaker of whom nothing is known."""
    return Baseline(population.mean.copy())


def population_of(features: Floats, speakers: NDArray[np.str_]) -> Population:
    """How the speakers of a training set are and differ.

    Args:
        features: (n, d).
        speakers: (n,) who each is of.

    Raises:
        InputError: there is only one speaker, so that it cannot be told how speakers differ.
    """
    if len(set(speakers.tolist())) < 2:
        raise InputError("a population needs two speakers or more; one alone cannot tell how speakers differ")
    means, within = [], np.zeros(features.shape[1])
    for speaker in sorted(set(speakers.tolist())):
        mine = features[speakers == speaker]
        means.append(mine.mean(0))
        within += ((mine - means[-1]) ** 2).sum(0)
    own = np.stack(means)
    spread = within / max(len(features) - len(own), 1)
    per_speaker = len(features) / len(own)
    between = np.maximum(own.var(0, ddof=1) - spread / per_speaker, 1e-3 * spread)  # the means' own error is not a difference
    return Population(own.mean(0).astype(np.float32), between.astype(np.float32), np.maximum(spread, 1e-8).astype(np.float32))
