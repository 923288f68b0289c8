"""The personal baseline: what a voice is usually like, so that a reading can say how it is now.

Voices differ more than emotions do. A speaker's features are therefore taken relative to their own mean, which is learned
without labels from what has been heard of them, and shrunk towards the mean of all speakers while that is little:

    baseline = population + w * (own - population),   w = between / (between + within / n)

the best linear guess of the speaker's mean where speakers differ with variance `between` and utterances of one speaker with
variance `within` (empirical Bayes, Efron and Morris 1973).

Who is angry all along must not become the new neutral. So what the emotions that were judged add to a voice is taken out of its own
mean, the more the more one-sided they are. Where they are mixed they cancel each other out, and the judgements of a voice
that is still strange are better not trusted.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Baseline:
    """What has been heard of one speaker.

    Args:
        mean: (d,) of the features heard.
        heard: utterances.
        scores: (labels,) the mean of what they were judged to hold; None: not known.
    """

    mean: Floats
    heard: int = 0
    scores: Floats | None = None

    def hear(self, features: Floats, scores: Floats | None = None) -> "Baseline":
        """The baseline after one more utterance. Args: features (d,); scores (labels,), what it was judged to hold."""
        heard, share = self.heard + 1, np.float32(1 / (self.heard + 1))
        if scores is not None and self.scores is not None:
            scores = self.scores + share * (scores - self.scores)
        elif self.heard:
            scores = None
        return Baseline(np.asarray(self.mean + share * (features - self.mean), np.float32), heard, scores)

    def shrunk(self, population: Population) -> Floats:
        """The speaker's mean as far as it can be told, (d,)."""
        if not self.heard:
            return population.mean
        own = self.mean
        if self.scores is not None and population.emotions is not None:
            own = own - np.float32(one_sided(self.scores)) * (self.scores @ population.emotions)
        known = population.between / (population.between + population.within / self.heard)
        return np.asarray(population.mean + known * (own - population.mean), np.float32)

    def save(self, path: Path, *, model: str) -> None:
        """Writes the baseline; it holds no sound and no words.

        Args:
            model: key and revision, "speech_affekt@1a2b3c4d"; another model hears other features.
        """
        part = path.with_name(f".{path.name}.part")
        with part.open("wb") as file:
            scores = np.zeros(0, np.float32) if self.scores is None else self.scores
            np.savez(file, mean=self.mean, heard=np.int64(self.heard), scores=scores, model=np.str_(model))
        part.replace(path)

    @classmethod
    def load(cls, path: Path, *, model: str) -> "Baseline":
        """The baseline that `save` wrote.

        Raises:
            InputError: there is no such file, it is none, or it is of another model.
        """
        try:
            with np.load(path, allow_pickle=False) as found:
                scores = found["scores"].astype(np.float32) if len(found["scores"]) else None
                made, whose = cls(found["mean"].astype(np.float32), int(found["heard"]), scores), str(found["model"])
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


def one_sided(scores: Floats) -> float:
    """How far emotions heard, mean scores (labels,), are one and the same: 1 from half the greatest entropy down, 0 where all are alike."""
    shares = np.clip(scores / max(float(scores.sum()), 1e-9), 1e-9, 1)
    return float(np.clip(2 + 2 * (shares * np.log(shares)).sum() / np.log(len(shares)), 0, 1)) if len(shares) > 1 else 0.0


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
