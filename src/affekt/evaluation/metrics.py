"""The numbers by which models are compared, each by its published definition, in numpy alone.

Labels are boolean matrices of (rows, labels); a single-label answer is a row with one True. `known` marks the cells
that annotators could choose: the others count neither as hit nor as miss.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
BINS = 15  # Guo et al. (2017), On Calibration of Modern Neural Networks, ICML
COVERAGES = tuple(tenths / 10 for tenths in range(10, 0, -1))


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives: (…, labels) each."""

    tp: Floats
    fp: Floats
    fn: Floats

    @property
    def support(self) -> Floats:
        """How often each label is in the gold data."""
        return self.tp + self.fn


def count(gold: Booleans, said: Booleans, *, known: Booleans | None = None) -> Counts:
    """The counts per label: (labels,) each."""
    known = np.ones_like(gold) if known is None else known
    return Counts(*((cells & known).sum(0).astype(np.float64) for cells in (gold & said, ~gold & said, gold & ~said)))


def precision(counts: Counts) -> Floats:
    """Per label; 0 where it is never said, NaN where the gold data lack it."""
    return _where_supported(counts, counts.tp, counts.tp + counts.fp)


def recall(counts: Counts) -> Floats:
    """Per label; NaN where the gold data lack it."""
    return _where_supported(counts, counts.tp, counts.support)


