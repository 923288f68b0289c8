"""A model folder in the format of the Hugging Face hub: card, weights, config.json and README.md; nothing pickled, no paths."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import numpy as np

from affekt.encoders._card import CARD, read_card, write_card
from affekt.encoders._shared import FACTS, check_files, listed, refuse_endpoints, refuse_pickles, sha256_of
from affekt.errors import InputError, WeightsError
from affekt.export.hub_page import page
from affekt.parts import Card

PAGE, CONFIG = "README.md", "config.json"


def write_hub_folder(model: Path, out: Path, *, name: str) -> list[str]:
    """Writes a model folder as the hub has them, and returns the names of the files that stay behind; `out` appears when it is whole.

    What goes along are card.json and the files beside it that hold numbers and words alone. The card is told the checksum of each, and
    of the files that were learned from only their names.

    Args:
        name: "owner/model", for the page.

    Raises:
        InputError: there is no such folder, or `out` is there already.
        WeightsError: the folder is no model, is not whole, or holds what is not shared.
    """
    card, names = checked(model)
    if "sha256" in card.facts:
        check_files(model, card)
    kept = [one for one in names if one.endswith(FACTS) and one != CARD and not one.startswith(".") and "/" not in one]
    with _appearing(out) as made:
        for one in kept:
            shutil.copyfile(model / one, made / one)
        if CONFIG not in kept:
            (made / CONFIG).write_text(json.dumps(_config(card), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        sums = {file.name: sha256_of(file) for file in sorted(made.iterdir())}
        card = replace(card, facts=_without_folders({**card.facts, "sha256": sums}))
        listed(card)
        write_card(card, made)
        (made / PAGE).write_text(page(card, name), encoding="utf-8")
    return sorted(set(names) - {*kept, CARD, PAGE})


def take_hub_folder(folder: Path, out: Path) -> Card:
    """Copies a model out of a folder in the hub's format: the card, what it lists, and the page; `out` appears when it is whole.

    Raises:
        InputError: there is no such folder, or `out` is there already.
        WeightsError: the folder is no model, is not whole, or holds what is not shared.
    """
    card, names = checked(folder)
    check_files(folder, card)
    with _appearing(out) as made:
        for one in (CARD, *listed(card), *(name for name in names if name == PAGE)):
            shutil.copyfile(folder / one, made / one)
    return card


def checked(folder: Path) -> tuple[Card, list[str]]:
    """The card of a model folder, and the names of all files in it, those in folders below too.

    Raises:
        InputError: there is no such folder.
        WeightsError: it is no model, or holds what is not shared.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; name one that holds a model, as affekt train writes it")
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    refuse_pickles(names, where=str(folder))
    card = read_card(folder)
    refuse_endpoints(card)
    for one in names:
        if one.endswith(".npz"):
            _refuse_objects(folder / one)
    return card, names


def _refuse_objects(file: Path) -> None:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            for name in arrays.files:
                arrays[name]
    except (ValueError, OSError, BadZipFile) as error:
        raise WeightsError(f"{file} holds more than arrays of numbers and text, or is broken: {error}; it is not shared") from error


def _config(card: Card) -> dict[str, Any]:
    """What the hub looks for in a model; Affekt itself reads card.json."""
    family = str(card.facts.get("family", "text_affekt"))
    return {"model_type": f"affekt_{family}", "heads": {name: len(one.scale) for name, one in card.calibration.items()}}


def _without_folders(value: Any) -> Any:
    """The facts with paths cut down to the names of their files: where they lie on somebody's disk is nobody's concern."""
    if isinstance(value, dict):
        return {key: _bare(one) if key == "data" else _without_folders(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_folders(one) for one in value]
    outside = isinstance(value, str) and (value.startswith(("/", "~", "./", "../")) or PureWindowsPath(value).is_absolute())
    return _bare(value) if outside else value


def _bare(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_bare(one) for one in value]
    return PurePosixPath(value.replace("\\", "/")).name if isinstance(value, str) else value


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A folder to write to, which becomes `out` when all is written."""
    if out.exists():
        raise InputError(f"{out} is there already; choose another folder")
    parent = out.absolute().parent
    if not parent.is_dir():
        raise InputError(f"there is no folder {parent} to write {out.name} to; make it first")
    with TemporaryDirectory(dir=parent, prefix=f".{out.name}.") as work:
        made = Path(work) / "model"
        made.mkdir()
        yield made
        made.rename(out)
