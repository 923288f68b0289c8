"""Fits `encoders/text_tfidf.py` with scikit-learn and writes the folder that it opens."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion

from affekt.encoders.text_tfidf import ANALYSERS, VOCABULARY, WEIGHTS
from affekt.errors import InputError
from affekt.labels._matrix import matrix
from affekt.parts import LabelSet, Row

NEVER = -8.0  # raw output of a label that no training row has: a chance of 3 in 10,000


@dataclass(frozen=True, slots=True)
class Settings:
    """What to fit with; the fields of `[model]` in the recipe's config."""

    features: tuple[int, int] = (50_000, 50_000)  # the most frequent words and pairs, the most frequent character n-grams
    min_df: int = 2  # rows that a feature must be in
    strength: float = 1.0  # inverse of the L2 penalty, scikit-learn's C
    iterations: int = 500


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


def fit(rows: Sequence[Row], labels: LabelSet, *, settings: Settings, report: Callable[[str], None] = print) -> Fitted:
    """The model of these rows; a multi-label set gets one classifier a label, fitted where its annotators could choose it.

    Raises:
        InputError: a row does not fit the label set, or the rows share too few words.
    """
    parts = [
        (
            analyse.__name__,
            TfidfVectorizer(analyzer=analyse, min_df=settings.min_df, max_features=most, sublinear_tf=True, dtype=np.float32),
        )
        for analyse, most in zip(ANALYSERS, settings.features, strict=True)
    ]
    union = FeatureUnion(parts)
    try:
        features = union.fit_transform([row.text for row in rows])
    except ValueError as error:
        raise InputError(f"{len(rows)} rows share too few words, {settings.min_df} rows must have one: give more rows") from error
    report(f"{features.shape[0]} rows, {features.shape[1]} features")
    if labels.kind == "dimensions":
        model = Ridge(alpha=1 / settings.strength).fit(features, np.array([row.vad for row in rows], np.float64))
        return Fitted(union, {"": model}, labels)
    gold, known = matrix(rows, labels)
    if labels.kind == "single":
        told = gold.argmax(1)
        if len(set(told.tolist())) < 2:
            raise InputError(f"all {len(rows)} rows have one and the same label; a classifier needs two or more")
        return Fitted(union, {"": LogisticRegression(C=settings.strength, max_iter=settings.iterations).fit(features, told)}, labels)
    models = {}
    for at, name in enumerate(labels.labels):
        there = known[:, at]
        if 0 < gold[there, at].sum() < there.sum():
            one = LogisticRegression(C=settings.strength, max_iter=settings.iterations, solver="liblinear")
            models[name] = one.fit(features[there], gold[there, at])
            report(f"{name}: {gold[there, at].sum()} of {there.sum()} rows")
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


def save(fitted: Fitted, folder: Path) -> Path:
    """Writes vocabulary and weights, without a card; returns the weights' file.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [part for _, part in fitted.union.transformer_list]
    grams = {analyse.__name__: sorted(part.vocabulary_, key=part.vocabulary_.get) for analyse, part in zip(ANALYSERS, parts, strict=True)}
    (folder / VOCABULARY).write_text(json.dumps(grams, ensure_ascii=False), encoding="utf-8")
    weights, bias = fitted.matrices()
    idf = np.concatenate([part.idf_ for part in parts]).astype(np.float32)
    np.savez_compressed(folder / WEIGHTS, idf=idf, weights=weights.astype(np.float32), bias=bias.astype(np.float32))
    return folder / WEIGHTS


def _both_sides(decision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two columns for scikit-learn's one where there are two classes; their softmax is its logistic function."""
    return np.stack([-decision / 2, decision / 2], axis=-1) if decision.ndim == 1 else decision
