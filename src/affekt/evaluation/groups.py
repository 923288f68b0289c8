"""The main numbers by group: who is read how well."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from affekt.evaluation import metrics
from affekt.evaluation.judged import Judged

UNKNOWN = "unknown"  # the group of a row whose cell is empty


def by_group(judged: Judged, columns: Sequence[Mapping[str, str]], names: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """The main numbers by the values of each named column that there is.

    Args:
        columns: of each row that was judged, its cells by column.
    """
    groups = {name: [row.get(name) or UNKNOWN for row in columns] for name in names}
    return {name: by_value(judged, values) for name, values in groups.items() if set(values) != {UNKNOWN}}


def by_value(judged: Judged, values: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The main numbers of the rows that have each value."""
    found = np.array(values)
    return {value: {"n": int((found == value).sum()), **main_numbers(judged, found == value)} for value in sorted(set(values))}


def main_numbers(judged: Judged, at: metrics.Booleans | slice = slice(None)) -> dict[str, float]:
    """Unweighted average recall, accuracy and calibration error of the chosen rows."""
    return {
        "ua": metrics.unweighted_recall(judged.counts(at)),
        "accuracy": metrics.accuracy(judged.gold[at], judged.said[at], known=judged.known[at]),
        "ece": metrics.ece(judged.confidence[at], judged.hit[at]),
    }
