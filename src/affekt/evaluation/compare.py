"""Two models on the same rows: how much better one is, and how sure that is.

A resample of the paired bootstrap (Efron 1979; Koehn 2004, EMNLP) holds the same rows of both, so that what is hard for both does not
count. Where it is known what rows belong together, say all utterances of a speaker, such groups are drawn instead of rows.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from affekt.errors import InputError
from affekt.evaluation.answers import Answers, judged_of, tally_of
from affekt.evaluation.bootstrap import REFLECTED, ends, resample
from affekt.evaluation.metrics import Booleans, Floats
from affekt.evaluation.tally import LOWER_IS_BETTER, main_numbers
from affekt.parts import Row

ROW = "row"


def compare(first: Answers, second: Answers, *, seed: int = 0) -> dict[str, Any]:
    """How the second of two models differs from the first, as plain JSON.

    "difference" is the second's number minus the first's, "interval" its 95 % interval, and "not_better" the share of resamples in
    which the second is no better than the first. "units" says what was drawn, "drawn" how many there are.

    Raises:
        InputError: the models were not judged on the same rows and labels.
    """
    _same(first, second)
    tallies = [tally_of(one) for one in (first, second)]
    units = units_of(first.rows)
    before, after = resample(tallies, units=units, seed=seed)
    old, new = map(main_numbers, tallies)
    numbers = {name: _number(name, old[name], new[name], after[name] - before[name]) for name in old}
    return {
        "first": first.heading["model"],
        "second": second.heading["model"],
        "n": len(first.rows),
        "units": ROW if units is None else first.units,
        "drawn": len(first.rows) if units is None else len(set(units)),
        "numbers": numbers,
        "mcnemar": None if first.labels.kind == "dimensions" else mcnemar(*(_right(one) for one in (first, second))),
        **({"asked": second.after["asked"]} if "asked" in second.after else {}),
    }


def mcnemar(first: Booleans, second: Booleans) -> dict[str, Any]:
    """The exact test of whether two models are right equally often (McNemar 1947; Dietterich 1998, Neural Computation 10).

    Rows are taken as independent of one another.

    Args:
        first, second: (rows,) whether each model is right.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return {"only_first": only_first, "only_second": only_second, "p": two_sided(min(only_first, only_second), only_first + only_second)}


def two_sided(few: int, flips: int) -> float:
    """The chance that of so many flips of a fair coin one side shows `few` times or less.

    >>> two_sided(1, 6), two_sided(3, 6)
    (0.21875, 1.0)
    """
    ways, total = 1, 0  # whole numbers, which do not round
    for taken in range(few + 1):
        total += ways
        ways = ways * (flips - taken) // (taken + 1)
    return min(1.0, 2 * total / 2**flips) if flips else 1.0


def units_of(rows: Sequence[Row]) -> list[str] | None:
    """What each row is drawn with: its group, a row without one by itself; None where no two rows share a group, or all do."""
    groups = {row.group for row in rows}
    if len(groups) < 2 or len(groups - {None}) == sum(row.group is not None for row in rows):
        return None
    return [f"row {at}" if row.group is None else f"group {row.group}" for at, row in enumerate(rows)]


def _number(name: str, old: float, new: float, drawn: Floats) -> dict[str, Any]:
    gap = new - old
    shown = 2 * gap - drawn if name in REFLECTED else drawn
    worse = shown >= 0 if name in LOWER_IS_BETTER else shown <= 0
    known = ~np.isnan(drawn)
    values = {"first": old, "second": new, "difference": gap, "not_better": worse[known].mean() if known.any() else np.nan}
    low, high = ends(drawn, gap, name=name)
    plain = {key: None if np.isnan(value) else float(value) for key, value in {**values, "low": low, "high": high}.items()}
    return {**plain, "interval": [plain.pop("low"), plain.pop("high")]}


def _right(answers: Answers) -> Booleans:
    judged = judged_of(answers)
    right: Booleans = ~((judged.gold != judged.said) & judged.known).any(1)
    return right


def _said(row: Row | None) -> tuple[Any, ...] | None:
    """What two models must have in common; how much of a talk each is shown before is its own."""
    return None if row is None else (row.text, row.labels, row.space, row.vad, row.line)


def _same(first: Answers, second: Answers) -> None:
    if first.labels != second.labels:
        raise InputError(
            f"{first.heading['model']} is judged on {first.labels.name}, and {second.heading['model']} on {second.labels.name}; "
            "name a label set that both speak, with --labels"
        )
    if any(_said(one) != _said(other) for one, other in zip_longest(first.rows, second.rows)):
        raise InputError(
            f"the models were not judged on the same rows: {len(first.rows)} of {first.heading['model']}, "
            f"{len(second.rows)} of {second.heading['model']}; judge both on the same data, with the same options"
        )
