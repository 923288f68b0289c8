"""`affekt evaluate`: any model on any labelled file, with every number that a comparison needs."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from affekt.cli.read import setting
from affekt.errors import InputError
from affekt.evaluation.run import evaluate_file


def evaluate(
    data: Annotated[
        Path,
        typer.Option(help='labelled rows, {"text", "labels": […], "lang"?, "vad"?: three ratings on 1 to 5} a line; .jsonl or .jsonl.gz'),
    ],
    model: Annotated[str | None, setting("text_model", "--model")] = None,
    labels: Annotated[str | None, typer.Option(help="label set to judge on; vad for the dimensions")] = None,
    label_map: Annotated[Path | None, typer.Option(help="JSON file: the data's label names -> ours, or null to drop the row")] = None,
    where: Annotated[list[str] | None, typer.Option(help="keep only the rows with column=value; may be repeated")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="judge only the first N rows")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Judge a model on a labelled file."""
    result = evaluate_file(data, model=model, labels=labels, label_map=_label_map(label_map), where=where or (), limit=limit)
    print(json.dumps(result, ensure_ascii=False, indent=1) if as_json else _table(result))


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


def _table(result: dict[str, Any]) -> str:
    names = (
        "model",
        "labels",
        "judged_as",
        "decision",
        "n",
        "dropped",
        "accuracy",
        "macro_f1",
        "micro_f1",
        "weighted_f1",
        "ua",
        "ece",
        "brier",
    )
    lines = [f"{name:<12}{_shown(result[name])}" for name in names if result.get(name) is not None]
    lines += [f"{'interval':<12}{' to '.join(map(_shown, result['interval']))}"] if result.get("interval") else []
    for name in ("pearson", "ccc"):
        lines += [f"{name:<12}" + "  ".join(f"{axis} {_shown(value)}" for axis, value in result[name].items())] if name in result else []
    for name, one in result.get("per_label", {}).items():
        lines.append(
            f"  {name:<18}f1 {_shown(one['f1'])}  precision {_shown(one['precision'])}  recall {_shown(one['recall'])}  n {one['support']}"
        )
    if len(result["by_lang"]) > 1:
        lines += [f"  {lang:<18}macro_f1 {_shown(one.get('macro_f1'))}  n {one['n']}" for lang, one in result["by_lang"].items()]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
