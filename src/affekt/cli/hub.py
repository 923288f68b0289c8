"""`affekt push` and `affekt pull`: a model to the Hugging Face hub, and from there."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from affekt.export import hub
from affekt.export.hub_folder import write_hub_folder

FLAGS = {"text": ("--model", '"a text"'), "speech": ("--speech-model", "call.wav"), "face": ("--face-model", "photo.jpg")}


def push(
    model: Annotated[Path, typer.Argument(help="a folder that holds a model, as affekt train writes it")],
    name: Annotated[str, typer.Argument(help="owner/model on the hub")],
    private: Annotated[bool, typer.Option("--private", help="not for everybody to see")] = False,
    to: Annotated[Path | None, typer.Option(help="write the folder here as the hub would have it, and send nothing")] = None,
) -> None:
    """Send a model to the Hugging Face hub: weights, card and a page; nothing pickled."""
    if to is not None:
        behind = write_hub_folder(model, to, name=hub.target(name))
        where = str(to)
    else:
        where, behind = hub.push(model, name, private=private)
    if behind:
        print(f"affekt: left behind, for a model does not need them: {', '.join(behind)}", file=sys.stderr)
    print(where)


def pull(
    source: Annotated[str, typer.Argument(help="owner/model or owner/model@revision on the hub, or a folder that affekt push --to wrote")],
    out: Annotated[Path, typer.Option("--out", "-o", help="folder to write the model to")],
) -> None:
    """Fetch a model from the Hugging Face hub: what its card lists and no code, checked to be whole."""
    card = hub.pull(source, out)
    flag, example = FLAGS[card.modality]
    print(f"{out} holds {card.name}@{card.revision} ({card.licence['weights']}); use it: affekt read {example} {flag} {out}")
