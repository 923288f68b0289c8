"""`/v1/sessions`: what was saved. Readers see what their own key saved, analysts all."""

import mimetypes
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from affekt import catalog
from affekt.parts import Format
from affekt.server.access import Caller, Reads
from affekt.server.named import PERSON, After, IdPath, Limit
from affekt.server.problems import Problem
from affekt.server.service import Service, Serving
from affekt.server.uploads import PIECE
from affekt.store.sessions import delete_session, find_session, list_sessions, load_timeline, media_of
from affekt.store.tables import Session

router = APIRouter(tags=["sessions"])
FORMATS = tuple(name for name in catalog.names("formats") if not catalog.find("formats", name).binary)
TIMELINE = {"application/json": {"schema": {"$ref": "#/components/schemas/Timeline"}}, "text/plain": {"schema": {"type": "string"}}}
ANY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
Subject = Annotated[str | None, Query(min_length=1, max_length=200, pattern=PERSON, description="id of a person who is in them")]
Moment = Annotated[datetime | None, Query(description="in UTC, unless it has a time zone")]


class ToldSession(BaseModel):
    """A session, without its readings."""

    id: str
    name: str
    origin: str = Field(description="read, job or stream")
    key: str | None = Field(description="id of the key that saved it, or open")
    labels: str
    unit: str
    duration: float
    purpose: str
    created: datetime
    text_until: datetime | None = Field(description="when its words are deleted; null: none are kept")


class Sessions(BaseModel):
    """Sessions, the newest first; `after` with the id of the last has those that follow."""

    sessions: list[ToldSession]


@router.get("/v1/sessions")
def sessions(
    service: Serving,
    caller: Reads,
    subject: Subject = None,
    since: Moment = None,
    until: Moment = None,
    after: After = None,
    limit: Limit = 100,
) -> Sessions:
    """Sessions, the newest first."""
    key = None if caller.may("analyst") else caller.key
    if after is not None:
        visible(service, caller, after)
    found = list_sessions(service.store, key=key, subject=subject, since=since, until=until, after=after, limit=limit)
    return Sessions(sessions=told(found))


@router.get("/v1/sessions/{id}", response_class=Response, responses={200: {"content": TIMELINE, "description": "the timeline"}})
def session(
    id: IdPath,  # noqa: A002 (the name in the address)
    service: Serving,
    caller: Reads,
    format: Annotated[str, Query(json_schema_extra={"enum": list(FORMATS)})] = "json",  # noqa: A002 (likewise)
) -> Response:
    """The timeline of a session, as far as it is kept, in any of the text formats."""
    part = _format(format)
    visible(service, caller, id)
    timeline = load_timeline(service.store, id)
    if timeline is None:
        raise unknown(id)
    written = part.write(timeline)
    media = mimetypes.guess_type(f"session.{part.ending}")[0] or "text/plain"
    headers = {"Content-Disposition": f'attachment; filename="{id}.{part.ending}"', "X-Content-Type-Options": "nosniff"}
    return Response(written, media_type=media, headers=headers if format != "json" else None)


@router.get("/v1/sessions/{id}/media", response_class=Response, responses={200: {"content": ANY, "description": "the file"}})
def media(id: IdPath, service: Serving, caller: Reads) -> Response:  # noqa: A002 (likewise)
    """The sound, image or video that a session is of, where it is kept."""
    visible(service, caller, id)
    path = media_of(service.store, id)
    try:
        opened = None if path is None else path.open("rb")
    except FileNotFoundError:  # it was deleted at this moment
        opened = None
    if path is None or opened is None:
        raise Problem(404, "no-media", f"of session {id!r} no sound, image or video is kept; keep_media_days says whether any is")
    headers = {"Content-Disposition": f'attachment; filename="{id}{path.suffix}"', "X-Content-Type-Options": "nosniff"}
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StreamingResponse(_pieces(opened), media_type=kind, headers=headers)


@router.delete("/v1/sessions/{id}", status_code=204)
def delete(id: IdPath, service: Serving, caller: Reads) -> None:  # noqa: A002 (likewise)
    """Deletes a session with its readings, feedback and media. Readers delete their own, admins all."""
    row = visible(service, caller, id)
    if row.key != caller.key and not caller.may("admin"):
        raise Problem(403, "not-allowed", f"session {id} was saved with another key; an admin can delete it")
    delete_session(service.store, id, by=caller.key)


def _pieces(opened: BinaryIO) -> Iterator[bytes]:
    with opened:
        while piece := opened.read(PIECE):
            yield piece


def visible(service: Service, caller: Caller, session: str) -> Session:
    """A session that a caller may see.

    Raises:
        Problem: 404, there is none, or none that they may see, which is not told apart.
    """
    row = find_session(service.store, session)
    if row is None or not caller.sees(row.key):
        raise unknown(session)
    return row


def unknown(session: str) -> Problem:
    """That there is no session of this id."""
    return Problem(404, "unknown-session", f"no session {session!r}; it was deleted, or another key saved it")


def told(rows: Sequence[Session]) -> list[ToldSession]:
    """Sessions as replies have them."""
    return [ToldSession.model_validate(row, from_attributes=True) for row in rows]


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise Problem(422, "invalid-request", f"no format {name!r} of text; there are: {', '.join(FORMATS)}")
    part: Any = catalog.find("formats", name)
    assert isinstance(part, Format)
    return part
