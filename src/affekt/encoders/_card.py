"""A model's card as a JSON file: the fields of `Card`, by their own names."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from affekt.encoders._sets import plain_sets, read_sets
from affekt.errors import InputError, WeightsError
from affekt.parts import Calibration, Card
from affekt.results import Modality

CARD = "card.json"  # what a model folder calls it
_LISTS = ("scale", "shift", "thresholds")


def read_card(path: Path) -> Card:
    """The card in a file, or in a model folder's `card.json`.

    Raises:
        WeightsError: the file is absent, not JSON, or not a card.
    """
    path = path / CARD if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"no card can be read from {path}: {error}; a model folder holds its weights and a {CARD}") from error
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise WeightsError(f"{path} is not JSON: {error}; train the model again, or fetch its folder again") from error
    try:
        return _card(given)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        allowed = ", ".join(field.name for field in fields(Card))
        raise WeightsError(f"{path} is not a model card: {error}; a card has the fields {allowed}") from error


def write_card(card: Card, path: Path) -> None:
    """Write a card that `read_card` reads back as an equal one; a folder gets a `card.json`.

    Raises:
        OSError: the file cannot be written.
        TypeError: `facts` or `licence` hold something that JSON has no word for.
        WeightsError: a label set of its own does not fit the catalog or its calibration, or is filed under another name.
    """
    path = path / CARD if path.is_dir() else path
    plain = _plain(card)
    try:
        fits = read_sets(json.loads(json.dumps(plain.get("sets", {}))), card.calibration) == card.sets
    except (TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"the card of {card.name} cannot be written: {error}") from error
    if not fits:
        raise WeightsError(f"the card of {card.name} cannot be written: a label set of its own is filed under its name, its labels a tuple")
    path.write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def revision_of(weights: Path) -> str:
    """What a card says of a weights file: the first eight hex digits of its SHA-256.

    Raises:
        OSError: the file cannot be read.
    """
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


def read_own_card(folder: Path | None, name: str, *, weights: str) -> tuple[Card, Path]:
    """The card in a folder that the recipe `name` wrote, and the folder, its weights checked against the card.

    Raises:
        WeightsError: there is no folder, it lacks a file, or weights and card do not belong together.
    """
    recipe = f"train one with recipes/{name.partition('_')[0]}/{name}/train.py and name its folder"
    if folder is None:
        raise WeightsError(f"{name} comes without weights; {recipe}")
    card = read_card(folder)
    if not (folder / weights).is_file():
        raise WeightsError(f"no {weights} in {folder}; {recipe}")
    found = revision_of(folder / weights)
    if found != card.revision:
        raise WeightsError(f"{folder / weights} has revision {found}, its card says {card.revision}; {recipe}")
    return card, folder


def check_speaks(card: Card, labels: Iterable[str]) -> None:
    """Nothing, if the model speaks every one of the label sets.

    Raises:
        InputError: it does not.
    """
    for name in labels:
        if name not in card.calibration:
            raise InputError(f"{card.name} does not speak {name!r}; it speaks: {', '.join(card.calibration)}")


def _plain(card: Card) -> dict[str, Any]:
    own = {field.name: getattr(card, field.name) for field in fields(Card)}
    own["calibration"] = {name: {f.name: getattr(one, f.name) for f in fields(Calibration)} for name, one in card.calibration.items()}
    own["sets"] = plain_sets(card.sets)
    if not card.sets:  # then it is a card as those always were
        del own["sets"]
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in own.items()}


def _card(given: Any) -> Card:
    if not isinstance(given, dict):
        raise TypeError(f"it holds a {type(given).__name__}, not an object")
    calibration = {name: _calibration(name, one) for name, one in given["calibration"].items()}
    sets = read_sets(given.get("sets", {}), calibration)
    card = Card(**{**given, "languages": tuple(given["languages"]), "calibration": calibration, "sets": sets})
    if not isinstance(card.commercial, bool):  # "false" in quotes would count as true
        raise TypeError(f'"commercial" is true or false, not {card.commercial!r}')
    if card.modality not in get_args(Modality):
        raise ValueError(f'"modality" is one of {", ".join(get_args(Modality))}, not {card.modality!r}')
    return card


def _calibration(name: str, given: Mapping[str, Any]) -> Calibration:
    numbers = {key: tuple(map(float, given[key])) for key in _LISTS if key in given}
    calibration = Calibration(**{**given, **numbers})
    sizes = {len(getattr(calibration, key)) for key in _LISTS} - {0}
    if len(sizes) != 1 or len(calibration.scale) != len(calibration.shift):
        raise ValueError(f"the calibration of {name!r} has lists of different lengths")
    return calibration
