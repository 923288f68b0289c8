"""What a deployment declares: `GET /v1/notice` and `GET /v1/receipts/key`, which need no key, and `GET /v1/deployment`."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from affekt import __version__
from affekt.policy.deployment import RULES, deployment_of
from affekt.policy.notice import STYLE, notice
from affekt.results import Modality
from affekt.server.access import Reads, Role
from affekt.server.service import Serving
from affekt.settings import Purpose, Reason, ServerSettings, Setting
from affekt.store.keys import name_of
from affekt.store.signing import public_key

router = APIRouter(tags=["declared"])
STYLED = b64encode(sha256(STYLE.encode()).digest()).decode()  # by which the policy of a page's content names its style
PEM = "application/x-pem-file"


class ToldSection(BaseModel):
    """One question that the notice answers."""

    title: str
    text: str


class ToldNotice(BaseModel):
    """What people are told whose emotions are read."""

    lang: str
    title: str
    sections: list[ToldSection]


class ToldRuling(BaseModel):
    """Whether a modality may be read here."""

    modality: Modality
    allowed: bool
    why: str
    article: str | None = Field(description="of the law that rules it; null: no rule is about it")


class ToldRule(BaseModel):
    """That a modality is not read in a setting, unless one of these reasons is declared."""

    setting: Setting
    modality: Modality
    unless: list[Reason]
    article: str = Field(description="of the law that rules it")


class ToldKeep(BaseModel):
    """How long what is kept."""

    readings_days: float = Field(description="saved sessions; 0: nothing can be saved")
    text_days: float = Field(description="their words; 0: not kept")
    media_days: float = Field(description="their sounds, images and videos; 0: not kept")
    results_hours: float = Field(description="results of jobs")


class ToldLimits(BaseModel):
    """How much a call may hold, a job, a timeline that is kept, and how many streams run at a time."""

    bytes: int
    job_bytes: int
    session_bytes: int
    seconds: float
    job_seconds: float
    characters: int
    texts: int
    pixels: int
    streams: int


class ToldCaller(BaseModel):
    """Who calls."""

    key: str = Field(description="its id; open: no key is needed")
    name: str | None
    role: Role


class ToldDeployment(BaseModel):
    """What this server declares, keeps and allows."""

    version: str
    purpose: Purpose
    setting: Setting
    reason: Reason
    contact: str
    require_consent: bool
    modalities: list[ToldRuling]
    rules: list[ToldRule] = Field(description="of all settings; what no rule is about may be read")
    keep: ToldKeep
    limits: ToldLimits
    labels: str = Field(description="label set that readings speak where a call asks for none")
    transcript: str | None = Field(description="what writes down what is said; null: nothing does")
    access: Literal["open", "keys"] = Field(description="open: no key is needed as yet")
    caller: ToldCaller


@router.get("/v1/deployment")
def deployment(service: Serving, caller: Reads) -> ToldDeployment:
    """What this server declares, keeps and allows, and who calls."""
    settings, declared = service.settings, deployment_of(service.settings)
    rulings = [ToldRuling(modality=one.modality, allowed=one.allowed, why=one.why, article=one.law) for one in declared.rulings()]
    return ToldDeployment(
        version=__version__,
        **{name: getattr(settings, name) for name in ("purpose", "setting", "reason", "contact", "require_consent")},
        modalities=rulings,
        rules=_rules(),
        keep=ToldKeep(**_named("keep", ToldKeep, settings)),
        limits=ToldLimits(**_named("most", ToldLimits, settings), streams=settings.streams),
        labels=service.reader.labels.name,
        transcript=Path(settings.transcript).name or None,  # a folder of ours is not theirs
        access="open" if service.open else "keys",
        caller=ToldCaller.model_validate({"key": caller.key, "name": name_of(service.store, caller.key), "role": caller.role}),
    )


def _rules() -> list[ToldRule]:
    told = [
        {"setting": one.setting, "modality": modality, "unless": one.unless, "article": one.law}
        for one in RULES
        for modality in one.refuses
    ]
    return [ToldRule.model_validate(one) for one in told]


def _named(prefix: str, told: type[BaseModel], settings: ServerSettings) -> dict[str, Any]:
    """The settings that a model repeats without their prefix."""
    return {name: found for name in told.model_fields if (found := getattr(settings, f"{prefix}_{name}", None)) is not None}


@router.get("/v1/notice", response_model=ToldNotice, responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}})
def tell(request: Request, service: Serving, lang: Annotated[Literal["en", "zh"], Query()] = "en") -> ToldNotice | Response:
    """What people are told whose emotions are read here, made from what the deployment declares; a page where HTML is accepted.

    It is what Regulation (EU) 2024/1689, Art. 50(3), asks for.
    """
    made = notice(deployment_of(service.settings), service.settings, lang=lang)
    accepted = request.headers.get("accept", "")
    if "text/html" in accepted and "application/json" not in accepted:
        return HTMLResponse(made.to_html(), headers={"Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLED}'"})
    return ToldNotice.model_validate(made, from_attributes=True)


@router.get("/v1/receipts/key", response_class=PlainTextResponse, responses={200: {"content": {PEM: {"schema": {"type": "string"}}}}})
def receipt_key(service: Serving) -> Response:
    """The public key (Ed25519, PEM) by which `affekt audit receipt FILE --key PEM` verifies the receipts of this server."""
    return PlainTextResponse(public_key(service.store), media_type=PEM)
