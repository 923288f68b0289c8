"""Parquet, one batch of rows at a time; needs pyarrow."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from affekt.errors import InputError, MissingExtra
from affekt.sources.table_lines import Record, distinct

BATCH = 1024  # rows in memory at once


class Parquet:
    """A Parquet file, row group by row group."""

    def __init__(self, path: Path) -> None:
        self.path, self._read = path, 0
        arrow = pyarrow()
        try:
            with import_module("pyarrow.parquet").ParquetFile(path) as file:
                self.schema: Any = file.schema_arrow
                self.size: int = file.metadata.num_rows
                self._groups = [file.metadata.row_group(at).num_rows for at in range(file.metadata.num_row_groups)]
        except (arrow.ArrowException, OSError) as error:
            raise InputError(f"{path} cannot be opened as Parquet: {error}") from error
        self.columns = distinct(self.schema.names)

    @property
    def done(self) -> float:
        """How many of the rows have been read, in [0, 1]."""
        return self._read / self.size if self.size else 1.0

    def every_column(self) -> tuple[str, ...]:
        """The columns of the file."""
        return self.columns

    def batches(self, *, skip: int = 0) -> Iterator[Any]:
        """Arrow record batches of the rows after the first `skip`; whole row groups are skipped unread.

        Raises:
            InputError: the file is damaged further on.
        """
        groups = list(range(len(self._groups)))
        while groups and skip >= self._groups[groups[0]]:
            skip -= self._groups[groups.pop(0)]
        arrow = pyarrow()
        try:
            with import_module("pyarrow.parquet").ParquetFile(self.path) as file:
                for batch in file.iter_batches(BATCH, row_groups=groups):
                    if skip < batch.num_rows:
                        yield batch.slice(skip).rename_columns(list(self.columns))
                    skip = max(skip - batch.num_rows, 0)
        except (arrow.ArrowException, OSError) as error:
            raise InputError(f"{self.path} is damaged: {error}") from error

    def records(self, *, skip: int = 0) -> Iterator[Record]:
        """The rows; one with a string that is no UTF-8 keeps its other values."""
        self._read = skip
        for batch in self.batches(skip=skip):
            try:
                whole: list[Record] = [(values, None) for values in batch.to_pylist()]
            except ValueError:  # a string that is no UTF-8, a time that Python has no type for
                whole = [self._one(batch.slice(at, 1)) for at in range(batch.num_rows)]
            for record in whole:
                self._read += 1
                yield record

    def _one(self, row: Any) -> Record:
        values: dict[str, Any] = {}
        problem = None
        for at, column in enumerate(self.columns):
            try:
                values[column] = row.column(at)[0].as_py()
            except UnicodeDecodeError as error:
                values[column] = error.object.decode("utf-8", "replace")
                problem = f"not UTF-8: byte 0x{error.object[error.start]:02x} in {column!r}"
            except ValueError:
                values[column] = row.column(at).cast("string")[0].as_py()
        return values, problem


def pyarrow() -> Any:
    """The library.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module("pyarrow")
    except ImportError as error:
        raise MissingExtra("pyarrow", "tables") from error
