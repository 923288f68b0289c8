"""The personal baseline: what a voice is usually like, so that a reading can say how it is now.

Voices differ more than emotions do. A speaker's features are therefore taken relative to their own mean, which is learned
without labels from what has been heard of them, and shrunk towards the mean of all speakers while that is little:

    baseline = population + w * (own - population),   w = between / (between + within / n)

the best linear guess of the speaker's mean where speakers differ with variance `between` and utterances of one speaker with
variance `within` (empirical Bayes, Efron and Morris 1973).
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.errors import InputError

Floats = NDArray[np.float32]
VOICE = ".voice.npz"  # what the file of a baseline ends in


@dataclass(frozen=True, slots=True)
class Population:
    """How speakers are and differ, per feature: all (d,) but the last.

    Args:
        between: variance of speakers' means.
        within: variance of utterances around their speaker's mean.
        emotions: (labels, d) what each emotion adds to a voice, 0 in the mean over labels; None: not known.
    """

    mean: Floats
    between: Floats
    within: Floats
    emotions: Floats | None = None

    def voice(self, features: Floats, scores: Floats) -> Floats:
        """The voice in an utterance: its features, (d,), without what the emotion that it is judged to hold, (labels,), adds to them.

        So a person who is angry all along does not become the new neutral.
        """
        return features if self.emotions is None else np.asarray(features - scores @ self.emotions, np.float32)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What has been heard of one speaker.

    Args:
        mean: (d,) of the features heard.
        heard: utterances.
    """

    mean: Floats
    heard: int = 0

    def hear(self, voice: Floats) -> "Baseline":
        """The baseline after one more utterance. Args: voice (d,), as `Population.voice` gives it."""
        heard = self.heard + 1
        return replace(self, mean=(self.mean + (voice - self.mean) / np.float32(heard)).astype(np.float32), heard=heard)

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
            np.savez(file, mean=self.mean, heard=np.int64(self.heard), model=np.str_(model))
        part.replace(path)

    @classmethod
    def load(cls, path: Path, *, model: str) -> "Baseline":
        """The baseline that `save` wrote.

        Raises:
            InputError: there is no such file, it is none, or it is of another model.
        """
        try:
            with np.load(path, allow_pickle=False) as found:
                made, whose = cls(found["mean"].astype(np.float32), int(found["heard"])), str(found["model"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(f"{path} is no personal baseline: {error}; enrol the speaker again") from error
        if whose != model:
            raise InputError(f"{path} is a personal baseline of {whose}, not of {model}; enrol the speaker again")
        return made


class Voices(MutableMapping[str, Baseline]):
    """The personal baselines in a folder by the names of their speakers, one small file each; deleting one erases its file.

    Args:
        folder: made when the first baseline is put into it.
        model: key and revision of the model that hears them.

    Raises:
        InputError: a baseline that is asked for is of another model, or its file is broken.
    """

    def __init__(self, folder: Path, *, model: str) -> None:
        self.folder, self.model = folder, model

    def file(self, name: str) -> Path:
        """Where the baseline of that name is kept, there or not."""
        return self.folder / f"{quote(name, safe=' ')}{VOICE}"

    def __getitem__(self, name: str) -> Baseline:
        if not self.file(name).is_file():
            raise KeyError(name)
        return Baseline.load(self.file(name), model=self.model)

    def __setitem__(self, name: str, baseline: Baseline) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # a voice is nobody else's business
        baseline.save(self.file(name), model=self.model)

    def __delitem__(self, name: str) -> None:
        try:
            self.file(name).unlink()
        except FileNotFoundError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return (unquote(file.name.removesuffix(VOICE)) for file in sorted(self.folder.glob(f"*{VOICE}")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


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
