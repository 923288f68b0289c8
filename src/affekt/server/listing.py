"""`GET /v1/models` and `GET /v1/labels`: what can be asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from affekt import catalog
from affekt.encoders._card import read_card
from affekt.parts import Card, LabelSet
from affekt.pipeline import Reader
from affekt.results import MODALITIES
from affekt.server.access import needs
from affekt.server.service import Serving
from affekt.shipped import Kind, What, materials, measured, shipped

router = APIRouter(tags=["models"])


class Licence(BaseModel):
    """What the makers of a model allow: of its code, its weights, and the data that it was trained on."""

    code: str = ""
    weights: str = ""
    data: str = ""


class Made(BaseModel):
    """One thing that a model is made of, and its licence, "" where nobody has said it."""

    name: str
    what: What
    licence: str
    source: str


class Bin(BaseModel):
    """Of readings that are about as sure as each other: how sure on average, which share of them is right, and how many they are."""

    predicted: float
    observed: float
    n: int


class Risk(BaseModel):
    """How often the surest readings err, where only so many are taken."""

    coverage: float
    risk: float


class Group(BaseModel):
    """The main numbers of some of the rows: of one language, corpus, sex, …"""

    kind: str
    name: str
    n: int
    macro_f1: float | None = None
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    ece: float | None = None


class Measured(BaseModel):
    """How good and how calibrated a model is on held-out rows; `interval` is the 95 % one of macro-F1, or of the mean correlation."""

    data: str
    labels: str
    split: str
    n: int
    command: str
    decision: str | None = None
    macro_f1: float | None = None
    accuracy: float | None = None
    ua: float | None = None
    interval: tuple[float, float] | None = None
    ece: float | None = None
    pearson: dict[str, float] | None = None
    reliability: list[Bin] = []
    risk_coverage: list[Risk] = []
    groups: list[Group] = []


class Model(BaseModel):
    """A model that this server reads with, or that comes with Affekt, as its card says."""

    name: str
    revision: str
    modality: str
    kind: Kind
    in_use: bool
    languages: list[str]
    licence: Licence
    commercial: bool
    labels: list[str]
    limits: list[str]
    materials: list[Made]
    measured: list[Measured]
    facts: dict[str, Any]


class Labels(BaseModel):
    """A label set."""

    name: str
    labels: list[str]
    kind: str
    source: str
    projections: dict[str, dict[str, str]]


@router.get("/v1/models", dependencies=[needs("reader")])
def models(service: Serving) -> list[Model]:
    """The models that this server reads with, then the others that come with Affekt."""
    told = {_key(one.card): _model(one.card, one.kind, one.sets, one.folder) for one in shipped()}
    for card, kind, folder in _used(service.reader):
        known = told.get(_key(card)) or _model(card, kind, list(card.calibration), folder)
        told[_key(card)] = known.model_copy(update={"in_use": True})
    return sorted(told.values(), key=lambda model: (not model.in_use, MODALITIES.index(model.modality), model.kind == "context"))


@router.get("/v1/labels", dependencies=[needs("reader")])
def labels(service: Serving) -> list[Labels]:
    """The label sets that readings can speak."""
    own = {} if service.reader.labels.name in catalog.names("labels") else {service.reader.labels.name: service.reader.labels}
    return [_labels(one) for one in ({name: catalog.find("labels", name) for name in catalog.names("labels")} | own).values()]


def _used(reader: Reader) -> Iterator[tuple[Card, Kind, Path | None]]:
    """The cards of what a reader reads with, and the folders of those that have one of their own."""
    named = reader.settings
    chosen = (named.text_model, named.speech_model, named.face_model)
    for card, name in zip((one.card for one in (reader.encoder, reader.speech_encoder, reader.face_encoder)), chosen, strict=True):
        yield card, "encoder", Path(name) if Path(name).is_dir() else None
    if reader.rule.folder is not None:
        yield read_card(reader.rule.folder), "fusion", reader.rule.folder
    if named.context:
        yield from ((one.card, one.kind, one.folder) for one in shipped() if one.kind == "context")


def _key(card: Card) -> str:
    return f"{card.name}@{card.revision}"


def _model(card: Card, kind: Kind, sets: Sequence[str], folder: Path | None) -> Model:
    return Model(
        name=card.name,
        revision=card.revision,
        modality=card.modality,
        kind=kind,
        in_use=False,
        languages=list(card.languages),
        licence=Licence(**card.licence),
        commercial=card.commercial,
        labels=list(sets),
        limits=[str(limit) for limit in card.facts.get("limits", ())],
        materials=[Made(**asdict(one)) for one in materials(card)],
        measured=_measured(folder) if folder else [],
        facts=dict(card.facts),
    )


@cache
def _measured(folder: Path) -> list[Measured]:
    return [Measured(**one) for one in measured(folder)]


def _labels(one: LabelSet) -> Labels:
    projections = {name: dict(onto) for name, onto in one.projections.items()}
    return Labels(name=one.name, labels=list(one.labels), kind=one.kind, source=one.paper, projections=projections)
