"""`GET /` and `GET /docs`: pages for people. They come with the package and load nothing from elsewhere."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

SHARED = "; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
DAY = "public, max-age=86400"
router = APIRouter(include_in_schema=False)
DOCS = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Affekt: the interface</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, tryItOutEnabled: true})</script>
</html>
"""


@router.get("/")
def index() -> HTMLResponse:
    """A page that reads a text or a file."""
    page = _page()
    return HTMLResponse(page, headers={"Content-Security-Policy": policy_of(page), "Cache-Control": "no-cache"})


@router.get("/docs")
def docs() -> HTMLResponse:
    """All routes, to be tried out."""
    style = "style-src 'self' 'unsafe-inline'"  # Swagger UI has styles in its elements
    policy = f"default-src 'none'; script-src 'self' {_hashes(DOCS, 'script')}; {style}; img-src 'self' data:; connect-src 'self'"
    return HTMLResponse(DOCS, headers={"Content-Security-Policy": policy + SHARED, "Cache-Control": "no-cache"})


@router.get("/docs/{asset}")
def docs_asset(asset: Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"]) -> Response:
    """A file of Swagger UI (Apache-2.0), from the package fastapi-offline, which carries it."""
    content = (files("fastapi_offline") / "static" / asset).read_bytes()
    return Response(content, media_type=ASSETS[asset], headers={"Cache-Control": DAY})


def policy_of(page: str) -> str:
    """The content security policy of a page that brings all it needs: its own scripts and styles, calls of this server, and no more."""
    own = f"script-src {_hashes(page, 'script')}; style-src {_hashes(page, 'style')}"
    return f"default-src 'none'; {own}; connect-src 'self'; img-src data:{SHARED}"


@cache
def _page() -> str:
    return (files("affekt.server") / "page.html").read_text(encoding="utf-8")


@cache
def _hashes(page: str, tag: str) -> str:
    """What a content security policy names inline scripts or styles by."""
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in found) or "'none'"
