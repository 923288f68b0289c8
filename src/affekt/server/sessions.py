"""`/v1/sessions`: what was saved. Readers see what their own key saved, analysts all."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from affekt import catalog
from affekt.results import Modality
from affekt.server.access import Caller, Reads
from affekt.server.formats import file_of, find, media_type
from affekt.server.given import GivenTimeline, check_keepable, check_labels, modalities_in
from affekt.server.named import PERSON, After, IdPath, Limit, Name, SubjectId, Word, Words
from affekt.server.permission import only_agreed, permit_now
from affekt.server.problems import Problem
from affekt.server.reads import parsed
from affekt.server.service import Service, Serving
from affekt.store.audit import last_number
from affekt.store.overview import Overview, overviews
from affekt.store.retention import kept_until
from affekt.store.sessions import (
    Once,
    check_saving,
    delete_session,
    find_session,
    list_sessions,
    load_timeline,
    save_session,
    saved_once,
)
from affekt.store.signing import pseudonym
from affekt.store.tables import Session

router = APIRouter(tags=["sessions"])
FORMATS = tuple(name for name in catalog.names("formats") if not catalog.find("formats", name).binary)
TIMELINE = {media_type(name): {"schema": {"type": "string"}} for name in FORMATS} | {
    "application/json": {"schema": {"$ref": "#/components/schemas/Timeline"}}
}
Subject = Annotated[str | None, Query(min_length=1, max_length=200, pattern=PERSON, description="id of a person who is in them")]
Moment = Annotated[datetime | None, Query(description="in UTC, unless it has a time zone")]


class AskedSession(BaseModel):
    """A timeline to keep."""

    model_config = ConfigDict(extra="forbid")

    timeline: GivenTimeline
    name: Words = Field("", description="what the session is called; best nothing that says who is in it")
    subjects: dict[Name, SubjectId] = Field(default_factory=dict, max_length=64, description="who is who, as of POST /v1/read")
    since: int | None = Field(
        None, ge=0, description="as a stream said when it began; refused where somebody in subjects was erased after it; null: this call"
    )


class AddedSession(BaseModel):
    """That it is kept."""

    id: str


class KeptSession(BaseModel):
    """A session, without its readings."""

    id: str
    name: str
    origin: str = Field(description="read, job, stream, or given: a timeline that a caller sent")
    key: str | None = Field(description="id of the key that saved it, or open")
    labels: str
    unit: str
    duration: float
    purpose: str
    created: datetime
    text_until: datetime | None = Field(description="when its words are deleted; null: none are kept")


class Top(BaseModel):
    """The label that was likeliest for the longest time, and its share of the time in which readings are sure of any."""

    label: str
    share: float = Field(ge=0, le=1)


class ToldSession(KeptSession):
    """A session, with its readings in numbers."""

    readings: int = Field(description="of single modalities")
    abstained: int = Field(description="readings that are not sure enough")
    people: int
    modalities: list[Modality]
    top: Top | None = Field(description="null: no reading is sure enough, or no label applies")
    marks: int
    media: bool = Field(description="its sound, image or video is kept")
    media_until: datetime | None = Field(description="when that is deleted; null: none is kept")
    readings_until: datetime = Field(description="when all of it is deleted")
    subjects: list[str] = Field(description="ids of the people who are in it; readers are told none")


class Sessions(BaseModel):
    """Sessions, the newest first; `after` with the id of the last has those that follow."""

    sessions: list[ToldSession]


BODY = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AskedSession"}}}}
SCHEMAS = (AskedSession,)  # that only `BODY` names


@router.get("/v1/sessions")
def sessions(
    service: Serving,
    caller: Reads,
    subject: Subject = None,
    since: Moment = None,
    until: Moment = None,
    name: Annotated[Words | None, Query(description="part of their names, in capital letters or small ones")] = None,
    modality: Annotated[Modality | None, Query(description="of some of their readings")] = None,
    origin: Annotated[Literal["read", "job", "stream", "given"] | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Sessions:
    """Sessions, the newest first."""
    key = None if caller.may("analyst") else caller.key
    if after is not None:
        visible(service, caller, after)
    which = {"key": key, "subject": subject, "since": since, "until": until, "name": name, "modality": modality, "origin": origin}
    found = list_sessions(service.store, after=after, limit=limit, **which)
    counted = overviews(service.store, [row.id for row in found])
    return Sessions(sessions=[_told(service, row, counted[row.id], caller) for row in found])


@router.post(
    "/v1/sessions",
    status_code=201,
    response_model=AddedSession,
    responses={200: {"model": AddedSession}},
    openapi_extra={"requestBody": BODY},
)
async def add(request: Request, service: Serving, caller: Reads, once: Word = None) -> JSONResponse:
    """Keeps a timeline that was read here before, as by a stream of which is decided at its end whether it is kept.

    It is what `save` of POST /v1/read does: the same is refused, and as long kept. Members of the timeline that are null may be left out.
    Who was erased before this call is on record again, unless `since` says that the reading began before. The same `Idempotency-Key` again
    gives the same session, with 200.
    """
    body = await request.body()
    async with service.saving if len(body) > service.settings.most_bytes else nullcontext():
        saved, new = await run_in_threadpool(_add, service, caller, body, once)
    return JSONResponse({"id": saved}, 201 if new else 200)


def _add(service: Service, caller: Caller, body: bytes, word: str | None) -> tuple[str, bool]:
    """The id of the session, and whether it is new."""
    check_saving(service.settings)
    once = None if word is None else Once(word, pseudonym(service.store, sha256(body).hexdigest()))
    if (before := _before(service, caller, once)) is not None:
        return before, False
    try:
        return _add_new(service, caller, body, once), True
    except IntegrityError:  # the same came at the same time
        if (before := _before(service, caller, once)) is None:
            raise
        return before, False


def _before(service: Service, caller: Caller, once: Once | None) -> str | None:
    """The id of the session of a call that comes again."""
    before = None if once is None else saved_once(service.store, caller.key, once.word)
    if before is not None and once is not None and before.sent != once.sent:
        raise Problem(422, "invalid-request", "this Idempotency-Key was that of another timeline, or of other options; choose a new one")
    return None if before is None else before.id


def _add_new(service: Service, caller: Caller, body: bytes, once: Once | None) -> str:
    began = last_number(service.store)
    asked = parsed(AskedSession, body)
    since = began if asked.since is None else min(asked.since, began)
    timeline, subjects = asked.timeline.root, asked.subjects
    check_labels(timeline, service.labels_of(timeline.labels))
    check_keepable(timeline, body)
    modalities = modalities_in(timeline)
    permit_now(service, caller, modalities=modalities, subjects=subjects, again=True)  # it was counted when it was read
    timeline = only_agreed(service, timeline, subjects=subjects, written=set(modalities) <= {"text"})
    how: dict[str, Any] = {"subjects": subjects, "settings": service.settings, "since": since, "once": once}
    return save_session(service.store, timeline, key=caller.key, origin="given", name=asked.name, **how)


@router.get("/v1/sessions/{id}", response_class=Response, responses={200: {"content": TIMELINE, "description": "the timeline"}})
def session(
    id: IdPath,  # noqa: A002 (the name in the address)
    service: Serving,
    caller: Reads,
    format: Annotated[str, Query(json_schema_extra={"enum": list(FORMATS)})] = "json",  # noqa: A002 (likewise)
) -> Response:
    """The timeline of a session, as far as it is kept, in any of the text formats."""
    if format not in FORMATS:
        raise Problem(422, "invalid-request", f"no format {format!r} of text; there are: {', '.join(FORMATS)}")
    visible(service, caller, id)
    timeline = load_timeline(service.store, id)
    if timeline is None:
        raise unknown(id)
    return JSONResponse(timeline.to_dict()) if format == "json" else file_of(timeline, find(format), stem=id)


@router.get("/v1/sessions/{id}/about")
def about(id: IdPath, service: Serving, caller: Reads) -> ToldSession:  # noqa: A002 (likewise)
    """What a list says of one session: its readings in numbers, and until when it is kept."""
    row = visible(service, caller, id)
    return _told(service, row, overviews(service.store, [id])[id], caller)


@router.delete("/v1/sessions/{id}", status_code=204)
def delete(id: IdPath, service: Serving, caller: Reads) -> None:  # noqa: A002 (likewise)
    """Deletes a session with its readings, feedback and media. Readers delete their own, admins all."""
    row = visible(service, caller, id)
    if row.key != caller.key and not caller.may("admin"):
        raise Problem(403, "not-allowed", f"session {id} was saved with another key; an admin can delete it")
    delete_session(service.store, id, by=caller.key)


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


def kept(rows: Sequence[Session]) -> list[KeptSession]:
    """Sessions as they are told where it is about one person of them alone."""
    return [KeptSession.model_validate(row, from_attributes=True) for row in rows]


def _told(service: Service, row: Session, counted: Overview, caller: Caller) -> ToldSession:
    (plain,), top = kept([row]), counted.top
    end = kept_until(row.created, service.settings)  # nothing of it is kept longer

    def sooner(until: datetime | None) -> datetime | None:
        return None if until is None else min(until, end)

    return ToldSession(
        **{**plain.model_dump(), "text_until": sooner(row.text_until)},
        **{name: getattr(counted, name) for name in ("readings", "abstained", "people", "marks")},
        media=counted.media_until is not None,
        media_until=sooner(counted.media_until),
        readings_until=end,
        modalities=list(counted.modalities),
        top=None if top is None else Top(label=top[0], share=top[1]),
        subjects=counted.subjects if caller.may("analyst") else [],
    )
