"""`GET /`, `/docs` and `/samples`: pages for people. They come with the package and load nothing from elsewhere."""

import base64
import gzip
import hashlib
import mimetypes
import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Response
from fastapi.responses import HTMLResponse

from affekt import console
from affekt.server.problems import Problem

SHARED = "; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# What the console does: call this server, play what was recorded or chosen, and style its elements by script, not by attribute.
CONSOLE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:"
    + SHARED
)
SENSES = "camera=(self), microphone=(self), display-capture=(), geolocation=()"
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
SAMPLES = {
    "train.ogg": "audio/ogg",
    "faces.jpg": "image/jpeg",
    "call.txt": "text/plain",
    "comments.csv": "text/csv",
    "review.txt": "text/plain",
}
COMPRESSED = ("text/", "image/svg", "application/json")
DAY, YEAR = "public, max-age=86400", "public, max-age=31536000, immutable"
Accepted = Annotated[str, Header(alias="Accept-Encoding")]
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
UNBUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Affekt</title>
<h1>Affekt runs; its console is not built</h1>
<p>Packages bring it along. From a checkout it is built when Affekt is installed, which takes Node.js and npm's registry:
<code>pip install -e .</code> does it again, and says what stands in the way.</p>
<p><a href="docs">The interface for programs</a> works without it.</p>
</html>
"""


@router.get("/")
def index() -> HTMLResponse:
    """The console."""
    page = console.page()
    policy = f"default-src 'none'{SHARED}" if page is None else CONSOLE
    headers = {"Content-Security-Policy": policy, "Permissions-Policy": SENSES, "Cache-Control": "no-cache"}
    return HTMLResponse(UNBUILT if page is None else page, headers=headers)


@router.get("/icon.svg")
def icon(accepted: Accepted = "") -> Response:
    """The console's sign."""
    return _built("icon.svg", accepted, keep=DAY)


@router.get("/assets/{asset}")
def asset(asset: str, accepted: Accepted = "") -> Response:
    """A script or style sheet of the console, whose name changes with what is in it."""
    return _built(f"assets/{asset}", accepted, keep=YEAR)


@router.get("/samples/{name}")
def sample(name: Literal["train.ogg", "faces.jpg", "call.txt", "comments.csv", "review.txt"]) -> Response:
    """A sample to try the console with."""
    return Response((files("affekt") / "samples" / name).read_bytes(), media_type=SAMPLES[name], headers={"Cache-Control": DAY})


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


def _built(path: str, accepted: str, *, keep: str) -> Response:
    """A file of the built console, compressed where the browser takes that.

    Raises:
        Problem: 404, there is none; after an upgrade an open page may ask for one of the version before.
    """
    content = console.asset(path)
    if content is None:
        raise Problem(404, "not-found", f"the console has no {path}; reload the page, which may be of another version")
    media = mimetypes.guess_type(path)[0] or "application/octet-stream"
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    if media.startswith(COMPRESSED) and "gzip" in accepted:
        content = _compressed(content)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=media, headers=headers)


@cache
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


@cache
def _hashes(page: str, tag: str) -> str:
    """What a content security policy names inline scripts or styles by."""
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in found) or "'none'"
