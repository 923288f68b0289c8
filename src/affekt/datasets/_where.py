"""Conditions on the rows of a data file: "lang=en" keeps those that have "en" in the column lang."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from affekt.errors import EmptyInput, InputError

Numbered = tuple[int, dict[str, Any]]


def chosen(objects: Iterable[Numbered], *, source: Path | str, where: Sequence[str]) -> Iterator[Numbered]:
    """The numbered objects that fit every condition, one at a time.

    Args:
        source: the file that an error names.
        where: conditions "column=value". The value is compared as text ("true" and "null" as JSON has them); a list
            fits if one of its members does; "a.b" looks inside the object in column a.

    Raises:
        InputError: a condition is not "column=value", or no row has its column.
        EmptyInput: no object fits.
    """
    conditions = [_condition(one) for one in where]
    columns, met, found = set[str](), set[str](), False
    for number, given in objects:
        columns.update(given)
        held = [list(values_of(given, column)) for column, _ in conditions]
        met.update(column for (column, _), values in zip(conditions, held, strict=True) if values)
        if all(value in values for (_, value), values in zip(conditions, held, strict=True)):
            found = True
            yield number, given
    for column, _ in conditions:
        if columns and column not in met and column not in columns:  # an empty list holds no value, but is a column
            raise InputError(f"no row of {source} has a column {column!r}; there are: {', '.join(sorted(columns))}")
    if not found:
        raise EmptyInput(f"no row in {source}" + (f" fits {' and '.join(where)}" if where and columns else ""))


def _condition(given: str) -> tuple[str, str]:
    column, equals, value = given.partition("=")
    if not column or not equals:
        raise InputError(f"cannot filter by {given!r}; a condition reads column=value, say lang=en")
    return column, value


def values_of(given: Any, column: str) -> Iterator[str]:
    """What stands in a column, as text; several values for a list, none where there is no such column."""
    if isinstance(given, list):
        for member in given:
            yield from values_of(member, column)
    elif not column:
        yield given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    elif isinstance(given, dict) and column in given:
        yield from values_of(given[column], "")
    elif isinstance(given, dict):
        outer, _, inner = column.partition(".")
        if inner and outer in given:
            yield from values_of(given[outer], inner)
