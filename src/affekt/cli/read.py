"""`affekt read`: texts, documents, conversations and tables in, timelines out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from affekt import catalog
from affekt.batch import Progress, read_table, table_timelines
from affekt.errors import AffektError, InputError
from affekt.pipeline import Reader
from affekt.results import Timeline
from affekt.sources.table import is_table


def read(
    sources: Annotated[list[str], typer.Argument(help="texts, or files: .txt .md, .json .srt .vtt, .csv .tsv .jsonl .parquet; - is stdin")],
    labels: Annotated[str | None, typer.Option(help="label set; `affekt labels` lists them")] = None,
    modality: Annotated[str | None, typer.Option(help="read only this modality: text")] = None,
    model: Annotated[str | None, typer.Option(help="text model: a name, or a folder that holds one")] = None,
    format_: Annotated[
        Literal["table", "json", "jsonl", "csv"], typer.Option("--format", "-f", help="of what is printed or written")
    ] = "table",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder to write to, one file a source, instead of printing")] = None,
    column: Annotated[str | None, typer.Option(help="column of a table that holds the text")] = None,
    commercial_only: Annotated[bool | None, typer.Option("--commercial-only", help="refuse models not for commercial use")] = None,
) -> None:
    """Read emotion from each SOURCE: a text in quotes, or a file."""
    if modality not in (None, "text"):
        raise InputError(f"no modality {modality!r}; there is: text")
    reader = Reader(labels=labels, models={"text": model} if model else None, commercial_only=commercial_only)
    failed = False
    for number, source in enumerate(sources, 1):
        try:
            if is_table(source):
                failed |= _table(reader, source, format_, out, column)
            else:
                timeline = reader.read(sys.stdin.read(), kind="text") if source == "-" else reader.read(source)
                _emit(timeline, format_, out, number)
        except AffektError as error:
            if len(sources) == 1:
                raise
            print(f"affekt: {error}", file=sys.stderr)  # the other sources are read all the same
            failed = True
    if failed:
        raise typer.Exit(2)


def _emit(timeline: Timeline, format_: str, out: Path | None, number: int) -> None:
    for warning in timeline.warnings:
        print(f"affekt: {timeline.source}: {warning}", file=sys.stderr)
    if out is None:
        print(_printed(timeline, format_), flush=True)
        return
    out.mkdir(parents=True, exist_ok=True)
    stem = Path(timeline.source).stem if timeline.source != "text" else f"text-{number}"
    written = timeline.save(out / f"{stem}.{catalog.find('formats', format_).ending}")
    print(f"affekt: {written}", file=sys.stderr)


def _printed(timeline: Timeline, format_: str) -> str:
    """JSON takes one line a source, so that several sources are JSON lines; the other formats print as they are."""
    return timeline.to_json() if format_ == "json" else catalog.find("formats", format_).write(timeline).rstrip("\n")


def _table(reader: Reader, source: str, format_: str, out: Path | None, column: str | None) -> bool:
    """Says whether any row was bad."""
    if out is None:
        bad = 0
        for number, row in table_timelines(source, column=column, reader=reader):
            if isinstance(row, Timeline):
                print(_printed(row, format_))
            else:
                bad += 1
                print(f"affekt: {source}, row {number}: {row}", file=sys.stderr)
        return bad > 0
    out.mkdir(parents=True, exist_ok=True)
    target = out / Path(source).name
    if target.exists() and target.samefile(source):
        raise InputError(f"-o {out} is the table's own folder, and {target.name} would be written over; name another folder")
    try:
        with _bar(Path(source).name) as report:
            summary = read_table(source, out=target, column=column, reader=reader, report=report)
    except KeyboardInterrupt:
        print(f"affekt: {target} is not finished; run the same command again and it goes on where it stopped", file=sys.stderr)
        raise
    print(f"affekt: {target}: {summary.rows} rows, {len(summary.bad)} of them bad", file=sys.stderr)
    for number, problem in summary.bad[:20]:
        print(f"affekt: {source}, row {number}: {problem}", file=sys.stderr)
    if len(summary.bad) > 20:
        print(f"affekt: … and {len(summary.bad) - 20} more; the column affekt_problem names them all", file=sys.stderr)
    return False


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    """A progress bar on stderr; what is printed to stdout stays clean."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}% {task.fields[rows]} rows"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=1.0, rows=0)
        yield lambda done, rows: bar.update(task, completed=done, rows=rows)
