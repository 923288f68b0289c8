"""How sure a measured number is: percentile bootstrap over rows (Efron 1979), repeatable by seed.

Rows are put in an order of their own before they are drawn, so that the order of the data file changes nothing.
"""

from collections.abc import Callable, Iterator

import numpy as np

from affekt.evaluation.metrics import Booleans, Counts, Floats, f1, mean_of_known

RESAMPLES = 1000
LEVEL = 0.95
_BLOCK = 2_000_000  # drawn rows held at once, 16 MB


def interval_of_macro_f1(
    gold: Booleans, said: Booleans, *, known: Booleans | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The 95 % interval of macro-F1; NaN where no label is in the gold data. Matrices are (rows, labels)."""
    known = np.ones_like(gold) if known is None else known
    cells = np.where(known, gold + 2 * said.astype(np.int8), 0).astype(np.uint8)  # 0 neither, 1 missed, 2 extra, 3 hit
    kinds, sizes = np.unique(cells, axis=0, return_counts=True)  # alike rows are drawn as one
    parts = np.concatenate([kinds == cell for cell in (3, 2, 1)], axis=1).astype(np.float32)  # (kinds, 3 * labels)

    def score(weights: Floats) -> Floats:
        return mean_of_known(f1(Counts(*np.split((weights.astype(np.float32) @ parts).astype(np.float64), 3, axis=1))))

    return _interval(score, np.repeat(np.arange(len(kinds)), sizes), seed, resamples)


def interval_of_mean_pearson(gold: Floats, said: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 95 % interval of Pearson's correlation, averaged over the columns of (rows, dimensions)."""
    order = np.lexsort(np.concatenate([gold, said], axis=1).T)
    x, y = gold[order] - gold.mean(0), said[order] - said.mean(0)
    products = np.concatenate([x, y, x * x, y * y, x * y], axis=1)  # (rows, 5 * dimensions)

    def score(weights: Floats) -> Floats:
        sums = weights @ products / weights.sum(1, keepdims=True)
        mean_x, mean_y, xx, yy, xy = np.split(sums, 5, axis=1)
        spread = np.sqrt(np.maximum(xx - mean_x**2, 0) * np.maximum(yy - mean_y**2, 0))
        return mean_of_known(np.where(spread > 1e-12, (xy - mean_x * mean_y) / np.maximum(spread, 1e-12), np.nan))

    return _interval(score, np.arange(len(x)), seed, resamples)


def _interval(
    score: Callable[[Floats], Floats], kinds: np.ndarray[tuple[int], np.dtype[np.int64]], seed: int, resamples: int
) -> tuple[float, float]:
    scores = np.concatenate([score(weights) for weights in _draws(kinds, np.random.default_rng(seed), resamples)])
    scores = scores[~np.isnan(scores)]
    if not len(scores):
        return float("nan"), float("nan")
    low, high = np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _draws(kinds: np.ndarray[tuple[int], np.dtype[np.int64]], rng: np.random.Generator, resamples: int) -> Iterator[Floats]:
    """How often each resample holds each kind of row: blocks of (resamples, kinds)."""
    rows, width = len(kinds), int(kinds[-1]) + 1
    block = max(1, _BLOCK // rows)
    for first in range(0, resamples, block):
        size = min(block, resamples - first)
        drawn = kinds[rng.integers(rows, size=(size, rows))] + width * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * width).reshape(size, width).astype(np.float64)
