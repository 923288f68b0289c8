"""`affekt export`: a trained model in a smaller or faster form that says the same."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affekt.cli.evaluate import read_label_map
from affekt.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from affekt.export.export import Exported

DATA = "labelled rows that the model has not learned from: .csv .tsv .jsonl .parquet; half of them calibrate, half judge"
KIND = "fp32, dynamic (int8, ranges found while it runs) or static (int8, ranges measured beforehand); default the smallest that there is"
PRUNE = "share of the feed-forward neurons that go, say 0.25"
TOLERANCE = "points of macro-F1, or hundredths of a correlation, that the model may lose"


def export(
    model: Annotated[Path, typer.Argument(help="folder that `affekt train` wrote for texts")],
    data: Annotated[Path, typer.Option(help=DATA)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder of the exported model; appears when it is whole")] = None,
    kind: Annotated[str | None, typer.Option(help=KIND)] = None,
    prune: Annotated[float, typer.Option(help=PRUNE)] = 0.0,
    trim_vocabulary: Annotated[bool, typer.Option("--trim-vocabulary", help="keep only the pieces that the rows need")] = False,
    tolerance: Annotated[float, typer.Option(min=0, help=TOLERANCE)] = 0.5,
    labels: Annotated[str | None, typer.Option(help="label set of the rows; by default the model's first")] = None,
    label_map: Annotated[Path | None, typer.Option(help="JSON file: the data's label names -> ours, or null to drop the row")] = None,
    text: Annotated[str | None, typer.Option("--text-column", help="column of the text")] = None,
    label: Annotated[str | None, typer.Option("--label-column", help="column of the label")] = None,
    group: Annotated[list[str] | None, typer.Option("--group-column", help="rows that share its value stay in one half")] = None,
    threads: Annotated[int, typer.Option(min=0, help="by which speed is measured; 0: all")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="put the model in the place of what is there")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print what was measured as JSON")] = False,
) -> None:
    """Export a trained model: smaller, faster, calibrated, and only if it says what the trained one says."""
    if out is None:
        raise InputError("where shall the model go? Name a folder with -o, say -o my_small_model")
    columns: dict[str, Any] = {"text": text, "label": label, "group": group or None}
    options: dict[str, Any] = {
        "kind": kind,
        "prune": prune,
        "trim_vocabulary": trim_vocabulary,
        "tolerance": tolerance,
        "labels": labels,
        "label_map": read_label_map(label_map),
        "threads": threads,
        "overwrite": overwrite,
    }
    made = _exported(model, data, out, columns, options)
    if as_json:
        print(json.dumps(made.as_json(), ensure_ascii=False, indent=1))
        return
    print(made.table())
    print(f'\n{made.folder} is whole; use it: affekt read "a text" --model {made.folder}')


def _exported(model: Path, data: Path, out: Path, columns: dict[str, Any], options: dict[str, Any]) -> "Exported":
    try:
        from affekt.export.export import Columns
        from affekt.export.export import export as run
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "train") from error
    return run(model, data, out=out, columns=Columns(**columns), tell=_tell, **options)


def _tell(line: str) -> None:
    print(f"affekt: {line}" if "\n" not in line else line, file=sys.stderr)
