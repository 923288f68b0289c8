"""Fits linear heads to features, the strength of their penalty chosen on rows that a head has not seen."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold

from affekt.errors import InputError
from affekt.parts import LabelSet
from affekt.training.lesson import figure_of

Floats = NDArray[np.float32]
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 1.0)  # scikit-learn's C, for features of spread one
FEW = 5_000  # rows up to which all of these are tried; above, more rows need no finer choice
NEVER = -8.0  # raw output of a label that no row has: a chance of 3 in 10,000


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head.

    Args:
        weight: (features, labels).
        bias: (labels,).
        strength: that was chosen.
        unseen: (rows, labels) raw outputs, each by a head fitted to other folds.
    """

    weight: Floats
    bias: Floats
    strength: float
    unseen: Floats


def fit_head(
    features: Floats, gold: Floats, known: Floats, labels: LabelSet, *, groups: NDArray[np.int64], folds: int = 5, balanced: bool = False
) -> Head:
    """The head of these rows.

    Args:
        features: (rows, d) of spread one.
        gold, known: (rows, labels), as `affekt.training.lesson.targets_of` gives them; soft labels count by their shares.
        groups: (rows,) rows of one number are in one fold.
        balanced: rare labels count as much as frequent ones.

    Raises:
        InputError: the rows have fewer than two groups, or say one thing only.
    """
    if (count := len(set(groups.tolist()))) < 2:
        raise InputError(f"all {len(groups)} rows belong to one group; a head is chosen on rows of another: give rows of two or more")
    if labels.kind == "single" and (gold.sum(0) > 0).sum() < 2:
        raise InputError(f"all {len(groups)} rows have one and the same label; a head needs two or more")
    parts = list(GroupKFold(min(folds, count)).split(features, groups=groups))
    best: tuple[float, float, Floats] | None = None
    for strength in STRENGTHS if len(features) <= FEW else STRENGTHS[1::2]:
        unseen = np.full(gold.shape, NEVER, np.float32)
        for seen, left in parts:
            weight, bias = _solve(features[seen], gold[seen], known[seen], labels, strength=strength, balanced=balanced)
            unseen[left] = features[left] @ weight + bias
        figure = figure_of(unseen, gold, known, labels)
        if best is None or figure > best[0] + 1e-9:
            best = (figure, strength, unseen)
    assert best is not None
    weight, bias = _solve(features, gold, known, labels, strength=best[1], balanced=balanced)
    return Head(weight, bias, best[1], best[2])


def _solve(features: Floats, gold: Floats, known: Floats, labels: LabelSet, *, strength: float, balanced: bool) -> tuple[Floats, Floats]:
    wide = len(labels.labels)
    weight, bias = np.zeros((features.shape[1], wide), np.float32), np.full(wide, NEVER, np.float32)
    if labels.kind == "dimensions":
        rated = known[:, 0] > 0
        ridge = Ridge(alpha=1 / strength).fit(features[rated], gold[rated])
        return ridge.coef_.T.astype(np.float32), ridge.intercept_.astype(np.float32)
    if labels.kind == "single":
        rows, said = np.nonzero(gold > 0)
        if len(set(said.tolist())) < 2:  # of a fold
            bias[said[:1]] = 0.0
            return weight, bias
        model = _logistic(features[rows], said, strength=strength, balanced=balanced, shares=gold[rows, said])
        two = len(model.classes_) == 2  # scikit-learn then has one column, for the second
        weight[:, model.classes_] = (np.concatenate([-model.coef_, model.coef_]) / 2 if two else model.coef_).T
        bias[model.classes_] = np.concatenate([-model.intercept_, model.intercept_]) / 2 if two else model.intercept_
        return weight, bias
    for at in range(wide):
        there = known[:, at] > 0
        column = gold[there, at] > 0.5
        if 0 < column.sum() < len(column):
            model = _logistic(features[there], column, strength=strength, balanced=balanced)
            weight[:, at], bias[at] = model.coef_[0], model.intercept_[0]
    return weight, bias


def _logistic(features: Floats, told: NDArray[Any], *, strength: float, balanced: bool, shares: Floats | None = None) -> Any:
    """A logistic regression of classes, each row of the weight that `shares` has for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the last digits
        model = LogisticRegression(C=strength, max_iter=300, class_weight="balanced" if balanced else None)
        return model.fit(features, told, sample_weight=shares)


def groups_of(names: Sequence[str | None]) -> NDArray[np.int64]:
    """Rows of one name have one number; a row without a name has its own."""
    found = dict[str, int]()
    return np.array([at if name is None else found.setdefault(name, at) for at, name in enumerate(names)], np.int64)
