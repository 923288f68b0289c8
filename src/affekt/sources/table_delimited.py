"""CSV and TSV, one record at a time."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from affekt.errors import EmptyInput, InputError
from affekt.sources.table_lines import BAD_BYTE, LINE, Lines, Record, distinct
from affekt.sources.text import heal


class Delimited:
    """CSV (RFC 4180; semicolons where the heading has no comma) or TSV, quoted alike, with a heading."""

    def __init__(self, path: Path, *, tab: bool) -> None:
        self.path = path
        self._lines: Lines | None = None
        with Lines(path) as lines:
            heading = next((line for line in lines if line.strip()), "")
        self.delimiter = "\t" if tab else ";" if ";" in heading and "," not in heading else ","
        with Lines(path) as lines:
            self.columns = self._heading(csv.reader(lines, delimiter=self.delimiter))

    @property
    def done(self) -> float:
        """How much of the file has been read, in [0, 1]."""
        return self._lines.done if self._lines else 0.0

    def every_column(self) -> tuple[str, ...]:
        """The heading."""
        return self.columns

    def records(self, *, skip: int = 0) -> Iterator[Record]:
        """The rows under the heading; a blank line is no row."""
        csv.field_size_limit(max(csv.field_size_limit(), LINE))
        with Lines(self.path) as lines:
            self._lines = lines
            reader = csv.reader(lines, delimiter=self.delimiter)
            self._heading(reader)
            yield from islice(self._records(reader, lines), skip, None)

    def _heading(self, reader: Iterator[list[str]]) -> tuple[str, ...]:
        try:
            fields = next((fields for fields in reader if fields), None)
        except csv.Error as error:
            raise InputError(f"the heading of {self.path} cannot be read: {error}") from error
        if fields is None:
            raise EmptyInput(f"{self.path} is empty; a table begins with a heading that names its columns")
        return distinct(map(heal, fields))

    def _records(self, reader: Iterator[list[str]], lines: Lines) -> Iterator[Record]:
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield {}, lines.problem() or f"not CSV: {error}; is a quotation mark left open?"
                continue
            if fields:
                yield dict(zip(self.columns, fields, strict=False)), lines.problem() or self._problem(fields)

    def _problem(self, fields: list[str]) -> str | None:
        if len(fields) != len(self.columns):
            return f"{len(fields)} field{'s' * (len(fields) != 1)}, and the heading has {len(self.columns)}"
        for column, field in zip(self.columns, fields, strict=True):
            if bad := BAD_BYTE.search(field):
                return f"not UTF-8: byte 0x{ord(bad[0]) - 0xDC00:02x} in {column!r}"
        return None
