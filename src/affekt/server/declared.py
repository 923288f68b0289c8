"""`GET /v1/notice` and `GET /v1/receipts/key`: what anybody may know of a deployment, without a key."""

from base64 import b64encode
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel

from affekt.policy.deployment import deployment_of
from affekt.policy.notice import STYLE, notice
from affekt.server.service import Serving
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
