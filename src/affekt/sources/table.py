"""Tables of texts, read row by row in constant memory: CSV, TSV, JSON lines (each plain or gzip) and Parquet."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from affekt.errors import InputError, NoColumn
from affekt.sources.table_delimited import Delimited
from affekt.sources.table_jsonl import JsonLines
from affekt.sources.table_lines import Record
from affekt.sources.table_parquet import Parquet
from affekt.sources.text import LIMIT, heal, is_blank

_PLAIN = (".csv", ".tsv", ".jsonl")
ENDINGS = (*_PLAIN, *(f"{ending}.gz" for ending in _PLAIN), ".parquet")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Args:
        number: 1 for the first row of data.
        values: what the row holds, by column; less than that where the row is broken.
        text: what is to be read; None where `problem` says why there is none.
    """

    number: int
    values: dict[str, Any]
    text: str | None
    problem: str | None = None


class Records(Protocol):
    """A file of one of the kinds: its columns, and its rows with the problem of each."""

    columns: tuple[str, ...]

    @property
    def done(self) -> float:
        """How much of the file has been read, in [0, 1]."""
        ...

    def records(self, *, skip: int = 0) -> Iterator[Record]:
        """(values, problem) of every row after the first `skip`."""
        ...

    def every_column(self) -> tuple[str, ...]:
        """All columns that any row has."""
        ...


class Table:
    """A table with one text a row, open for reading.

    Args:
        column: the column that holds the text. Of several columns with one name, the first keeps it, the others
            become "name.1", "name.2", …

    Raises:
        InputError: the file cannot be opened, or its ending is no table's.
        NoColumn: it has no such column; lists those it has.
        EmptyInput: the file is empty.
        MissingExtra: it is Parquet, and pyarrow is not installed.
    """

    def __init__(self, path: str | Path, *, column: str) -> None:
        self.path, self.column = Path(path), column
        if not is_table(self.path):
            raise InputError(f"{path} is not a table; tables end in {', '.join(ENDINGS)}")
        if not self.path.is_file():
            raise InputError(f"no file {path}; check the name")
        self.source = open_records(self.path)
        self.columns = self.source.columns
        if column not in self.columns and not (isinstance(self.source, JsonLines) and not self.columns):
            raise NoColumn(str(path), column, self.columns)

    @property
    def done(self) -> float:
        """How much of the table has been read, in [0, 1], by bytes (Parquet: by rows)."""
        return self.source.done

    def rows(self, *, skip: int = 0) -> Iterator[TableRow]:
        """The rows after the first `skip`, one at a time; a row that cannot be read comes with its problem, in its place.

        Raises:
            InputError: the rest of the file cannot be read: the gzip stream or the Parquet file is damaged.
        """
        for number, (values, problem) in enumerate(self.source.records(skip=skip), skip + 1):
            text, missing = (None, None) if problem else text_of(values, self.column)
            yield TableRow(number, values, text, problem or missing)


def is_table(path: str | Path) -> bool:
    """Whether a file's ending is that of a table.

    >>> is_table("reviews.CSV.gz"), is_table("notes.txt")
    (True, False)
    """
    return Path(path).name.lower().endswith(ENDINGS)


def open_records(path: Path) -> Records:
    """A table, opened as what its ending says it is.

    Raises:
        InputError: the file cannot be opened.
        EmptyInput: it is empty.
        MissingExtra: it is Parquet, and pyarrow is not installed.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        return Parquet(path)
    return JsonLines(path) if name.endswith(".jsonl") else Delimited(path, tab=name.endswith(".tsv"))


def text_of(values: Mapping[str, Any], column: str) -> tuple[str | None, str | None]:
    """(text, problem) of a row; one of the two is None."""
    given = values.get(column)
    if column not in values:
        return None, f"no {column!r} in this row, only {', '.join(map(repr, list(values)[:8])) or 'nothing'}"
    if given is None or (isinstance(given, float) and math.isnan(given)):  # NaN is how data frames write "missing"
        return None, f"{column!r} is missing"
    if isinstance(given, bool) or not isinstance(given, (str, int, float, Decimal)):
        return None, f"{column!r} is {type(given).__name__}, not a text"
    text = str(given)  # "666" is a text too, and some writers turn it into a number
    if is_blank(text):
        return None, f"{column!r} is blank"
    if len(text) > LIMIT:
        return None, f"{column!r} has {len(text):,} characters; at most {LIMIT:,} are read at once"
    return heal(text), None
