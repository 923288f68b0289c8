"""What each row adds to the sums that the main numbers are made of, so that a thousand resamples of rows are one matrix product."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from affekt.evaluation import metrics
from affekt.evaluation.judged import Judged
from affekt.evaluation.metrics import BINS, Counts, Floats

MAIN = ("macro_f1", "accuracy", "weighted_f1", "ua", "ece")
DIMENSIONAL = ("pearson", "ccc")  # means over the dimensions
LOWER_IS_BETTER = frozenset({"ece"})
STEADY = 1e-12  # a variance below is that of a constant, and rounding


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers to some rows, ready to be summed.

    Args:
        sums: (rows, parts).
        numbers: each number by its name, (…,), from sums over rows, (…, parts); NaN where it is not defined.
    """

    sums: Floats
    numbers: Callable[[Floats], dict[str, Floats]]


def tally(judged: Judged) -> Tally:
    """The numbers in `MAIN` of labels."""
    gold, said, known = judged.gold, judged.said, judged.known
    wrong = ((gold != said) & known).any(1)
    apart = np.zeros((len(gold), BINS))  # claimed - right, in the bin of what was claimed
    apart[np.arange(len(gold)), metrics.bin_of(judged.confidence)] = judged.confidence - judged.hit
    cells = [one & known for one in (gold & said, ~gold & said, gold & ~said)]
    return Tally(np.concatenate([np.ones((len(gold), 1)), wrong[:, None], apart, *cells], axis=1), _of_labels)


def tally_of_dimensions(gold: Floats, said: Floats) -> Tally:
    """The numbers in `DIMENSIONAL`; arguments are (rows, dimensions)."""
    x, y = gold - gold.mean(0), said - gold.mean(0)  # both moved alike: near 0, products lose less to rounding
    return Tally(np.concatenate([np.ones((len(x), 1)), x, y, x * x, y * y, x * y], axis=1), _of_dimensions)


def main_numbers(tallied: Tally, at: metrics.Booleans | slice = slice(None)) -> dict[str, float]:
    """The numbers of the chosen rows."""
    return {name: float(value) for name, value in tallied.numbers(tallied.sums[at].sum(0)).items()}


def _of_labels(sums: Floats) -> dict[str, Floats]:
    rows, wrong, apart = sums[..., 0], sums[..., 1], sums[..., 2 : 2 + BINS]
    counts = Counts(*np.split(sums[..., 2 + BINS :], 3, axis=-1))
    f1 = metrics.f1(counts)
    return {
        "macro_f1": metrics.mean_of_known(f1),
        "accuracy": 1 - wrong / rows,
        "weighted_f1": metrics.mean_by_support(f1, counts),
        "ua": metrics.mean_of_known(metrics.recall(counts)),
        "ece": np.abs(apart).sum(-1) / rows,
    }


def _of_dimensions(sums: Floats) -> dict[str, Floats]:
    x, y, xx, yy, xy = np.split(sums[..., 1:] / sums[..., :1], 5, axis=-1)  # means
    of_x, of_y, both = xx - x**2, yy - y**2, xy - x * y
    spread, apart = np.sqrt(np.maximum(of_x, 0) * np.maximum(of_y, 0)), of_x + of_y + (x - y) ** 2
    return {
        "pearson": metrics.mean_of_known(np.where(spread > STEADY, both / np.maximum(spread, STEADY), np.nan)),
        "ccc": metrics.mean_of_known(np.where(apart > STEADY, 2 * both / np.maximum(apart, STEADY), np.nan)),
    }
