"""`affekt evaluate`: any model on any labelled data, with every number that a comparison needs."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from affekt.batch import Progress
from affekt.cli.read import _bar
from affekt.errors import InputError
from affekt.evaluation.albums import is_album
from affekt.evaluation.manifest import is_manifest
from affekt.evaluation.pictures import evaluate_pictures
from affekt.evaluation.recordings import evaluate_recordings
from affekt.evaluation.run import evaluate_file

DATA = (
    'labelled rows, {"text", "labels": […], "lang"?, "vad"?: three ratings on 1 to 5} a line; .jsonl or .jsonl.gz; '
    "or recordings: a .csv with the columns path, label, and where known speaker, language, gender, corpus; "
    "or faces that have been cut out: a folder with one sub-folder of pictures a label, a .csv of pictures with path, label, and where "
    "known subject, gender, corpus, or an .npz with images, label, label_names, which may have a split, ferplus_votes and other columns"
)

MODEL = (
    "a name that `affekt models` lists, or a folder that holds a model; default the text model, "
    "for recordings the speech model, for faces face_affekt"
)


def evaluate(
    data: Annotated[Path, typer.Option(help=DATA)],
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    labels: Annotated[str | None, typer.Option(help="label set to judge on; vad for the dimensions")] = None,
    label_map: Annotated[Path | None, typer.Option(help="JSON file: the data's label names -> ours, or null to drop the row")] = None,
    where: Annotated[list[str] | None, typer.Option(help="keep only the rows with column=value; may be repeated")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="judge only the first N rows")] = None,
    heard: Annotated[str | None, typer.Option(help="recordings: other utterances of the speaker heard before, say 0,3,10,40")] = None,
    protocol: Annotated[str | None, typer.Option(help="recordings: fit the head anew, on other speakers; loso or kfold")] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="of kfold; default 5")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Judge a model on labelled texts, recordings or faces."""
    common: dict[str, Any] = {"model": model, "labels": labels, "label_map": _label_map(label_map), "where": where or (), "limit": limit}
    faces = is_album(data)
    if (faces or not is_manifest(data)) and (heard or protocol or folds):
        read_as = "faces" if faces else "texts"
        raise InputError(f"--heard, --protocol and --folds are for recordings, which a .csv lists; {data} is read as {read_as}")
    if faces:
        with _progress(data) as report:
            result = evaluate_pictures(data, **common, report=report)
    elif is_manifest(data):
        result = _on_recordings(data, common, heard=heard, protocol=protocol, folds=folds)
    else:
        result = evaluate_file(data, **common)
    print(json.dumps(result, ensure_ascii=False, indent=1) if as_json else _table(result))


def _on_recordings(data: Path, common: dict[str, Any], *, heard: str | None, protocol: str | None, folds: int | None) -> dict[str, Any]:
    judge: Callable[..., dict[str, Any]] = evaluate_recordings
    if protocol:
        from affekt.training.protocols import evaluate_refitted  # it fits heads: scikit-learn, of the extra "train"

        judge = partial(evaluate_refitted, protocol=protocol, folds=folds)
    elif folds:
        raise InputError("--folds is of --protocol kfold; name that too, or leave --folds out")
    levels = _levels(heard or "0")
    with _progress(data) as report:
        return judge(data, **common, heard=levels, report=report)


def _progress(data: Path) -> AbstractContextManager[Progress | None]:
    """What is told of the judgements, where somebody looks."""
    return _bar(data.name, "judgements") if sys.stderr.isatty() else nullcontext()


def _levels(given: str) -> list[int]:
    try:
        return [int(one) for one in given.split(",")]
    except ValueError as error:
        raise InputError(f"--heard {given!r} is no list of numbers; write it as 0,3,10,40") from error


def _label_map(path: Path | None) -> dict[str, str | None] | None:
    if path is None:
        return None
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"the label map {path} cannot be read as JSON: {error}") from error
    if not isinstance(given, dict) or not all(to is None or isinstance(to, str) for to in given.values()):
        raise InputError(f'the label map {path} is not an object of names, such as {{"happy": "joy", "other": null}}')
    return given


NAMES = (
    *("model", "labels", "judged_as", "protocol", "folds", "decision", "n", "dropped", "too_long"),
    *("accuracy", "macro_f1", "micro_f1", "weighted_f1", "ua", "ece", "brier"),
)


def _table(result: dict[str, Any]) -> str:
    lines = [f"{name:<12}{_shown(result[name])}" for name in NAMES if result.get(name) is not None]
    lines += [f"{'interval':<12}{' to '.join(map(_shown, result['interval']))}"] if result.get("interval") else []
    for name in ("pearson", "ccc"):
        lines += [f"{name:<12}" + _pairs(result[name])] if name in result else []
    for name, one in result.get("per_label", {}).items():
        lines.append(
            f"  {name:<18}f1 {_shown(one['f1'])}  precision {_shown(one['precision'])}  recall {_shown(one['recall'])}  n {one['support']}"
        )
    if len(result["by_lang"]) > 1:
        lines += [f"  {lang:<18}macro_f1 {_shown(one.get('macro_f1'))}  n {one['n']}" for lang, one in result["by_lang"].items()]
    for group, values in result.get("by_group", {}).items():
        lines += [f"{group:<12}{value:<18}{_pairs(one)}" for value, one in values.items()] if len(values) > 1 else []
    if len(result.get("heard", ())) > 1:
        lines += [f"{'heard':<12}{level:<18}{_pairs(one)}" for level, one in result["heard"].items()]
    return "\n".join(lines)


def _pairs(values: dict[str, Any]) -> str:
    return "  ".join(f"{name} {_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
