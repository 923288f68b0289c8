"""`affekt train`: a model of one's own from labelled texts, recordings or faces."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affekt.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from affekt.training.recipe import Recipe
    from affekt.training.train import Trained

SET = (
    "any setting of a recipe, as section.name=value: optimiser.epochs=3, loss.kind=focal, model.rank=8, augment.dropout=0.1, "
    "split.test=0.2, teacher.model=my_llm; may be repeated"
)
DATA = "labelled rows: .csv .tsv .jsonl .parquet; recordings or faces: a table with path and label, or a folder with a folder a label"
FAMILY = (
    "text: adapter (a head in seconds, with model.rank=8 LoRA in minutes), encoder, decoder, lstm, cnn, tfidf, llm; "
    "speech, face: head (in seconds), encoder, hub; default the first"
)


def train(
    recipe: Annotated[Path | None, typer.Argument(help="a RECIPE.toml; flags win over what it says")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder of the model; appears when it is whole")] = None,
    data: Annotated[list[str] | None, typer.Option(help=DATA)] = None,
    modality: Annotated[str | None, typer.Option(help="text, speech or face")] = None,
    family: Annotated[str | None, typer.Option(help=FAMILY)] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="label set of `affekt labels`; by default the names in the data")] = None,
    labels_from: Annotated[str | None, typer.Option(help='"data": the names in the data; the same as --labels data')] = None,
    text: Annotated[str | None, typer.Option("--text-column", help="column of the text, or of the path of a file")] = None,
    label: Annotated[str | None, typer.Option("--label-column", help="column of the label")] = None,
    group: Annotated[list[str] | None, typer.Option("--group-column", help="rows that share its value stay in one split")] = None,
    where: Annotated[list[str] | None, typer.Option(help="keep only the rows with column=value; may be repeated")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help=SET)] = None,
    minutes: Annotated[float | None, typer.Option(help="search for better settings for so long")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with a run that was interrupted")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="put the model in the place of what is there")] = False,
    processes: Annotated[int, typer.Option(min=1, help="that train together; on a machine with GPUs one a GPU")] = 1,
    check: Annotated[bool, typer.Option("--check", help="look at the data, and train nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print what the model is worth as JSON")] = False,
) -> None:
    """Train a model that `affekt read`, `affekt evaluate` and `affekt export` open."""
    if labels_from not in (None, "data"):
        raise InputError(f'--labels-from is "data", not {labels_from!r}; a label set is named by --labels')
    if out is None and not check:
        raise InputError("where shall the model go? Name a folder with -o, say -o my_model")
    if processes > 1:
        raise typer.Exit(_together(processes))
    given: dict[str, Any] = {
        "data": data,
        "modality": modality,
        "family": family,
        "labels": labels_from or labels,
        "seed": seed,
        "where": where,
        "columns": {name: value for name, value in {"text": text, "label": label, "group": group}.items() if value} or None,
        "search": None if minutes is None else {"minutes": minutes},
    }
    made = _recipe(recipe, {**_settings(set_ or []), **{name: value for name, value in given.items() if value is not None}})
    if check:
        _look(made)
        return
    assert out is not None
    _say(_train(made, out, resume=resume, overwrite=overwrite), as_json=as_json)


def _train(recipe: "Recipe", out: Path, *, resume: bool, overwrite: bool) -> "Trained":
    from affekt.training.loop import Watch
    from affekt.training.train import is_first
    from affekt.training.workbench import train as run

    if not is_first():
        return run(out=out, recipe=recipe, resume=resume, overwrite=overwrite)
    with _bar() as step:
        return run(out=out, recipe=recipe, resume=resume, overwrite=overwrite, watch=Watch(_tell, step))


def _look(recipe: "Recipe") -> None:
    from affekt.training.workbench import prepare

    prepare(None, recipe=recipe, name=recipe.name or "data", tell=print)


def _recipe(path: Path | None, given: Mapping[str, Any]) -> "Recipe":
    try:
        from affekt.training.recipe import read_recipe, recipe_of
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "train") from error
    return recipe_of(given, source="what was given") if path is None else read_recipe(path, **given)


def _settings(given: list[str]) -> dict[str, Any]:
    """What --set says: nested by section, values as JSON has them, else as text."""
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise InputError(f"cannot set {one!r}; a setting reads name=value or section.name=value, say optimiser.epochs=3")
        section, _, inner = name.partition(".")
        try:
            read = json.loads(value)
        except json.JSONDecodeError:
            read = value
        if inner:
            found.setdefault(section, {})[inner] = read
        else:
            found[section] = read
    return found


def _together(processes: int) -> int:
    """Starts this very command in several processes; the exit code."""
    from affekt.training.processes import command

    arguments, skip = list[str](), False
    for one in sys.argv[1:]:
        if not skip and one != "--processes" and not one.startswith("--processes="):
            arguments.append(one)
        skip = one == "--processes"
    return subprocess.run(command(arguments, processes=processes)).returncode


def _tell(line: str) -> None:
    print(f"affekt: {line}", file=sys.stderr)


@contextmanager
def _bar() -> Iterator[Callable[[int, int, float], None]]:
    """What shows how far training is: a bar where somebody looks, else nothing."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("training", total=1)

        def step(done: int, total: int, loss: float) -> None:
            progress.update(task, completed=done, total=total, description=f"training, loss {loss:.3f}" if loss else "reading")

        yield step


def _say(trained: "Trained", *, as_json: bool) -> None:
    """What the model is worth, and how it is used."""
    if as_json:
        told = {"folder": str(trained.folder), "model": f"{trained.card.name}@{trained.card.revision}", **trained.measured}
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    for split, found in trained.measured.items():
        numbers = [f"{name} {found[name]:.3f}" for name in ("macro_f1", "accuracy", "ece") if name in found]
        numbers += [f"{name} {value:.3f}" for name, value in found.get("pearson", {}).items()]
        print(f"{split:<6} {found['n']} rows: {', '.join(numbers)}")
    example = {"text": '"a text"', "speech": "call.wav", "face": "photo.jpg"}[trained.card.modality]
    flag = {"text": "--model", "speech": "--speech-model", "face": "--face-model"}[trained.card.modality]
    print(f"{trained.folder} is whole; use it: affekt read {example} {flag} {trained.folder}")
