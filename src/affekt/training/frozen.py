"""Heads over the features of an encoder that stays as it ships, for the rows of a job."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affekt.parts import LabelSet, Row
from affekt.preprocessing.personal import Population
from affekt.training.heads import Head, fit_head, groups_of
from affekt.training.job import Job
from affekt.training.lesson import targets_of
from affekt.training.networks import Heads
from affekt.training.speech_head import emotions_of, relative

Floats = NDArray[np.float32]
DIRECTIONS = 512  # of features that heads are fitted to
LEAST = 1e-7  # of the largest direction's square, below which one is rounding
STILL = 1e-3  # spread of a feature that hardly ever changes
DRAWS = 3  # baselines imitated for each recording, as recipes/speech/speech_affekt has it; the first is of a voice nobody has heard
WEIGHT = 20  # recordings that what is known of other voices counts as, beside those of the job


def heads_of(job: Job, features: Floats, rows: Sequence[Row], *, balanced: bool, draws: int = 1) -> dict[str, Head]:
    """A head for each label set, chosen on people that it has not seen; a teacher has its share of the gold.

    Args:
        features: (draws * rows, d) of spread one.
        rows: those of train, perhaps with those of dev behind them.
        balanced: rare labels count as much as frequent ones.

    Raises:
        InputError: the rows cannot be split into folds, or say one thing only.
    """
    groups, made = np.tile(folds_of(rows), draws), dict[str, Head]()
    turn = directions(features)
    turned = features @ turn
    for labels in job.sets:
        gold, known = (np.tile(part, (draws, 1)) for part in gold_of(job, rows, labels))
        with threadpool_limits(1):  # on a busy machine several threads wait for each other at each of thousands of small steps
            head = fit_head(turned, gold, known, labels, groups=groups, balanced=balanced)
        made[labels.name] = replace(head, weight=np.asarray(turn @ head.weight, np.float32))
    return made


def heads_of_faces(job: Job, features: Floats, rows: Sequence[Row], *, balanced: bool) -> dict[str, Head]:
    """As `heads_of`, of features as the network gives them, whatever their spread."""
    mean, spread = features.mean(0), np.maximum(features.std(0), STILL)
    made = heads_of(job, (features - mean) / spread, rows, balanced=balanced)
    for name, head in made.items():  # what was taken off and divided by goes into the head
        weight = np.asarray(head.weight / spread[:, None], np.float32)
        made[name] = replace(head, weight=weight, bias=np.asarray(head.bias - mean @ weight, np.float32))
    return made


def begin(heads: Heads, fitted: Mapping[str, Head]) -> None:
    """Lets a network's heads be these at first, so that what it has learned before is not torn down (Kumar et al. 2022, ICLR)."""
    for name, linear in zip(heads.names, heads.linear, strict=True):
        linear.weight.data = torch.from_numpy(fitted[name].weight.T.copy())
        linear.bias.data = torch.from_numpy(fitted[name].bias.copy())


def directions(features: Floats) -> Floats:
    """The directions, (d, DIRECTIONS) or fewer, in which features, (n, d), are largest.

    A head's penalty leaves little weight to the rest, and without these it is fitted several times faster. On RAVDESS' speakers that
    a head has not seen, after 0, 3 and 10 utterances of theirs, it recalls .745, .777 and .805 so, and .747, .787 and .791 with all 2,304.
    """
    few = features.T if len(features) < features.shape[1] else features  # the smaller of the two products has the same values
    values, vectors = np.linalg.eigh((few.T @ few).astype(np.float64))
    best = np.flatnonzero(values > LEAST * values[-1])[-DIRECTIONS:]
    if few is features:
        return np.asarray(vectors[:, best], np.float32)
    return np.asarray(few @ vectors[:, best] / np.sqrt(values[best]), np.float32)


def gold_of(job: Job, rows: Sequence[Row], labels: LabelSet) -> tuple[Floats, Floats]:
    """What each row says and where, (rows, labels) both, of what a teacher says its share in it."""
    gold, known = targets_of(rows, labels)
    if (taught := job.teacher.get(labels.name)) is not None:
        at = np.flatnonzero(~np.isnan(taught).any(1))
        gold[at] = (1 - job.loss.distil) * gold[at] + job.loss.distil * taught[at]
    return gold, known


def folds_of(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Numbers of what must not be in two folds: a person, else a group, else a row; one that all rows share tells nothing apart."""
    for names in ([row.who for row in rows], [row.group for row in rows]):
        if len(set(names)) > 1:
            return groups_of(names)
    return np.arange(len(rows))


def unseen_of(heads: Mapping[str, Head], there: Sequence[bool]) -> dict[str, Floats]:
    """What each head says of rows that it was not fitted to, the first draw of each; NaN for rows that are not there.

    Args:
        there: of all rows, which of them the heads were fitted to.
    """
    rows, made = np.flatnonzero(there), dict[str, Floats]()
    for name, head in heads.items():
        made[name] = np.full((len(there), head.unseen.shape[1]), np.nan, np.float32)
        made[name][rows] = head.unseen[: len(rows)]
    return made


def speakers_of(rows: Sequence[Row]) -> NDArray[np.str_]:
    """Who speaks in each recording, (rows,); where that is not known it is somebody else."""
    return np.array([f"{at}." if row.who is None else f"={row.who}" for at, row in enumerate(rows)])


def population_of(features: Floats, speakers: NDArray[np.str_], known: Population) -> Population:
    """How voices are and differ: as `affekt.preprocessing.personal` has it, drawn towards what is known where recordings are few.

    Args:
        features: (n, d).
        speakers: (n,); of one speaker, or of as many as there are recordings, one of the variances cannot be told at all.
        known: of other voices, as the same encoder hears them.
    """
    people, own = np.unique(speakers, return_inverse=True)
    means = np.stack([features[own == at].mean(0) for at in range(len(people))])
    apart = ((features - means[own]) ** 2).sum(0)
    within = (apart + WEIGHT * known.within) / (len(features) - len(people) + WEIGHT)
    error = within * np.mean(1 / np.bincount(own))  # of the means themselves, which is no difference between voices
    differ = np.maximum(((means - means.mean(0)) ** 2).sum(0) - (len(people) - 1) * error, 0)
    between = (differ + WEIGHT * known.between) / (len(people) - 1 + WEIGHT)
    return Population(*(np.asarray(part, np.float32) for part in (means.mean(0), between, within)))


def heads_of_voices(
    job: Job, features: Floats, rows: Sequence[Row], known: Population, *, balanced: bool
) -> tuple[Population, dict[str, Head]]:
    """How the voices of some rows are and differ, and a head for each label set over how each differs from its own baseline.

    Args:
        features: (rows, d), as the encoder hears them.
        known: as of `population_of`.

    Raises:
        InputError: as of `heads_of`.
    """
    speakers, rng = speakers_of(rows), np.random.default_rng(job.seed)
    population = population_of(features, speakers, known)
    if len(job.sets) == 1 and job.sets[0].kind == "single":
        gold = targets_of(rows, job.sets[0])[0].argmax(1)
        named = np.array([row.who is not None for row in rows])
        if named.any():
            told: dict[str, Any] = {"classes": len(job.sets[0].labels)}
            population = replace(population, emotions=emotions_of(features[named], gold[named], speakers[named], **told))
    draws = DRAWS if len(set(speakers.tolist())) < len(rows) else 1
    drawn = [relative(features, speakers, population, heard=(0,), rng=rng)]
    drawn += [relative(features, speakers, population, rng=rng) for _ in range(draws - 1)]
    return population, heads_of(job, np.concatenate(drawn), rows, balanced=balanced, draws=draws)
