"""Labelled rows as boolean matrices, for whoever trains or judges a model."""

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from affekt.errors import InputError
from affekt.parts import LabelSet, Row

Booleans = npt.NDArray[np.bool_]


def matrix(rows: Sequence[Row], labels: LabelSet) -> tuple[Booleans, Booleans]:
    """Which labels each row has, and which its annotators could choose: (gold, known), both (rows, labels).

    The word for "no label" of a multi-label set leaves its row empty in `gold`. "neutral" and every label that a row
    has were open to choice, whatever its `space` says: corpora that leave a row without labels mean neutral by it.

    Raises:
        InputError: a row has no annotation, a name outside the set, or not exactly one label of a single-label set.
    """
    place = {name: at for at, name in enumerate(labels.labels)}
    gold = np.zeros((len(rows), len(place)), np.bool_)
    known = np.ones_like(gold)
    for number, row in enumerate(rows):
        names = _names(row, number, labels)
        gold[number, [place[name] for name in names]] = True
        if row.space is not None:
            known[number] = [name in (*row.space, "neutral") for name in labels.labels]
    return gold, known | gold


def _names(row: Row, number: int, labels: LabelSet) -> list[str]:
    if row.labels is None:
        _refuse(number, f"has no labels; leave it out, or annotate it with labels of {labels.name}")
    strange = [name for name in row.labels if name not in (*labels.labels, labels.none)]
    if strange:
        _refuse(number, f"has {', '.join(strange)}; {labels.name} has {', '.join(labels.labels)}: map the names first")
    if labels.kind == "single" and len(row.labels) != 1:
        found = f"{len(row.labels)} labels ({', '.join(row.labels)})" if row.labels else "no label"
        counterpart = f"use {labels.several!r}, its multi-label counterpart" if labels.several else "it has no multi-label counterpart"
        _refuse(number, f"has {found}, and {labels.name} takes exactly one; {counterpart}")
    return [name for name in row.labels if name != labels.none]


def _refuse(number: int, problem: str) -> NoReturn:
    raise InputError(f"row {number + 1} {problem}")
