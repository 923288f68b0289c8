"""Fits a linear head to features that are relative to a personal baseline, and plays the first minutes of an acquaintance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from affekt.preprocessing.personal import Baseline, Population, nothing_heard

Floats = NDArray[np.float32]
HEARD = (0, 0, 1, 2, 3, 5, 10, 20, 40)  # utterances of a speaker that training imitates having heard


def relative(
    features: Floats, speakers: NDArray[np.str_], population: Population, *, heard: Sequence[int] = HEARD, rng: np.random.Generator
) -> Floats:
    """Features relative to baselines after random numbers of other utterances of the same speaker, in units of spread: (n, d).

    Args:
        features: (n, d).
        speakers: (n,).
        heard: numbers of utterances to draw from; a speaker with fewer has all others heard.
    """
    out = np.empty_like(features)
    for speaker in sorted(set(speakers.tolist())):
        mine = np.flatnonzero(speakers == speaker)
        for at in mine:
            count = min(int(rng.choice(heard)), len(mine) - 1)
            others = rng.choice(mine[mine != at], count, replace=False) if count else np.zeros(0, int)
            baseline = Baseline(features[others].mean(0), count) if count else nothing_heard(population)
            out[at] = features[at] - baseline.shrunk(population)
    return np.asarray(out / np.sqrt(population.within), np.float32)


def fit(features: Floats, labels: NDArray[np.int64], *, strength: float, classes: int) -> tuple[Floats, Floats]:
    """Weight (d, classes) and bias (classes,) of a balanced logistic regression; a class without a row is never said.

    Args:
        features: (n, d), as `relative` gives them.
        labels: (n,).
        strength: how much all rows together count against the L2 penalty: scikit-learn's C times n.
    """
    model = LogisticRegression(C=strength / len(features), max_iter=300, class_weight="balanced").fit(features, labels)
    weight, bias = np.zeros((features.shape[1], classes), np.float32), np.full(classes, -30, np.float32)
    two = len(model.classes_) == 2  # scikit-learn then has one column, for the second
    weight[:, model.classes_] = (np.concatenate([-model.coef_, model.coef_]) / 2 if two else model.coef_).T
    bias[model.classes_] = np.concatenate([-model.intercept_, model.intercept_]) / 2 if two else model.intercept_
    return weight, bias


def emotions_of(features: Floats, labels: NDArray[np.int64], speakers: NDArray[np.str_], *, classes: int) -> Floats:
    """What each emotion adds to a voice, (classes, d): the mean over speakers of how far its mean is from that of all their emotions.

    Args:
        features, labels, speakers: (n, d), (n,) and (n,); an emotion that nobody shows adds nothing.
    """
    total, count = np.zeros((classes, features.shape[1])), np.zeros(classes)
    for speaker in sorted(set(speakers.tolist())):
        mine = speakers == speaker
        shown = sorted(set(labels[mine].tolist()))
        means = np.stack([features[mine & (labels == label)].mean(0) for label in shown])
        total[shown] += means - means.mean(0)
        count[shown] += 1
    return np.asarray(total / np.maximum(count, 1)[:, None], np.float32)
