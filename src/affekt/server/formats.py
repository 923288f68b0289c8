"""`/v1/formats`: the forms in which a timeline is written, and a caller's own timeline in one of them."""

import sys
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from affekt import catalog
from affekt.errors import UnknownName
from affekt.parts import Format
from affekt.results import Timeline
from affekt.server.access import Reads, needs
from affekt.server.given import GivenTimeline
from affekt.server.reads import parsed

router = APIRouter(tags=["formats"])
PATH = "/v1/formats/{name}"
NAMES = tuple(catalog.names("formats"))
TYPES = {
    "csv": "text/csv", "elan": "application/xml", "emotionml": "application/emotionml+xml", "json": "application/json",
    "jsonl": "application/jsonl", "label_studio": "application/json", "png": "image/png", "srt": "application/x-subrip",
    "svg": "image/svg+xml", "webvtt": "text/vtt", "tsv": "text/tab-separated-values", "parquet": "application/vnd.apache.parquet",
}  # fmt: skip
BODY = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/GivenTimeline"}}}}
SCHEMAS = (GivenTimeline,)  # that only `BODY` names
FormatName = Annotated[str, Path(max_length=40, json_schema_extra={"enum": list(NAMES)})]


class ToldFormat(BaseModel):
    """A form in which timelines are written."""

    name: str
    ending: str = Field(description="of its files, without the dot")
    media_type: str
    binary: bool = Field(description="it is no text")
    about: str


@router.get("/v1/formats", dependencies=[needs("reader")])
def formats() -> list[ToldFormat]:
    """The forms in which timelines are written."""
    return [_told(find(name)) for name in NAMES]


@router.post(
    PATH,
    response_class=Response,
    openapi_extra={"requestBody": BODY},
    responses={200: {"content": {"*/*": {"schema": {}}}, "description": "the file"}},
)
async def written(name: FormatName, request: Request, caller: Reads) -> Response:  # noqa: ARG001 (it asks for the key)
    """A timeline as a file of a format; nothing of it is kept."""
    part = find(name)
    timeline = (await run_in_threadpool(parsed, GivenTimeline, await request.body())).root
    return await run_in_threadpool(file_of, timeline, part, stem="timeline")


def file_of(timeline: Timeline, part: Format, *, stem: str) -> Response:
    """A timeline as a file that is saved: a browser shows no drawing as a page of ours.

    Args:
        stem: name of the file without its ending.

    Raises:
        InputError: this format cannot hold such a timeline.
    """
    name = quote(f"{stem}.{part.ending}")
    headers = {"Content-Disposition": f"attachment; filename*=utf-8''{name}", "X-Content-Type-Options": "nosniff"}
    return Response(part.write(timeline), media_type=media_type(part.name), headers=headers)


def media_type(name: str) -> str:
    """The media type of what a format, or a table of this ending, is written as."""
    return TYPES.get(name, "text/plain")


def find(asked: str) -> Format:
    """A format by its name or by the ending of its files.

    Raises:
        UnknownName: there is none.
    """
    parts: list[Any] = [catalog.find("formats", name) for name in NAMES]
    found = next((part for part in parts if asked in (part.name, part.ending, part.ending.lower())), None)
    if found is None:
        raise UnknownName(asked, "formats", NAMES)
    assert isinstance(found, Format)
    return found


def _told(part: Format) -> ToldFormat:
    about = (sys.modules[part.write.__module__].__doc__ or "").strip().partition("\n")[0]
    return ToldFormat(name=part.name, ending=part.ending, media_type=media_type(part.name), binary=part.binary, about=about)
