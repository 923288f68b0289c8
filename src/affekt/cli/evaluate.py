"""`affekt evaluate`: any model, or two, on any labelled data, with every number that a comparison needs."""

import json
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from affekt.batch import Progress
from affekt.cli.read import progress_bar
from affekt.errors import InputError
from affekt.evaluation.answers import Answers
from affekt.evaluation.on_data import KINDS, answering, judge_on, modality_of, name_of
from affekt.evaluation.report_write import write_whole

DATA = (
    "labelled texts: a .csv, .tsv, .jsonl (each plain or .gz) or .parquet table; "
    "or recordings: a .csv with the columns path, label, and where known speaker, language, gender, corpus; "
    "or faces that have been cut out: a folder with one sub-folder of pictures a label, a .csv of pictures with path, label, and where "
    "known subject, gender, corpus, or an .npz with images, label, label_names, which may have a split, ferplus_votes and other columns"
)
MODEL = (
    "a name that `affekt models` lists, or a folder that holds a model; default the text model, "
    "for recordings the speech model, for faces face_affekt"
)
TEXT = "texts: column of the text; by default found by what it is usually called"
LABEL = 'texts: column of the label; ends in | or ; where that stands between several: "emotions|"'


def evaluate(
    data: Annotated[Path, typer.Option(help=DATA)],
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    against: Annotated[str | None, typer.Option(help="another model, to compare on the same rows")] = None,
    labels: Annotated[str | None, typer.Option(help="label set to judge on; vad for the dimensions")] = None,
    label_map: Annotated[Path | None, typer.Option(help="JSON file: the data's label names -> ours, or null to drop the row")] = None,
    text_column: Annotated[str | None, typer.Option(help=TEXT)] = None,
    label_column: Annotated[str | None, typer.Option(help=LABEL)] = None,
    where: Annotated[list[str] | None, typer.Option(help="keep only the rows with column=value; may be repeated")] = None,
    by: Annotated[list[str] | None, typer.Option(help="count by this column too, and the gap between its groups; may be repeated")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="judge only the first N rows")] = None,
    heard: Annotated[str | None, typer.Option(help="recordings: other utterances of the speaker heard before, say 0,3,10,40")] = None,
    protocol: Annotated[str | None, typer.Option(help="recordings: fit the head anew, on other speakers; loso or kfold")] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="of kfold; default 5")] = None,
    html: Annotated[Path | None, typer.Option(help="write a report with figures, one page that needs nothing else")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="write every number to this .json file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print every number as JSON")] = False,
) -> None:
    """Judge a model on labelled texts, recordings or faces."""
    _check_written(html, out, data)
    options = {"labels": labels, "label_map": read_label_map(label_map), "where": where or (), "by": by or (), "limit": limit}
    levels = None if heard is None else _levels(heard)
    with _progress(data) as report:
        if protocol or folds:
            if any((text_column, label_column)):
                raise InputError("--text-column and --label-column are for texts, and --protocol is for recordings; leave one of them out")
            answer = _refitted(data, protocol, folds, options, levels, report)
        else:
            texts = {"text_column": text_column, "label_column": label_column}
            answer = answering(data, options=options, texts=texts, heard=levels, report=report)
        command = shlex.join(["affekt", *sys.argv[1:]])
        found = judge_on(answer, model, against=against, data=name_of(data), command=command)
    numbers = json.dumps(found.as_json(), ensure_ascii=False, indent=1)
    if out is not None:
        print(f"affekt: {write_whole(out, numbers)}", file=sys.stderr)
    if html is not None:
        print(f"affekt: {found.to_html(html)}", file=sys.stderr)
    print(numbers if as_json else found.table())


def _refitted(
    data: Path, protocol: str | None, folds: int | None, options: dict[str, Any], levels: list[int] | None, report: Progress | None
) -> Callable[[str | None], Answers]:
    kind = modality_of(data)
    if kind != "speech":
        raise InputError(f"--protocol and --folds are for recordings, which a .csv lists; {data} is read as {KINDS[kind]}")
    if protocol is None:
        raise InputError("--folds is of --protocol kfold; name that too, or leave --folds out")
    from affekt.training.protocols import answer_refitted  # it fits heads: scikit-learn, of the extra "train"

    heard = [0] if levels is None else levels
    return lambda model: answer_refitted(data, protocol, folds=folds, model=model, **options, heard=heard, report=report)


def _check_written(html: Path | None, out: Path | None, data: Path) -> None:
    """Refuses at once what could not be written after minutes of judging.

    Raises:
        InputError: a file's folder is not there, or the file is the data or that of the other option.
    """
    files = [path.absolute() for path in (html, out) if path is not None]
    for path in files:
        if path == data.absolute() or files.count(path) > 1:
            raise InputError(f"{path} would be written over; name another file for what is written")
        if not path.parent.is_dir():
            raise InputError(f"no folder {path.parent} to write {path.name} to; make it first, or name another")


def _progress(data: Path) -> AbstractContextManager[Progress | None]:
    """What is told of the judgements, where somebody looks."""
    return progress_bar(data.name, "judgements") if sys.stderr.isatty() else nullcontext()


def _levels(given: str) -> list[int]:
    try:
        return [int(one) for one in given.split(",")]
    except ValueError as error:
        raise InputError(f"--heard {given!r} is no list of numbers; write it as 0,3,10,40") from error


def read_label_map(path: Path | None) -> dict[str, str | None] | None:
    """The label map in a JSON file: the data's names -> ours, or None where a row is dropped.

    Raises:
        InputError: the file cannot be read, or holds no such map.
    """
    if path is None:
        return None
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"the label map {path} cannot be read as JSON: {error}") from error
    if not isinstance(given, dict) or not all(to is None or isinstance(to, str) for to in given.values()):
        raise InputError(f'the label map {path} is not an object of names, such as {{"happy": "joy", "other": null}}')
    return given
