"""`GET /v1/models` and `GET /v1/labels`: what can be asked for."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from affekt import catalog
from affekt.parts import Card, LabelSet
from affekt.server.access import needs
from affekt.server.service import Serving

router = APIRouter(tags=["models"])


class Model(BaseModel):
    """A model that this server reads with, as its card says."""

    name: str
    revision: str
    modality: str
    languages: list[str]
    licence: dict[str, str]
    commercial: bool
    labels: list[str]
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
    """The models that this server reads with."""
    reader = service.reader
    return [_model(encoder.card) for encoder in (reader.encoder, reader.speech_encoder, reader.face_encoder)]


@router.get("/v1/labels", dependencies=[needs("reader")])
def labels(service: Serving) -> list[Labels]:
    """The label sets that readings can speak."""
    own = {} if service.reader.labels.name in catalog.names("labels") else {service.reader.labels.name: service.reader.labels}
    return [_labels(one) for one in ({name: catalog.find("labels", name) for name in catalog.names("labels")} | own).values()]


def _model(card: Card) -> Model:
    return Model(
        name=card.name,
        revision=card.revision,
        modality=card.modality,
        languages=list(card.languages),
        licence=dict(card.licence),
        commercial=card.commercial,
        labels=list(card.calibration),
        facts=dict(card.facts),
    )


def _labels(one: LabelSet) -> Labels:
    projections = {name: dict(onto) for name, onto in one.projections.items()}
    return Labels(name=one.name, labels=list(one.labels), kind=one.kind, source=one.paper, projections=projections)
