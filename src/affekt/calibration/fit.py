"""Fits a `Calibration` on held-out data: scale and shift, thresholds, and when to abstain."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from affekt.calibration.apply import Floats, probabilities
from affekt.parts import Calibration, LabelSet

NOISE = 1e-6  # of a number, relative to it; float32 has seven digits
STEPS = 25  # of Newton's method; the problems are convex and have one or two numbers


def fit(raw: Floats, gold: Floats, known: Floats, labels: LabelSet, *, worst: float = 0.4) -> Calibration:
    """The calibration that makes `raw` likeliest on held-out rows.

    Args:
        raw, gold, known: (n, k) raw outputs, what is true, and where that is known; for single-label sets `gold` is a
            distribution, for dimensions the numbers in [-1, 1].
        worst: single-label readings that are right less often than this abstain.
    """
    if labels.kind == "dimensions":
        return _paired([_line(x, y) for x, y in _columns(raw, gold, known)])
    if labels.kind == "multi":
        scaled = _paired([_platt(x, y) for x, y in _columns(raw, gold, known)])
        scores = probabilities(raw, labels, scaled)
        limits = tuple(_threshold(x, y) for x, y in _columns(scores, gold, known))
        return Calibration(scaled.scale, scaled.shift, limits)
    rows = known.max(axis=1) > 0
    raw = np.where(known > 0, raw, -1e4)  # a class that nobody could choose takes no part
    scaled = _temperature(raw[rows], gold[rows])
    scores = probabilities(raw[rows], labels, scaled)
    right = gold[rows][np.arange(len(scores)), scores.argmax(axis=1)]
    return Calibration(scaled.scale, scaled.shift, (), abstain_at(scores.max(axis=1), right, worst=worst))


def best_threshold(scores: Floats) -> float:
    """The score from which calling a label present gives the best expected F1, were the calibrated scores true.

    The plug-in rule (Lipton et al. 2014, Optimal thresholding of classifiers to maximize F1): the labels themselves are not
    looked at again, since for a label with a dozen held-out rows the threshold would fit those rows.
    """
    if not len(scores):
        return 0.5
    ordered = np.sort(scores.astype(np.float64))[::-1]
    hits = np.cumsum(ordered)
    f1 = 2 * hits / (np.arange(1, len(ordered) + 1) + hits[-1])
    best = int(f1.argmax())
    below = ordered[best + 1] if best + 1 < len(ordered) else 0.0
    return round(float(ordered[best] + below) / 2, 4)


def abstain_at(confidence: Floats, right: Floats, *, worst: float, width: float = 0.05) -> float:
    """The highest confidence up to which, band by band, readings are right less often than `worst`."""
    limit = 0.0
    for low in np.arange(0.0, 1.0, width):
        band = (confidence >= low) & (confidence < low + width)
        if band.sum() >= 20:
            if right[band].mean() >= worst:
                break
            limit = float(low + width)
    return round(limit, 2)


def _columns(raw: Floats, gold: Floats, known: Floats) -> Iterator[tuple[Floats, Floats]]:
    """What is said and what is true of each label or dimension, where that is known."""
    for at in range(raw.shape[1]):
        there = known[:, at] > 0
        yield raw[there, at], gold[there, at]


def _paired(pairs: Sequence[tuple[float, float]]) -> Calibration:
    return Calibration(scale=tuple(a for a, _ in pairs), shift=tuple(b for _, b in pairs))


def _threshold(scores: Floats, gold: Floats) -> float:
    """The best threshold; of a label that no row has, one that the low scores which all rows then have do not reach."""
    best = best_threshold(scores)
    return best if (gold > 0.5).any() else max(best, 0.5)


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Least squares of one dimension: the prediction whose mean and spread fit best."""
    if len(x) < 2:  # of one row nothing can be told
        return 1.0, 0.0
    if float(np.std(x)) <= NOISE * float(np.abs(x).max()):  # the model says the same of all rows
        return 0.0, round(float(y.mean()), 5)
    slope, shift = np.polyfit(x, y, 1)
    return round(float(slope), 5), round(float(shift), 5)


def _platt(x: Floats, y: Floats) -> tuple[float, float]:
    """Logistic regression on one number by Newton's method; targets smoothed as in Platt (1999)."""
    if not len(x):
        return 1.0, 0.0
    positive, negative = float(y.sum()), float((1 - y).sum())
    t = np.where(y > 0.5, (positive + 1) / (positive + 2), 1 / (negative + 2)).astype(np.float64)
    spread = max(float(np.std(x)), 1e-6)  # solved for numbers of spread one, where the curve is never too steep for a step
    X = np.stack([x.astype(np.float64) / spread, np.ones(len(x))], axis=1)
    w = np.array([1.0, 0.0])

    def cost(w: NDArray[np.float64]) -> float:
        z = X @ w
        return float((np.logaddexp(0, z) - t * z).sum()) + 5e-4 * float(((w - [1.0, 0.0]) ** 2).sum())

    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(X @ w, -30, 30)))
        hessian = (X * (p * (1 - p))[:, None]).T @ X + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, X.T @ (p - t) + 1e-3 * (w - [1.0, 0.0]))
        while cost(w - step) > cost(w) + 1e-9 and np.abs(step).max() > 1e-9:
            step = step / 2
        w = w - step
    return round(float(w[0] / spread), 5), round(float(w[1]), 5)


def _temperature(raw: Floats, gold: Floats) -> Calibration:
    """One temperature (Guo et al. 2017), by Newton's method on the cross-entropy.

    A shift a label as well would fit the held-out rows better, but what it learns is how frequent labels are in them, and
    other texts have other frequencies.
    """
    x, y = raw.astype(np.float64), gold.astype(np.float64)

    def log_chances(scale: float) -> NDArray[np.float64]:
        z = x * scale
        z = z - z.max(axis=1, keepdims=True)
        return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))

    scale = 1.0
    for _ in range(STEPS):
        p = np.exp(log_chances(scale))
        curvature = float(((p * x**2).sum(1) - (p * x).sum(1) ** 2).sum())
        step = float(((p - y) * x).sum()) / max(curvature, 1e-12)
        step = float(np.clip(step, -4 * scale, 0.75 * scale))  # a temperature stays positive
        while -(y * log_chances(scale - step)).sum() > -(y * log_chances(scale)).sum() + 1e-9 and abs(step) > 1e-9:
            step /= 2
        scale -= step
    return Calibration((round(scale, 5),) * x.shape[1], (0.0,) * x.shape[1])