def f1(counts: Counts) -> Floats:
    """Per label; NaN where the gold data lack it."""
    return _where_supported(counts, 2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def macro_f1(counts: Counts) -> float:
    """The mean F1 of the labels that the gold data have (BRIGHTER's convention); NaN where they have none."""
    return float(mean_of_known(f1(counts)))


def micro_f1(counts: Counts) -> float:
    """F1 of all cells together; NaN where no label is in the gold data or said."""
    tp, fp, fn = (float(part.sum()) for part in (counts.tp, counts.fp, counts.fn))
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else float("nan")


def weighted_f1(counts: Counts) -> float:
    """The mean F1 of the labels, each weighted by its support; NaN where the gold data have no label."""
    return float(mean_by_support(f1(counts), counts))


def mean_by_support(values: Floats, counts: Counts) -> Floats:
    """The mean over the last axis, each label weighted by its support; NaN where the gold data have no label."""
    total = counts.support.sum(-1)
    return np.where(total == 0, np.nan, np.nansum(values * counts.support, axis=-1) / np.maximum(total, 1))


def unweighted_recall(counts: Counts) -> float:
    """The mean recall of the labels that the gold data have: UA, the "unweighted accuracy" of speech emotion papers."""
    return float(mean_of_known(recall(counts)))


def accuracy(gold: Booleans, said: Booleans, *, known: Booleans | None = None) -> float:
    """The share of rows whose every known cell is right (for several labels a row: subset accuracy); NaN for no rows."""
    wrong = gold != said if known is None else (gold != said) & known
    return float(1 - wrong.any(1).mean()) if len(gold) else float("nan")


def row_f1(gold: Booleans, said: Booleans, *, known: Booleans | None = None) -> Floats:
    """F1 of each row's labels, 1 where gold and answer agree that there are none: (rows,)."""
    cells = count(gold.T, said.T, known=None if known is None else known.T)
    both = 2 * cells.tp + cells.fp + cells.fn
    return np.where(both == 0, 1.0, 2 * cells.tp / np.maximum(both, 1))


def mean_of_known(values: Floats) -> Floats:
    """The mean over the last axis of what is not NaN; NaN where nothing is left."""
    there = ~np.isnan(values)
    size = there.sum(-1)
    mean = np.where(there, values, 0.0).sum(-1) / np.maximum(size, 1)
    return np.where(size == 0, np.nan, mean)


def ece(confidence: Floats, hit: Booleans, *, bins: int = BINS) -> float:
    """Expected calibration error over equal-width bins of (0, 1] (Guo et al. 2017).

    Args:
        confidence: what was claimed, in [0, 1]: of each row's top label, or of all cells.
        hit: whether it was so; the same shape.
    """
    _, claimed, true = binned(confidence.ravel(), hit.ravel(), bins=bins)
    return float(np.abs(claimed - true).sum() / max(confidence.size, 1))  # bin size / n * |mean claimed - mean true|, summed


def bin_of(confidence: Floats, *, bins: int = BINS) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Which of the equal-width bins of (0, 1] holds each number, from 0; 0 itself is in the first: (n,)."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def binned(confidence: Floats, hit: Booleans, *, bins: int = BINS) -> tuple[Floats, Floats, Floats]:
    """Of each bin how many are in it, the sum of what they claim, and how many are right: (bins,) each."""
    place = bin_of(confidence, bins=bins)
    rows, claimed, right = (np.bincount(place, weight, bins) for weight in (np.ones(len(place)), confidence, hit.astype(np.float64)))
    return rows.astype(np.float64), claimed.astype(np.float64), right.astype(np.float64)


def reliability(confidence: Floats, hit: Booleans, *, bins: int = BINS) -> list[dict[str, float]]:
    """What is claimed beside what is true, in the bins of `ece`: their bounds, how many rows, the mean claimed and the share right.

    In a bin without rows these two are NaN.
    """
    rows, claimed, right = binned(confidence, hit, bins=bins)
    there = np.where(rows == 0, np.nan, rows)
    parts = zip(rows.tolist(), (claimed / there).tolist(), (right / there).tolist(), strict=True)
    return [
        {"from": at / bins, "to": (at + 1) / bins, "n": int(n), "claimed": mean, "right": share}
        for at, (n, mean, share) in enumerate(parts)
    ]


def brier(probabilities: Floats, gold: Booleans, *, single: bool, known: Booleans | None = None) -> float:
    """Mean squared error of probabilities (Brier 1950).

    Args:
        single: sum over the labels, mean over the rows, as Brier has it; otherwise the mean over all known cells.
    """
    known = np.ones_like(gold) if known is None else known
    wrong = np.where(known, (probabilities - gold) ** 2, 0.0)
    cells = len(gold) if single else int(known.sum())
    return float(wrong.sum() / cells) if cells else float("nan")


def risk_coverage(confidence: Floats, loss: Floats) -> list[float]:
    """The mean loss of the surest 100 %, 90 %, …, 10 % of the rows, in the order of `COVERAGES`."""
    risks = _risks(confidence, loss)
    kept = (-(-len(risks) * tenths // 10) for tenths in range(10, 0, -1))  # rounded up, in integers
    return [float(risks[rows - 1]) for rows in kept]


def aurc(confidence: Floats, loss: Floats) -> float:
    """Area under the risk-coverage curve: the mean risk over all n coverages (Geifman et al. 2019, ICLR)."""
    return float(_risks(confidence, loss).mean())


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation; NaN where one side does not vary."""
    a, b = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / spread if spread > 0 else float("nan")


def ccc(x: Floats, y: Floats) -> float:
    """Concordance correlation: 1 only where x equals y (Lin 1989, Biometrics 45); NaN where both are one same constant."""
    a, b = x - x.mean(), y - y.mean()
    apart = float((a * a).mean() + (b * b).mean() + (x.mean() - y.mean()) ** 2)
    return 2 * float((a * b).mean()) / apart if apart > 0 else float("nan")


def _where_supported(counts: Counts, part: Floats, whole: Floats) -> Floats:
    return np.where(counts.support == 0, np.nan, part / np.maximum(whole, 1))


def _risks(confidence: Floats, loss: Floats) -> Floats:
    """The mean loss of the surest 1, 2, …, n rows; rows of equal confidence share their loss, so their order says nothing."""
    _, place, size = np.unique(-confidence, return_inverse=True, return_counts=True)
    shared = np.bincount(place, loss) / size
    return np.cumsum(np.repeat(shared, size)) / np.arange(1, len(loss) + 1)
