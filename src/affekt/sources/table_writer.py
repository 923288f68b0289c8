"""Writes a table with scores beside its columns, so that a run which is killed goes on where it stopped.

Rows go to OUT.part. Every few hundred of them a journal, OUT.part.json, is replaced in one step to say how many rows
and bytes are safely on disk. The next run cuts OUT.part to that many bytes and skips that many rows, provided that the
source, the settings and the columns are the same; else it starts over. OUT appears only when it is whole.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from affekt.errors import InputError
from affekt.sources.table import Table, TableRow
from affekt.sources.table_encode import Encode, csv_line, delimited, json_line
from affekt.sources.table_parquet import Parquet, pyarrow
from affekt.sources.table_to_parquet import to_parquet

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
SHOWN = 100  # bad rows that are kept to be named at the end
PROBLEM = "affekt_problem"  # the column that says what was wrong with a row


class TableWriter:
    """The output of one run over a table.

        with TableWriter("out.csv", table, columns={"top": str}, settings="ekman7@1a2b3c4d") as writer:
            for row in table.rows(skip=writer.rows_done):
                writer.write(row, {"top": "joy"})

    Leaving the block makes the file whole; leaving it by an exception, Ctrl-C included, keeps what is there for the next run.

    Args:
        columns: our columns and their types (str, float, int, bool). One that the table has already gets "affekt_" before it.
        settings: whatever changes what is written, as one string; a run with other settings starts over.
        every: rows between two journal entries: what a kill can cost.

    Raises:
        InputError: the output's ending is unknown, its folder is absent, or it is the input.
        MissingExtra: the output is Parquet, and pyarrow is not installed.
    """

    def __init__(self, out: str | Path, table: Table, *, columns: Mapping[str, type], settings: str, every: int = 256) -> None:
        self.out, self.table, self.every = Path(out), table, every
        _check_out(self.out, table)
        taken = table.columns if self._ending == ".jsonl" else table.source.every_column()
        self._names = {name: _free(name, (*taken, *columns) if name == PROBLEM else taken) for name in (*columns, PROBLEM)}
        self._types = {self._names[name]: kind for name, kind in {**columns, PROBLEM: str}.items()}
        self._part, self._journal = (self.out.with_name(f"{self.out.name}.part{more}") for more in ("", ".json"))
        self.bad: list[tuple[int, str]] = []
        self.bad_rows = 0
        status = table.path.stat()
        self._run = {
            "source": {"size": status.st_size, "mtime_ns": status.st_mtime_ns},
            "settings": settings,
            "columns": [table.column, *self._names.values()],
        }
        self._heading = csv_line([*taken, *self._types], tab=self._ending == ".tsv") if self._ending in (".csv", ".tsv") else b""
        self._encode = self._encoder(taken)
        self._position = self._resume()
        self._since = 0

    @property
    def rows_done(self) -> int:
        """Rows that are written, those of an earlier run included: what to skip of the table."""
        return self._position[0]

    def write(self, row: TableRow, read: Mapping[str, Any] | None = None) -> None:
        """Add a row with what was read from it; None for a row with a problem.

        Raises:
            InputError: it is not the row after the last one.
        """
        rows, size = self._position
        if row.number != rows + 1:
            raise InputError(
                f"row {row.number} cannot follow row {rows}; write every row in order, from table.rows(skip=writer.rows_done) on"
            )
        ours = {name: None if read is None else read.get(given) for given, name in self._names.items()}
        line = self._encode(row.values, {**ours, self._names[PROBLEM]: row.problem})
        self._file.write(line)
        self._position = (rows + 1, size + len(line))  # in one step: Ctrl-C falls before it or after it
        if row.problem is not None:
            self.bad_rows += 1
            self.bad = [*self.bad, (row.number, row.problem)][:SHOWN]
        self._since += 1
        if self._since >= self.every:
            self.flush()

    def flush(self) -> None:
        """Put all rows so far on disk, and say so in the journal."""
        self._file.flush()
        os.fsync(self._file.fileno())
        rows, size = self._position
        fresh = self._journal.with_name(f"{self._journal.name}.new")
        with fresh.open("w", encoding="utf-8") as journal:
            json.dump({"rows_done": rows, "bytes": size, "bad_rows": self.bad_rows, "bad": self.bad, **self._run}, journal)
            journal.flush()
            os.fsync(journal.fileno())
        fresh.replace(self._journal)
        self._since = 0

    def finish(self) -> None:
        """Make the output whole and put it in its place."""
        self.flush()
        self._file.close()
        whole = self._part
        if self._ending == ".parquet":
            whole = self._part.with_name(f"{self._part.name}.parquet")
            to_parquet(self._part, whole, table=self.table, ours=self._types)
        whole.replace(self.out)
        self._part.unlink(missing_ok=True)
        self._journal.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            return self.finish()
        try:
            self.flush()
        finally:
            self._file.close()

    @property
    def _ending(self) -> str:
        return self.out.suffix.lower()

    def _encoder(self, columns: tuple[str, ...]) -> Encode:
        if self._ending in (".csv", ".tsv"):
            return delimited(columns, tuple(self._types), tab=self._ending == ".tsv")
        if self._ending == ".parquet" and isinstance(self.table.source, Parquet):
            return lambda _, read: json_line({}, read)  # the input's columns are copied from it at the end
        return json_line

    def _resume(self) -> tuple[int, int]:
        """(rows, bytes) that are done, with the file open behind them."""
        rows, size, self.bad_rows, bad = _recorded(self._journal, self._part, self._run)
        self.bad = [(number, problem) for number, problem in bad]
        self._file = self._part.open("r+b" if rows else "wb")
        if rows:
            self._file.truncate(size)
            self._file.seek(size)
        else:
            size = self._file.write(self._heading)
        return rows, size


def _recorded(journal: Path, part: Path, run: Mapping[str, Any]) -> tuple[int, int, int, list[Any]]:
    """Rows and bytes that an earlier run of the same kind put on disk, how many were bad, and the first of those; else zeros."""
    try:
        written = json.loads(journal.read_bytes())
    except (OSError, ValueError):  # no journal, or none of ours
        return 0, 0, 0, []
    if not isinstance(written, dict) or any(written.get(key) != value for key, value in run.items()):
        return 0, 0, 0, []
    rows, size = written.get("rows_done"), written.get("bytes")
    if not isinstance(rows, int) or not isinstance(size, int) or not part.is_file() or part.stat().st_size < size:
        return 0, 0, 0, []
    return rows, size, written.get("bad_rows", 0), written.get("bad", [])


def _check_out(out: Path, table: Table) -> None:
    if out.suffix.lower() not in ENDINGS:
        raise InputError(f"no table can be written to {out}; its name may end in {', '.join(ENDINGS)}")
    if not out.parent.is_dir():
        raise InputError(f"no folder {out.parent} for {out.name}; make it first")
    if out.exists() and out.samefile(table.path):
        raise InputError(f"{out} is the table that is read; name another file for the output")
    if out.suffix.lower() == ".parquet":
        pyarrow()  # absent: better said now than after the last row


def _free(name: str, taken: tuple[str, ...]) -> str:
    while name in taken:
        name = f"affekt_{name}"
    return name
