"""Held-out rows in two halves: by one a model is calibrated, by the other judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from affekt.errors import InputError
from affekt.parts import Row
from affekt.training.split import split_rows

LEAST = 20  # rows of a half: of fewer, one alone is more than five points


@dataclass(frozen=True, slots=True)
class Halves:
    """Rows to calibrate on, and rows to judge on."""

    calibrate: tuple[Row, ...]
    judge: tuple[Row, ...]


def halve(rows: Sequence[Row], *, seed: int = 0) -> Halves:
    """Two halves that share no group and no text, as alike in size and labels as that allows.

    Raises:
        InputError: there are too few rows, or what hangs together is too large.
    """
    if len(rows) < 2 * LEAST:
        raise InputError(f"{len(rows)} rows are too few: half of them calibrate and half judge, and each half needs {LEAST}; give more")
    split = split_rows([replace(row, split=None) for row in rows], dev=0.5, test=0.0, seed=seed)
    halves = Halves(split.train, split.dev)
    if (least := min(len(halves.calibrate), len(halves.judge))) < LEAST:
        raise InputError(
            f"rows that share a group or a text stay together, which leaves {least} of {len(rows)} to one half; give more groups"
        )
    return halves
