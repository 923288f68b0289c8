"""The finished lines of a table as Parquet, batch by batch; needs pyarrow."""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from affekt.sources.table import Table
from affekt.sources.table_parquet import BATCH, Parquet, pyarrow

_NAMES = {str: "string", float: "float64", int: "int64", bool: "bool"}  # Python's types in Arrow


def to_parquet(part: Path, out: Path, *, table: Table, ours: Mapping[str, type]) -> None:
    """Write the lines in `part` to `out`.

    Columns of a Parquet input keep their exact types, since they are copied from it; those of other inputs get the
    narrowest type that holds all their values.

    Args:
        part: JSON lines with our columns, and with the input's too unless that is Parquet.
        ours: the type of each of our columns.

    Raises:
        MissingExtra: pyarrow is not installed.
        InputError: the Parquet input has become unreadable.
    """
    arrow = pyarrow()
    fields = [arrow.field(name, _NAMES[kind]) for name, kind in ours.items()]
    if isinstance(table.source, Parquet):
        given = [field.with_name(name) for field, name in zip(table.source.schema, table.columns, strict=True)]
    else:
        given = [arrow.field(name, _narrowest(kinds)) for name, kinds in _kinds(part, table.source.every_column()).items()]
    schema = arrow.schema([*given, *fields])
    with part.open("rb") as lines, import_module("pyarrow.parquet").ParquetWriter(out, schema) as writer:
        for columns in _copied(lines, table.source, fields) if isinstance(table.source, Parquet) else _typed(lines, schema):
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))


def _copied(lines: BinaryIO, source: Parquet, fields: list[Any]) -> Iterator[list[Any]]:
    """The columns of each batch of the input, with ours beside them."""
    for batch in source.batches():
        rows = [json.loads(line) for line in islice(lines, batch.num_rows)]
        yield [*batch.slice(0, len(rows)).columns, *(_array(rows, field) for field in fields)]


def _typed(lines: BinaryIO, schema: Any) -> Iterator[list[Any]]:
    """The columns of each batch of lines."""
    while rows := [json.loads(line) for line in islice(lines, BATCH)]:
        yield [_array(rows, field) for field in schema]


def _array(rows: list[dict[str, Any]], field: Any) -> Any:
    values = [row.get(field.name) for row in rows]
    if field.type == "string":
        values = [value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    elif field.type == "float64":
        values = [None if value is None else float(value) for value in values]
    return pyarrow().array(values, type=field.type)


def _kinds(part: Path, columns: tuple[str, ...]) -> dict[str, set[type]]:
    """The types of the values in each column, over all lines."""
    kinds: dict[str, set[type]] = {name: set() for name in columns}
    with part.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            for name, found in kinds.items():
                value = row.get(name)
                if value is not None:
                    found.add(str if isinstance(value, int) and abs(value) >= 2**63 else type(value))
    return kinds


def _narrowest(kinds: set[type]) -> str:
    """The Arrow type that holds them all; text (JSON, for what is none) where nothing narrower does."""
    if kinds == {int, float}:
        return "float64"
    return _NAMES.get(next(iter(kinds)), "string") if len(kinds) == 1 else "string"
