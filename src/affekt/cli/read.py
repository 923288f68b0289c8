"""`affekt read`: texts, documents, conversations, tables, sounds and videos in, timelines out."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from affekt import catalog
from affekt.batch import Progress, read_table, table_timelines
from affekt.errors import AffektError, InputError
from affekt.pipeline import READ, Reader
from affekt.results import Modality, Timeline
from affekt.scene import Scene
from affekt.settings import Settings
from affekt.sources import is_picture, is_sound, is_video
from affekt.sources.decode import decode
from affekt.sources.table import is_table

TABLES = {"csv": ".csv", "json": ".jsonl", "jsonl": ".jsonl"}  # --format -> ending of a scored table; else that of the table


def setting(name: str, *flags: str) -> Any:
    """The flag of a setting, described as the setting is."""
    return typer.Option(*flags, help=Settings.model_fields[name].description)


FORMATS = "of what is printed or written: table, json, jsonl, csv, svg, png, srt, webvtt, textgrid, elan, emotionml, label_studio"


def read(
    sources: Annotated[
        list[str],
        typer.Argument(help="texts, or files: .txt .md, .json .srt .vtt, .csv .tsv .jsonl .parquet, any sound, video or image; - stdin"),
    ],
    labels: Annotated[str | None, setting("labels")] = None,
    modality: Annotated[str | None, typer.Option(help="read only this modality: text, speech, face")] = None,
    model: Annotated[str | None, setting("text_model", "--model")] = None,
    speech_model: Annotated[str | None, setting("speech_model", "--speech-model")] = None,
    face_model: Annotated[str | None, setting("face_model", "--face-model")] = None,
    who: Annotated[list[str] | None, typer.Option(help="name of a sound's speaker, one a microphone; may be repeated")] = None,
    speakers: Annotated[int | None, setting("speakers")] = None,
    voices: Annotated[str | None, setting("voices")] = None,
    transcript: Annotated[str | None, setting("transcript")] = None,
    language: Annotated[str | None, setting("language")] = None,
    face_rate: Annotated[float | None, setting("face_rate")] = None,
    resting_face: Annotated[bool | None, setting("resting_face", "--resting-face")] = None,
    fusion: Annotated[str | None, setting("fusion")] = None,
    context: Annotated[bool | None, setting("context", "--context")] = None,
    batch: Annotated[int | None, setting("batch")] = None,
    threads: Annotated[int | None, setting("threads")] = None,
    commercial_only: Annotated[bool | None, setting("commercial_only", "--commercial-only")] = None,
    format_: Annotated[str, typer.Option("--format", "-f", help=FORMATS)] = "table",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder to write to, one file a source, instead of printing")] = None,
    plot: Annotated[Path | None, typer.Option(help="write the timeline as a picture, .png or .svg; of one SOURCE")] = None,
    overlay: Annotated[Path | None, typer.Option(help="write the video or image again with what was read drawn in; of one SOURCE")] = None,
    blur_faces: Annotated[bool, typer.Option("--blur-faces", help="hide whose faces they are in what --overlay writes")] = False,
    column: Annotated[str | None, typer.Option(help="column of a table that holds the text")] = None,
    text: Annotated[bool, typer.Option("--text", help="take every SOURCE as a text, even where it is a file's name")] = False,
) -> None:
    """Read emotion from each SOURCE: a text in quotes, or a file."""
    if modality not in (None, *READ):
        raise InputError(f"no modality {modality!r}; there are: {', '.join(READ)}")
    if len(sources) > 1 and (plot or overlay):
        raise InputError(f"--plot and --overlay write one picture, and {len(sources)} sources are given; read one, or use -o FOLDER -f png")
    if blur_faces and not overlay:
        raise InputError("--blur-faces is of what --overlay writes; name that too")
    if catalog.find("formats", format_).binary and out is None:
        raise _unprintable(format_)  # said before anything is read, which may take long
    reader = Reader(
        labels=labels,
        models={modality: name for modality, name in zip(READ, (model, speech_model, face_model), strict=True) if name},
        batch=batch,
        threads=threads,
        commercial_only=commercial_only,
        speakers=speakers,
        voices=voices,
        transcript=transcript,
        language=language,
        face_rate=face_rate,
        resting_face=resting_face,
        fusion=fusion,
        context=context,
    )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    failed = False
    for number, source in enumerate(sources, 1):

        def emit(timeline: Timeline, number: int = number) -> None:
            _emit(timeline if modality is None else timeline.only(modality), format_, out, number)
            if plot is not None:
                print(f"affekt: {timeline.plot(plot)}", file=sys.stderr)
            if overlay is not None:
                _overlay(timeline, overlay, blur_faces)

        try:
            if not text and is_table(source) and (Path(source).exists() or not any(map(str.isspace, source))):
                _table(reader, source, format_, out, column)
            elif not text and any(is_one(source, None) for is_one in (is_sound, is_video, is_picture)):
                _sense(reader, source, who or (), only=modality, emit=emit)
            else:
                if who:
                    raise InputError(f"--who names the speakers of a sound, and {source!r} is none; leave it out")
                emit(_read(reader, source, text))
        except AffektError as error:
            if len(sources) == 1:
                raise
            print(f"affekt: {error}", file=sys.stderr)  # the other sources are read all the same
            failed = True
    if failed:
        raise typer.Exit(2)


def _read(reader: Reader, source: str, text: bool) -> Timeline:
    if source == "-" and not text:
        return reader.read(decode(sys.stdin.buffer.read(), name="what came on stdin"), kind="text")
    return reader.read(source, kind="text" if text else None)


def _sense(reader: Reader, source: str, who: Sequence[str], *, only: Modality | None, emit: Callable[[Timeline], None]) -> None:
    """What can be heard and seen is read with progress; Ctrl-C keeps what has been read."""
    scene = reader.scene(source, who=who, only=only)
    assert scene is not None  # it is no text
    try:
        with progress_bar(Path(source).name, "readings") as report:
            scene.read(report=lambda: report(_share(scene), sum(sense.count for sense in scene.senses)))
    except KeyboardInterrupt:
        read = ", ".join(f"{sense.position:.0f} s of {sense.duration or 0:.0f} s" for sense in scene.senses)
        print(f"affekt: {source} is read up to {read}", file=sys.stderr)
        if any(sense.count for sense in scene.senses):
            emit(scene.timeline())
        raise
    emit(scene.timeline())


def _share(scene: Scene) -> float:
    """How much of a scene has been read, in [0, 1]."""
    shares = [min(sense.position / sense.duration, 1.0) if sense.duration else 0.0 for sense in scene.senses]
    return sum(shares) / len(shares)


def _overlay(timeline: Timeline, out: Path, blur_faces: bool) -> None:
    from affekt.annotate import annotate

    with progress_bar(out.name, "frames") as report:
        print(f"affekt: {annotate(timeline.source, timeline, out, blur_faces=blur_faces, report=report)}", file=sys.stderr)


def _emit(timeline: Timeline, format_: str, out: Path | None, number: int) -> None:
    for warning in timeline.warnings:
        print(f"affekt: {timeline.source}: {warning}", file=sys.stderr)
    if out is None:
        print(_printed(timeline, format_), flush=True)
        return
    # The whole name of the source, so that notes.txt does not become itself and a/r.txt and b/r.txt do not become one.
    name = f"text-{number}" if timeline.source == "text" else f"{number}-{Path(timeline.source).name}"
    written = timeline.save(out / f"{name}.{catalog.find('formats', format_).ending}")
    print(f"affekt: {written}", file=sys.stderr)


def _printed(timeline: Timeline, format_: str) -> str:
    """JSON takes one line a source, so that several sources are JSON lines; the other formats print as they are."""
    written = timeline.to_json() if format_ == "json" else catalog.find("formats", format_).write(timeline)
    if isinstance(written, bytes):
        raise _unprintable(format_)
    return written.rstrip("\r\n")


def _unprintable(format_: str) -> InputError:
    return InputError(f"{format_} is written to files and cannot be printed; name a folder for them with -o FOLDER")


def _table(reader: Reader, source: str, format_: str, out: Path | None, column: str | None) -> None:
    """A table is read to its end, whatever is wrong with some rows; those are named on stderr."""
    if out is None:
        for at, (number, row) in enumerate(table_timelines(source, column=column, reader=reader)):
            if isinstance(row, str):
                print(f"affekt: {source}, row {number}: {row}", file=sys.stderr)
            elif format_ == "csv" and at:
                print(_printed(row, format_).partition("\n")[2])  # one heading is enough
            else:
                print(_printed(row, format_))
        return
    name = Path(source).name.removesuffix(".gz")
    target = out / Path(name).with_suffix(TABLES.get(format_, Path(name).suffix))
    try:
        with progress_bar(name) as report:
            summary = read_table(source, out=target, column=column, reader=reader, report=report)
    except KeyboardInterrupt:
        print(f"affekt: {target} is not finished; run the same command again and it goes on where it stopped", file=sys.stderr)
        raise
    print(f"affekt: {target}: {summary.rows} rows, {summary.bad_rows} of them bad", file=sys.stderr)
    for number, problem in summary.bad[:20]:
        print(f"affekt: {source}, row {number}: {problem}", file=sys.stderr)
    if summary.bad_rows > 20:
        print(f"affekt: … and {summary.bad_rows - 20} more; the column affekt_problem names them all", file=sys.stderr)


@contextmanager
def progress_bar(name: str, what: str = "rows") -> Iterator[Progress]:
    """A progress bar on stderr; what is printed to stdout stays clean."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}% {task.fields[rows]} " + what),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=1.0, rows=0)
        yield lambda done, rows: bar.update(task, completed=done, rows=rows)
