"""What a column of pixels stands for: the label that holds most of its time, how sure that is, and where valence and arousal lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from affekt.results import Reading

NOTHING, UNSURE = -1, -2  # in place of a label: no reading; readings that abstain
CURVES = ("valence", "arousal")


@dataclass(frozen=True, slots=True)
class Columns:
    """The readings of one row of a picture, column by column.

    Args:
        label: (columns,) index of the label, NOTHING or UNSURE.
        score: (columns,) its mean score, in [0, 1].
        curves: (2, columns) valence and arousal, in [-1, 1]; NaN where they are not known.
    """

    label: NDArray[np.int64]
    score: NDArray[np.float64]
    curves: NDArray[np.float64]


def columns_of(readings: Sequence[Reading], labels: Sequence[str], *, per_unit: float, count: int) -> Columns:
    """The readings, each weighted by what it takes of a column.

    Args:
        per_unit: columns a second, or a character.
    """
    places = {name: at for at, name in enumerate(labels)}
    weight, score = np.zeros((2, len(labels) + 1, count))  # the last row: abstained
    known, sums = np.zeros((2, len(CURVES), count))
    for reading in readings:
        first = min(int(reading.start * per_unit), count - 1)
        taken = slice(first, min(max(math.ceil(reading.end * per_unit), first + 1), count))
        share = min(max((reading.end - reading.start) * per_unit, 1e-6), 1.0)
        if reading.abstained:
            weight[-1, taken] += share
            continue
        if reading.top is not None:
            weight[places[reading.top[0]], taken] += share
            score[places[reading.top[0]], taken] += share * reading.top[1]
        for at, name in enumerate(CURVES):
            if (value := getattr(reading, name)) is not None:
                known[at, taken] += share
                sums[at, taken] += share * value
    chosen = weight.argmax(axis=0)
    most = weight.max(axis=0)
    label = np.where(most == 0, NOTHING, np.where(chosen == len(labels), UNSURE, chosen))
    mean = np.take_along_axis(score, chosen[None], axis=0)[0] / np.maximum(most, 1e-12)
    curves = np.where(known > 0, sums / np.maximum(known, 1e-12), np.nan)
    return Columns(label, mean, curves)


def stretches(values: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """(value, first, one past the last) of each stretch of equal values.

    >>> stretches(np.array([3, 3, 5]))
    [(3, 0, 2), (5, 2, 3)]
    """
    edges = [0, *(int(at) for at in np.flatnonzero(np.diff(values)) + 1), len(values)]
    return [(int(values[first]), first, last) for first, last in pairwise(edges)]
