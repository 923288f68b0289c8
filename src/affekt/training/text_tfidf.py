"""Fits `encoders/text_tfidf.py` with scikit-learn and writes the folder that it opens."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion

from affekt.encoders.text_tfidf import ANALYSERS, VOCABULARY, WEIGHTS
from affekt.errors import InputError
from affekt.parts import LabelSet, Row
from affekt.training.lesson import targets_of

NEVER = -8.0  # raw output of a label that no training row has: a chance of 3 in 10,000


@dataclass(frozen=True, slots=True)
class Settings:
    """What to fit with.

    Args:
        features: the most frequent words and pairs of words; the most frequent character n-grams.
        min_df: rows that a feature must be in.
        strength: inverse of the L2 penalty, scikit-learn's C.
        iterations: of the solver, at most.
    """

    features: tuple[int, int] = (50_000, 50_000)
    min_df: int = 2
    strength: float = 1.0
    iterations: int = 500

    def __post_init__(self) -> None:
        if min(*self.features, self.min_df, self.iterations) < 1 or self.strength <= 0:
            raise InputError("features, min_df and iterations are at least 1, strength is above 0")


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fitted parts: one classifier over all labels (single, dimensions) or one a label (multi)."""

    union: FeatureUnion
    models: dict[str, Any]  # label -> its classifier, or "" -> the one of all
    labels: LabelSet

    def raw(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """What scikit-learn's decision functions say: (texts, labels)."""
        features = self.union.transform(texts)
        raw = np.full((len(texts), len(self.labels.labels)), NEVER)
        for name, model in self.models.items():
            if name:
                raw[:, self.labels.labels.index(name)] = model.decision_function(features)
            elif self.labels.kind == "dimensions":
                raw[:] = model.predict(features)
            else:
                raw[:, self._places(model)] = _both_sides(model.decision_function(features))
        return raw

    def matrices(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The same as weights (features, labels) and bias (labels,)."""
        size, wide = sum(len(part.vocabulary_) for _, part in self.union.transformer_list), len(self.labels.labels)
        weights, bias = np.zeros((size, wide)), np.full(wide, NEVER)
        for name, model in self.models.items():
            at = [self.labels.labels.index(name)] if name else self._places(model)
            two = not name and len(model.coef_) == 1 and len(at) == 2
            weights[:, at] = _both_sides(model.coef_[0]) if two else model.coef_.T
            bias[at] = _both_sides(model.intercept_)[0] if two else model.intercept_
        return weights, bias

    def _places(self, model: Any) -> list[int]:
        return list(range(len(self.labels.labels))) if self.labels.kind == "dimensions" else model.classes_.tolist()


def fit(
    rows: Sequence[Row],
    labels: LabelSet,
    *,
    settings: Settings,
    gold: NDArray[np.float32] | None = None,
    union: FeatureUnion | None = None,
    report: Callable[[str], None] = print,
) -> Fitted:
    """The model of these rows; a multi-label set gets one classifier a label, fitted where its annotators could choose it.

    Args:
        gold: (rows, labels) soft labels, as of `affekt.training.losses.loss`, in place of those that the rows have.
        union: features that were fitted to the same rows for another label set.

    Raises:
        InputError: a row does not fit the label set, or the rows share too few words.
    """
    union = _features(rows, settings) if union is None else union
    features = union.transform([row.text for row in rows])
    report(f"{features.shape[0]} rows, {features.shape[1]} features")
    own, known = targets_of([replace(row, votes=None) for row in rows], labels)
    gold = own if gold is None else gold
    if labels.kind == "dimensions":
        there = known[:, 0] > 0
        return Fitted(union, {"": Ridge(alpha=1 / settings.strength).fit(features[there], gold[there].astype(np.float64))}, labels)
    options = {"C": settings.strength, "max_iter": settings.iterations}
    if labels.kind == "single":
        if (gold.sum(0) > 0).sum() < 2:
            raise InputError(f"all {len(rows)} rows have one and the same label; a classifier needs two or more")
        return Fitted(union, {"": _fitted(LogisticRegression(**options), features, gold)}, labels)
    models = {}
    for at, name in enumerate(labels.labels):
        there = known[:, at] > 0
        column = gold[there, at]
        if 0 < column.sum() < there.sum():
            models[name] = _fitted(LogisticRegression(**options, solver="liblinear"), features[there], np.stack([1 - column, column], 1))
            report(f"{name}: {column.sum():g} of {there.sum()} rows")
    return Fitted(union, models, labels)


def unseen(rows: Sequence[Row], labels: LabelSet, *, settings: Settings, folds: int = 3) -> NDArray[np.float32]:
    """Raw outputs on every row, (rows, labels), each by a model fitted on rows of the other folds: a teacher's honest answers.

    Raises:
        InputError: as `fit`.
    """
    out = np.full((len(rows), len(labels.labels)), NEVER, np.float32)
    for fold in range(folds):
        model = fit([row for at, row in enumerate(rows) if at % folds != fold], labels, settings=settings, report=lambda _: None)
        out[fold::folds] = model.raw([row.text for row in rows[fold::folds]])
    return out


def save(fitted: Fitted, folder: Path, *, also: Sequence[Fitted] = ()) -> Path:
    """Writes vocabulary and weights, without a card; returns the weights' file.

    Args:
        also: of other label sets over the same features, in the order of the card.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [part for _, part in fitted.union.transformer_list]
    grams = {analyse.__name__: sorted(part.vocabulary_, key=part.vocabulary_.get) for analyse, part in zip(ANALYSERS, parts, strict=True)}
    (folder / VOCABULARY).write_text(json.dumps(grams, ensure_ascii=False), encoding="utf-8")
    weights, bias = zip(*(one.matrices() for one in (fitted, *also)), strict=True)
    arrays = (np.concatenate([part.idf_ for part in parts]), np.concatenate(weights, axis=1), np.concatenate(bias))
    idf, all_weights, all_bias = (one.astype(np.float32) for one in arrays)
    np.savez_compressed(folder / WEIGHTS, idf=idf, weights=all_weights, bias=all_bias)
    return folder / WEIGHTS


def _features(rows: Sequence[Row], settings: Settings) -> FeatureUnion:
    """What counts the words and characters of a text, fitted to these rows."""
    options = {"min_df": settings.min_df, "sublinear_tf": True, "dtype": np.float32}
    parts = [
        (analyse.__name__, TfidfVectorizer(analyzer=analyse, max_features=most, **options))
        for analyse, most in zip(ANALYSERS, settings.features, strict=True)
    ]
    try:
        return FeatureUnion(parts).fit([row.text for row in rows])
    except ValueError as error:
        raise InputError(f"{len(rows)} rows share too few words, {settings.min_df} rows must have one: give more rows") from error


def _fitted(model: LogisticRegression, features: Any, gold: NDArray[np.float32]) -> Any:
    """The classifier of rows of which each has a share, (rows, classes), of one class or several."""
    rows, told = np.nonzero(gold > 0)
    return model.fit(features[rows], told, sample_weight=gold[rows, told])


def _both_sides(decision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two columns for scikit-learn's one where there are two classes; their softmax is its logistic function."""
    return np.stack([-decision / 2, decision / 2], axis=-1) if decision.ndim == 1 else decision
