"""`/v1/audit`: the audit log, and whether it is whole, for admins."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from affekt.server.access import needs
from affekt.server.named import Limit
from affekt.server.service import Serving
from affekt.store.audit import entries, verify

router = APIRouter(tags=["audit"])
BIG = 2**31 - 1  # the greatest number that a column of integers holds


class Entry(BaseModel):
    """One entry; `hash` is SHA-256 of the others as JSON with names in order, without blanks."""

    number: int
    at: str
    who: str
    action: str
    detail: dict[str, Any]
    previous: str
    hash: str


class Entries(BaseModel):
    """Entries in order."""

    entries: list[Entry]


class Walked(BaseModel):
    """What walking the chain found."""

    entries: int = Field(description="that are sound, from the first")
    last: str = Field(description="hash of the last sound one; keep a copy elsewhere, and ask with ?holds= whether it is still there")
    problem: str | None = Field(description="what is wrong after it; null: nothing is")


@router.get("/v1/audit", dependencies=[needs("admin")])
def log(
    service: Serving,
    after: Annotated[int, Query(ge=0, le=BIG, description="number above which they are")] = 0,
    before: Annotated[int | None, Query(ge=1, le=BIG, description=f"number below which they are, the newest first; {BIG}: all")] = None,
    limit: Limit = 100,
    action: Annotated[str | None, Query(max_length=60, pattern="^[a-z.]+$", description="only these, as subject.erased")] = None,
) -> Entries:
    """Entries of the audit log, the oldest first; with `before` the newest first."""
    found = entries(service.store, after=after, before=before, limit=limit, action=action)
    return Entries(entries=[Entry.model_validate(one, from_attributes=True) for one in found])


@router.get("/v1/audit/verify", dependencies=[needs("admin")])
def walk(
    service: Serving,
    holds: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="a hash that was kept elsewhere")] = None,
) -> Walked:
    """Walks the chain of the audit log: whether an entry was changed, taken out or put in."""
    return Walked.model_validate(verify(service.store, holds=holds), from_attributes=True)
