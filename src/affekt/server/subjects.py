"""`/v1/subjects`: people, what they agreed to, what is kept of them, and its erasure."""

import json
from collections.abc import Iterator, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from affekt.preprocessing.personal import Voices
from affekt.server.access import Administers, Analyses, needs
from affekt.server.named import After, IdPath, Limit, SubjectPath, Words
from affekt.server.problems import Problem
from affekt.server.service import Service, Serving
from affekt.server.sessions import kept
from affekt.settings import Purpose
from affekt.store.audit import append
from affekt.store.erasure import erase_subject
from affekt.store.sessions import list_sessions, load_timeline
from affekt.store.signing import pseudonym
from affekt.store.subjects import (
    consents_of,
    find_subject,
    give_consent,
    kept_of,
    list_subjects,
    put_subject,
    withdraw_consent,
)
from affekt.store.tables import Consent

router = APIRouter(tags=["subjects"])
JSON_LINES = "application/jsonl"
PAGE = 50  # sessions of an export that are looked up at a time


class ToldSubject(BaseModel):
    """A person on record."""

    id: str
    created: datetime


class Subjects(BaseModel):
    """People in order of their ids; `after` with the id of the last has those that follow."""

    subjects: list[ToldSubject]


class AskedConsent(BaseModel):
    """What a person agreed to."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    modalities: list[Literal["text", "speech", "face"]] = Field(min_length=1, max_length=3)
    how: str = Field("", max_length=2000, pattern="^[^\\x00]*$", description="where and how they agreed, as your records have it")


class ToldConsent(BaseModel):
    """What a person agreed to, or does no more."""

    id: str
    purpose: str
    modalities: list[str]
    how: str
    given: datetime
    withdrawn: datetime | None


class ToldKept(BaseModel):
    """What is kept of a person, in numbers."""

    sessions: int
    readings: int
    media: int
    feedback: int


class WholeSubject(ToldSubject):
    """A person, what is kept of them, and what they agreed to."""

    kept: ToldKept
    consents: list[ToldConsent]


class Receipt(BaseModel):
    """That nothing is kept of a person any more, signed with Ed25519 over all else as JSON with names in order, without blanks."""

    receipt: str
    subject: str = Field(description="HMAC of the id: whoever has the server's secret can tell whose receipt it is")
    at: str
    erased: dict[str, int]
    audit: dict[str, int | str] = Field(description="number and hash of the entry of the audit log")
    signature: str = Field(description="Base64")


@router.put("/v1/subjects/{id}", dependencies=[needs("analyst")])
def put(id: SubjectPath, service: Serving) -> ToldSubject:  # noqa: A002 (the name in the address)
    """Puts a person on record, by the id that your own records give them."""
    return ToldSubject.model_validate(put_subject(service.store, id), from_attributes=True)


@router.get("/v1/subjects", dependencies=[needs("analyst")])
def subjects(
    service: Serving,
    part: Annotated[Words | None, Query(description="of their ids, in capital letters or small ones")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Subjects:
    """People on record, in order of their ids."""
    found = list_subjects(service.store, after=after or "", limit=limit, part=part)
    return Subjects(subjects=[ToldSubject.model_validate(one, from_attributes=True) for one in found])


@router.get("/v1/subjects/{id}", dependencies=[needs("analyst")])
def subject(id: SubjectPath, service: Serving) -> WholeSubject:  # noqa: A002 (likewise)
    """What is kept of a person, in numbers, and what they agreed to."""
    return _whole(service, id)


@router.get("/v1/subjects/{id}/export", response_class=Response, responses={200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}}})
def export(id: SubjectPath, service: Serving, caller: Analyses) -> Response:  # noqa: A002 (likewise)
    """A copy of what is kept of a person (GDPR, Art. 15 and 20): a line about them, then one a session with their own readings."""
    whole = _whole(service, id)
    with service.store.writes() as session:
        append(session, "subject.exported", who=caller.key, detail={"subject": pseudonym(service.store, id)})
    return StreamingResponse(_lines(service, id, whole), media_type=JSON_LINES, headers={"Content-Disposition": "attachment"})


def _lines(service: Service, subject: str, whole: WholeSubject) -> Iterator[str]:
    yield whole.model_dump_json() + "\n"
    after = None
    while page := list_sessions(service.store, subject=subject, after=after, limit=PAGE):
        for row, session in zip(page, kept(page), strict=True):
            if (mine := load_timeline(service.store, row.id, subject=subject)) is not None:
                yield json.dumps({**session.model_dump(mode="json"), "timeline": mine.to_dict()}, ensure_ascii=False) + "\n"
        after = page[-1].id


@router.post("/v1/subjects/{id}/consents", status_code=201)
def agree(id: SubjectPath, asked: AskedConsent, service: Serving, caller: Analyses) -> ToldConsent:  # noqa: A002 (likewise)
    """Puts on record that a person agreed; who was not on record is from now on."""
    made = give_consent(service.store, id, purpose=asked.purpose, modalities=asked.modalities, how=asked.how, by=caller.key)
    return _consent(made)


@router.delete("/v1/subjects/{id}/consents/{consent}")
def withdraw(id: SubjectPath, consent: IdPath, service: Serving, caller: Analyses) -> ToldConsent:  # noqa: A002 (likewise)
    """Withdraws a consent: nothing is read on its ground from now on. What was read before stays; DELETE /v1/subjects/{id} erases it."""
    found = withdraw_consent(service.store, id, consent, by=caller.key)
    if found is None:
        raise Problem(404, "unknown-consent", f"no consent {consent!r} of {id!r}; GET /v1/subjects/{{id}} lists them")
    return _consent(found)


@router.delete("/v1/subjects/{id}")
def erase(id: SubjectPath, service: Serving, caller: Administers) -> Receipt:  # noqa: A002 (likewise)
    """Erases all that is kept of a person, and answers with a signed receipt."""
    receipt = erase_subject(service.store, id, by=caller.key, voices=_voices(service))
    if receipt is None:
        raise _unknown(id)
    return Receipt.model_validate(receipt)


def _voices(service: Service) -> MutableMapping[str, Any]:
    """What is known of voices, of whichever model; to be erased, not to be heard."""
    folder = service.settings.voices
    return Voices(Path(folder), model="") if folder else service.reader.voices


def _whole(service: Service, subject: str) -> WholeSubject:
    found = find_subject(service.store, subject)
    if found is None:
        raise _unknown(subject)
    consents = [_consent(one) for one in consents_of(service.store, subject)]
    kept = ToldKept.model_validate(kept_of(service.store, subject), from_attributes=True)
    return WholeSubject(id=found.id, created=found.created, kept=kept, consents=consents)


def _unknown(subject: str) -> Problem:
    return Problem(404, "unknown-subject", f"nobody of the id {subject!r} is on record; ids are those of PUT /v1/subjects and of subjects")


def _consent(consent: Consent) -> ToldConsent:
    return ToldConsent.model_validate(consent, from_attributes=True)
