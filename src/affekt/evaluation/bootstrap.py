"""How sure a measured number is: percentile bootstrap over rows (Efron 1979), repeatable by seed.

Rows are put in an order of their own before they are drawn, so that the order of the data file changes nothing.

Calibration error gets the reflected percentiles (the basic bootstrap; Davison & Hinkley 1997, 5.2). It is a sum of absolute values, which
noise alone makes larger, and a resample has the noise twice: of 1,000 rows from a well calibrated model plain percentiles lie above the
error of the model in every draw, and in a fifth of the draws above the one measured.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from affekt.evaluation.metrics import BINS, Booleans, Counts, Floats, bin_of, f1, mean_of_known
from affekt.evaluation.tally import Tally, main_numbers

RESAMPLES = 1000
LEVEL = 0.95
REFLECTED = frozenset({"ece"})
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


def intervals(tallied: Tally, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each main number; rows are drawn one by one."""
    drawn = resample([tallied], seed=seed, resamples=resamples)[0]
    return {name: ends(drawn[name], value, name=name) for name, value in main_numbers(tallied).items()}


def resample(
    tallies: Sequence[Tally], *, units: Sequence[str] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> list[dict[str, Floats]]:
    """Each main number in every resample, (resamples,), of several answers to the same rows: a resample holds the same rows of each.

    Args:
        units: (rows,) what a row belongs to, say its speaker. All rows of one are drawn together, for they are alike in more than chance
            (Davison & Hinkley 1997, 3.8). None: each row by itself.
    """
    sums = [one.sums if units is None else _pooled(one.sums, units) for one in tallies]
    order = np.lexsort(np.concatenate(sums, axis=1).T)
    sums = [one[order] for one in sums]
    draws = _draws(np.arange(len(order)), np.random.default_rng(seed), resamples)
    blocks = [[weights @ one for one in sums] for weights in draws]
    return [one.numbers(np.concatenate([block[at] for block in blocks])) for at, one in enumerate(tallies)]


def ends(drawn: Floats, value: float, *, name: str) -> tuple[float, float]:
    """The interval of a number, or of a difference; NaN where no resample has one.

    Args:
        drawn: (resamples,) what the resamples have, NaN where it is not defined.
        value: what was measured.
        name: of the number.
    """
    low, high = _percentiles(drawn)
    return (2 * value - high, 2 * value - low) if name in REFLECTED else (low, high)


def interval_of_ece(
    confidence: Floats, interval: tuple[float, float], *, measured: float, seed: int = 0
) -> tuple[tuple[float, float], float]:
    """The interval of a calibration error that may be none at all, and how large one chance alone would make it.

    Where a model whose every confidence is right could well show the error that was measured, the interval begins at 0.

    Args:
        confidence: (rows,).
        interval: as `intervals` gives it.
        measured: the error.
    """
    noise = np.sqrt(np.bincount(bin_of(confidence), confidence * (1 - confidence), BINS))  # of right answers in a bin, a sum of Bernoullis
    chance = np.abs(np.random.default_rng(seed).normal(size=(RESAMPLES, BINS)) * noise).sum(1) / len(confidence)
    by_chance = float(np.quantile(chance, (1 + LEVEL) / 2))
    low, high = interval
    return (0.0 if measured <= by_chance else max(low, 0.0), max(high, measured)), by_chance


def _pooled(sums: Floats, units: Sequence[str]) -> Floats:
    """The rows of each unit summed: (units, parts)."""
    _, place = np.unique(np.array(units), return_inverse=True)
    pooled = np.zeros((place.max() + 1, sums.shape[1]))
    np.add.at(pooled, place, sums)
    return pooled


def _interval(
    score: Callable[[Floats], Floats], kinds: np.ndarray[tuple[int], np.dtype[np.int64]], seed: int, resamples: int
) -> tuple[float, float]:
    return _percentiles(np.concatenate([score(weights) for weights in _draws(kinds, np.random.default_rng(seed), resamples)]))


def _percentiles(scores: Floats) -> tuple[float, float]:
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
