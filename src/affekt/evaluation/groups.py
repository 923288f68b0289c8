"""The main numbers by group, and how far apart they are: who is read how well."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from affekt.errors import NoColumn
from affekt.evaluation.bootstrap import LEVEL, ends, resample
from affekt.evaluation.metrics import Booleans, Floats
from affekt.evaluation.tally import Tally, main_numbers

UNKNOWN = "unknown"  # the group of a row whose cell is empty
ENOUGH = 30  # rows of a group whose numbers are compared: an accuracy of 0.5 has a standard error of 0.09 there
SHUFFLES = 200  # enough for the 95th percentile, which ten of them lie above
Values = Sequence[str]  # of each row, the group that it is in


def check_columns(by: Sequence[str], columns: Sequence[Mapping[str, str]], *, source: str) -> None:
    """Refuses to count by a column that no row has.

    Args:
        columns: of each row, its cells by column.
        source: the data that an error names.

    Raises:
        NoColumn: there is no such column; lists those that there are.
    """
    there = dict.fromkeys(name for row in columns for name in row)
    for name in by:
        if name not in there:
            raise NoColumn(source, name, there)


def values_of(columns: Sequence[Mapping[str, str]], name: str) -> list[str]:
    """The group of each row by one of its columns."""
    return [row.get(name) or UNKNOWN for row in columns]


def by_group(tallied: Tally, groups: Mapping[str, Values]) -> dict[str, dict[str, dict[str, Any]]]:
    """The main numbers of each group.

    Args:
        groups: grouping -> which group each row is in.
    """
    return {name: {value: numbers_of(tallied, at) for value, at in _rows_of(values).items()} for name, values in groups.items()}


def numbers_of(tallied: Tally, at: Booleans) -> dict[str, Any]:
    """How many rows are chosen, and their main numbers."""
    return {"n": int(at.sum()), **main_numbers(tallied, at)}


def gaps(tallied: Tally, groups: Mapping[str, Values], *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """The largest minus the smallest of each main number among the groups of each grouping.

    Groups of fewer than `ENOUGH` rows, and rows whose group is not known, are left out; so is a grouping of which one group remains.
    The interval is that of the difference between these two groups, each resampled by itself. Of many groups two are far apart by
    chance: "by_chance" is what 95 % of gaps stay below where rows are dealt out to groups of these sizes at random.

    Args:
        groups: as in `by_group`.
    """
    found = {}
    for name, values in groups.items():
        rows = {value: at for value, at in _rows_of(values).items() if value != UNKNOWN}
        large = {value: at for value, at in rows.items() if at.sum() >= ENOUGH}
        if len(large) > 1:
            found[name] = {"groups": len(large), "left_out": len(rows) - len(large), "numbers": _gaps(tallied, large, seed)}
    return found


def _gaps(tallied: Tally, groups: Mapping[str, Booleans], seed: int) -> dict[str, dict[str, Any]]:
    names = list(groups)
    sums = np.stack([tallied.sums[at].sum(0) for at in groups.values()])
    by_chance = _by_chance(tallied, list(groups.values()), seed)
    drawn: dict[str, dict[str, Floats]] = {}  # group -> its numbers in each resample
    found = {}
    for number, values in tallied.numbers(sums).items():
        if np.isfinite(values).sum() < 2:
            continue
        high, low = names[int(np.nanargmax(values))], names[int(np.nanargmin(values))]
        for at, name in enumerate((high, low)):
            if name not in drawn:
                drawn[name] = resample([Tally(tallied.sums[groups[name]], tallied.numbers)], seed=seed + at)[0]
        gap = float(np.nanmax(values) - np.nanmin(values))
        interval = ends(drawn[high][number] - drawn[low][number], gap, name=number)
        found[number] = {"gap": gap, "interval": interval, "highest": high, "lowest": low, "by_chance": by_chance[number]}
    return found


def _by_chance(tallied: Tally, groups: Sequence[Booleans], seed: int) -> dict[str, float]:
    """What 95 % of the gaps stay below that shuffled rows show."""
    rng = np.random.default_rng(seed)
    sums = tallied.sums[np.logical_or.reduce(groups)]
    sums = sums[np.lexsort(sums.T)].astype(np.float32)  # in an order of their own, as in the bootstrap
    begins = np.cumsum([0, *(at.sum() for at in groups[:-1])])
    dealt = np.stack([np.add.reduceat(sums[rng.permutation(len(sums))], begins) for _ in range(SHUFFLES)])  # (shuffles, groups, parts)
    numbers = tallied.numbers(dealt.astype(np.float64))
    return {name: float(np.quantile(np.ptp(np.nan_to_num(values), axis=1), LEVEL)) for name, values in numbers.items()}


def _rows_of(values: Values) -> dict[str, Booleans]:
    """Group -> which rows are in it, (rows,)."""
    found = np.array(values)
    return {str(value): found == value for value in np.unique(found)}
