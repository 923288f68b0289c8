"""`/v1/sessions/{id}/feedback` and `/v1/feedback`: what people say that readings should have said."""

import json
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from affekt.server.access import Reads, needs
from affekt.server.named import After, IdPath, Limit, Name
from affekt.server.problems import Problem
from affekt.server.service import Service, Serving
from affekt.server.sessions import visible
from affekt.store.feedback import give_feedback, list_feedback, training_rows

router = APIRouter(tags=["feedback"])
JSON_LINES = "application/jsonl"


class AskedFeedback(BaseModel):
    """What a reading should have said."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=0, le=2**31 - 1, description="of the reading, from 0 in order of the timeline; fused ones follow")
    labels: list[Name] = Field(max_length=100, description="that apply, of the session's label set", examples=[["joy"]])
    comment: str = Field("", max_length=2000, pattern="^[^\\x00]*$", description="for those who look at it; not used in training")


class GivenFeedback(BaseModel):
    """That it is on record."""

    id: str


class ToldFeedback(BaseModel):
    """What somebody says that a reading should have said."""

    id: str
    session: str
    number: int
    labels: list[str]
    comment: str
    key: str | None
    created: datetime
    set: str = Field(description="label set")
    read: str | None = Field(description="the label that was read")
    modality: str
    text: str | None = Field(description="the words that were read, where they are kept")


class AllFeedback(BaseModel):
    """Feedback, the oldest first; `after` with the id of the last has what follows."""

    feedback: list[ToldFeedback]


@router.post("/v1/sessions/{id}/feedback", status_code=201)
def give(id: IdPath, asked: AskedFeedback, service: Serving, caller: Reads) -> GivenFeedback:  # noqa: A002 (the name in the address)
    """Says what a reading of a session should have said."""
    labels = service.labels_of(visible(service, caller, id).labels)
    if unknown := sorted(set(asked.labels) - set(labels.labels)):
        raise Problem(422, "unknown-name", f"no {', '.join(map(repr, unknown))} in {labels.name}; there are: {', '.join(labels.labels)}")
    if labels.kind == "single" and len(asked.labels) != 1:
        raise Problem(422, "invalid-request", f"{len(asked.labels)} labels; of {labels.name} exactly one applies")
    given = give_feedback(
        service.store, id, number=asked.number, labels=list(dict.fromkeys(asked.labels)), comment=asked.comment, key=caller.key
    )
    return GivenFeedback(id=given.id)


@router.get("/v1/sessions/{id}/feedback")
def given(id: IdPath, service: Serving, caller: Reads, after: After = None, limit: Limit = 100) -> AllFeedback:  # noqa: A002 (likewise)
    """What people say that the readings of a session should have said, the oldest first."""
    visible(service, caller, id)
    return _listed(service, session=id, after=after, limit=limit)


@router.get(
    "/v1/feedback",
    dependencies=[needs("analyst")],
    response_model=AllFeedback,
    responses={200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}}},
)
def feedback(
    service: Serving,
    session: Annotated[str | None, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]+$", description="id of the session that it is of")] = None,
    after: After = None,
    limit: Limit = 100,
    format: Annotated[Literal["json", "jsonl"], Query()] = "json",  # noqa: A002
) -> AllFeedback | Response:
    """Feedback, the oldest first; as `jsonl`, all of it whose words are kept, in rows that `affekt train --data` takes."""
    if format == "jsonl":
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in training_rows(service.store, session=session))
        return StreamingResponse(lines, media_type=JSON_LINES)
    return _listed(service, session=session, after=after, limit=limit)


def _listed(service: Service, *, session: str | None, after: str | None, limit: int) -> AllFeedback:
    found = list_feedback(service.store, session=session, after=after, limit=limit)
    return AllFeedback(feedback=[ToldFeedback.model_validate(one) for one in found])
