"""A table in, the same rows with their scores out, in constant memory; a run that is stopped goes on where it was."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from affekt.errors import InputError, NoColumn
from affekt.pipeline import Reader
from affekt.results import DIMENSIONS, Reading, Timeline
from affekt.sources.table import Table, TableRow
from affekt.sources.table_writer import TableWriter

Progress = Callable[[float, int], None]  # (share of the table that is done, rows)
TEXT_COLUMNS = ("text", "comment", "sentence", "content", "message", "review")  # taken where no column is named


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run over a table did, all its parts where it was stopped: its rows, and those that could not be read."""

    out: Path
    rows: int
    bad_rows: int
    bad: tuple[tuple[int, str], ...]  # number and problem of the first hundred


def read_table(
    source: str | Path,
    *,
    out: str | Path,
    column: str | None = None,
    reader: Reader | None = None,
    report: Progress | None = None,
) -> Summary:
    """Scores every row of a table and writes the same rows, in order, with the scores beside them.

    A row that cannot be read keeps its place, with the reason in the column `affekt_problem`. Run the same call again
    after an interruption and it goes on; `out` appears when it is whole.

    Args:
        source: .csv, .tsv, .jsonl (each also .gz) or .parquet.
        out: the file to write; its ending chooses the format.
        column: the column that holds the text; without it "text", "comment" and the like, or the only one.
        reader: a default one where None.
        report: called after each batch.

    Raises:
        InputError: the table cannot be opened, has no such column, or `out` cannot be written.
    """
    reader = reader or Reader()
    table, out = open_table(source, column=column), Path(out)
    if reader.labels.kind == "dimensions":
        columns: dict[str, type] = {}
    else:
        columns = {"top": str, "confidence": float, "present": str, "abstained": bool}
        columns |= {f"score_{name}": float for name in reader.labels.labels}
    columns |= dict.fromkeys(DIMENSIONS, float) | {"model": str}
    settings = f"{reader.labels.name} {reader.settings.text_model} {reader.encoder.card.revision}"
    with TableWriter(out, table, columns=columns, settings=settings) as writer:
        for row, reading in _readings(table, reader, skip=writer.rows_done):
            writer.write(row, None if reading is None else _columns(reading))
            if report is not None and row.number % reader.settings.batch == 0:
                report(table.done, row.number)
    return Summary(out, writer.rows_done, writer.bad_rows, tuple(writer.bad))


def table_timelines(source: str | Path, *, column: str | None = None, reader: Reader) -> Iterator[tuple[int, Timeline | str]]:
    """Every row's number with its timeline, or with what is wrong with it."""
    table = open_table(source, column=column)
    for row, reading in _readings(table, reader, skip=0):
        if reading is None or row.text is None:
            yield row.number, row.problem or "nothing to read"
        else:
            name = f"{source}:{row.number}"
            yield row.number, Timeline(name, len(row.text), "characters", reader.labels.name, (reading,), transcript=row.text)


def open_table(source: str | Path, *, column: str | None = None) -> Table:
    """The table, with the column that holds the text.

    Raises:
        InputError: no column is named and none can be guessed; lists those there are.
    """
    if column is not None:
        return Table(source, column=column)
    for name in TEXT_COLUMNS:
        try:
            return Table(source, column=name)
        except NoColumn as error:
            there_are = error.there_are
    if len(there_are) == 1:
        return Table(source, column=there_are[0])
    raise InputError(
        f"which column of {source} holds the text? Name it with --column (column=); there are: {', '.join(map(repr, there_are))}"
    )


def _readings(table: Table, reader: Reader, *, skip: int) -> Iterator[tuple[TableRow, Reading | None]]:
    rows = table.rows(skip=skip)
    size = 8 * reader.settings.batch  # enough to put like lengths together
    while chunk := list(islice(rows, size)):
        readings = iter(reader.read_texts([row.text for row in chunk if row.text is not None]))
        for row in chunk:
            yield row, None if row.text is None else next(readings)


def _columns(reading: Reading) -> dict[str, Any]:
    own = {f"score_{name}": score for name, score in reading.scores.items()}
    top = reading.top[0] if reading.top else None
    return {
        "top": top,
        "confidence": reading.confidence,
        "present": ";".join(reading.present),
        "abstained": reading.abstained,
        **own,
        **{name: getattr(reading, name) for name in (*DIMENSIONS, "model")},
    }
