"""The models that come with Affekt: their cards, what they are made of and under which licences, and what was measured of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from affekt import catalog
from affekt.calibration.context import SHIPPED as CONTEXT
from affekt.encoders._card import CARD, read_card
from affekt.errors import WeightsError
from affekt.fusion._learned import read
from affekt.parts import Card

MEASURED = "measured.json"  # beside a card; bench/cards.py writes it
WEIGHTS = Path(__file__).parent / "weights"
BESIDE = {"speech": ("voice_silero", "speaker_ge2e"), "face": ("face_blazeface", "face_faceres")}  # what works for a modality's models
NAMES = {"voice_silero": "Silero VAD", "speaker_ge2e": "GE2E speaker encoder", "face_blazeface": "BlazeFace", "face_faceres": "FaceRes"}
Kind = Literal["encoder", "fusion", "context"]
What = Literal["data", "weights", "code"]


@dataclass(frozen=True, slots=True)
class Material:
    """One thing that a model is made of.

    Args:
        licence: as its maker names it; "" where that is not known.
        source: a paper, or what made it here.
    """

    name: str
    what: What
    licence: str
    source: str


STARTS: Mapping[str, tuple[Material, ...]] = {  # family -> the weights that its training began with
    "text_affekt": (
        Material("multilingual-e5-small", "weights", "MIT", "Wang et al. (2024), Multilingual E5 Text Embeddings, arXiv:2402.05672"),
        Material("all-MiniLM-L6-v2, of a teacher", "weights", "Apache-2.0", "Reimers and Gurevych (2019), Sentence-BERT, EMNLP"),
    ),
    "speech_affekt": (
        Material(
            "Whisper tiny.en, its encoder",
            "weights",
            "MIT",
            "Radford et al. (2023), Robust Speech Recognition via Large-Scale Weak Supervision, ICML",
        ),
    ),
    "face_affekt": (),  # FaceRes, which is beside it all the same
}


@dataclass(frozen=True, slots=True)
class Shipped:
    """A model that comes with Affekt.

    Args:
        sets: the label sets that it speaks.
        folder: where its weights and its card lie.
    """

    card: Card
    kind: Kind
    sets: tuple[str, ...]
    folder: Path


@cache
def shipped() -> tuple[Shipped, ...]:
    """Every encoder with weights of its own, then what is learned of fusion and context."""
    return tuple(_encoders()) + tuple(_learned())


def _encoders() -> Iterator[Shipped]:
    for name in catalog.names("encoders"):
        if (folder := catalog.find("encoders", name).shipped) is not None:
            yield Shipped(card := read_card(folder), "encoder", tuple(card.calibration), folder)


def _learned() -> Iterator[Shipped]:
    for name in catalog.names("fusion"):
        if (folder := catalog.find("fusion", name).folder) is not None:
            yield Shipped(read_card(folder), "fusion", tuple(read(folder).pools), folder)
    yield Shipped(card := read_card(CONTEXT), "context", (str(card.facts["labels"]),), CONTEXT)


def measured(folder: Path) -> list[dict[str, Any]]:
    """How good and how calibrated the model in a folder is, each set of rows by itself; nothing where nobody has measured it.

    Raises:
        WeightsError: the file is not JSON, or is of another revision than the card.
    """
    path = folder / MEASURED
    if not path.is_file():
        return []
    card = read_card(folder)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{path} is not JSON: {error}; run bench/cards.py, or install the package again") from error
    if found["model"] != f"{card.name}@{card.revision}":
        raise WeightsError(f"{path} is of {found['model']}, and its card of {card.name}@{card.revision}; run bench/cards.py")
    return [{**one, "command": found["command"]} for one in found["measured"]]


def materials(card: Card) -> list[Material]:
    """The bill of materials: data, weights and code, each with its licence."""
    own = Material(f"{card.name}@{card.revision}", "weights", card.licence.get("weights", ""), str(card.facts.get("training", "")))
    code = Material("Affekt", "code", card.licence.get("code", ""), "")
    start = card.facts.get("start")
    starts = STARTS.get(str(card.facts.get("family")), (Material(str(start), "weights", "", ""),) if start else ())
    return [own, *_data(card), *starts, *_beside(card), code]


def _data(card: Card) -> list[Material]:
    """What it learned from. Cards name it as `NAME LICENCE; NAME LICENCE`, or say something else in words of their own."""
    told, whole = card.facts.get("trained_on"), card.licence.get("data", "")
    papers: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    found, known = [], False
    for name, _, licence in (entry.partition(" ") for entry in whole.split("; ")):
        key = name.lower().replace("+", "plus")
        paper = papers.get(key) or (catalog.find("datasets", key).paper if key in catalog.names("datasets") else "")
        known = known or bool(paper)
        found.append(Material(name, "data", licence, str(paper)))
    return found if known else [Material("training data", "data", whole, "")]


def _beside(card: Card) -> list[Material]:
    """The networks that find and tell apart what the model reads."""
    made = []
    for name in BESIDE.get(card.modality, ()):
        found = json.loads((WEIGHTS / name / CARD).read_text(encoding="utf-8"))
        made.append(Material(NAMES[name], "weights", found["licence"], found["paper"]))
    return made
