"""`/v1/keys`: who may call, for admins."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from affekt.errors import UnknownName
from affekt.server.access import Administers, Role, needs
from affekt.server.named import IdPath, Name
from affekt.server.problems import Problem
from affekt.server.service import Serving
from affekt.store.keys import list_keys, make_key, revoke_key
from affekt.store.tables import Key

router = APIRouter(tags=["keys"])


class AskedKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="who or what it is for", examples=["support desk"])
    role: Role = Field(description="reader: reads; analyst: also sees what others saved, and people; admin: also erases, and gives keys")


class ToldKey(BaseModel):
    """A key, without the word that opens."""

    id: str
    name: str
    role: str
    created: datetime
    revoked: datetime | None
    last_used: datetime | None


class MadeKey(ToldKey):
    """A new key, with the word that opens, which is told this once."""

    key: str


class Keys(BaseModel):
    """All keys, the oldest first, those revoked included."""

    keys: list[ToldKey]
    access: Literal["open", "keys"] = Field(description="open: no key is needed as yet")


@router.get("/v1/keys", dependencies=[needs("admin")])
def keys(service: Serving) -> Keys:
    """All keys."""
    return Keys(keys=[_told(one) for one in list_keys(service.store)], access="open" if service.open else "keys")


@router.post("/v1/keys", status_code=201)
def make(asked: AskedKey, service: Serving, caller: Administers) -> MadeKey:
    """Makes a key. Where the server was open until a key is made, every call needs one from now on."""
    closes = service.open and service.settings.access == "auto"
    if closes and asked.role != "admin":
        raise Problem(409, "admin-first", "the first key must be of the role admin: from then on every call needs one, this one too")
    key, word = make_key(service.store, asked.name, role=asked.role, by=caller.key)
    if closes:
        service.open = False
    return MadeKey(**_told(key).model_dump(), key=word)


@router.delete("/v1/keys/{id}")
def revoke(id: IdPath, service: Serving, caller: Administers) -> ToldKey:  # noqa: A002 (the name in the address)
    """Revokes a key, which opens nothing from now on; in other servers with the same database within seconds."""
    try:
        key = revoke_key(service.store, id, by=caller.key)
    except UnknownName as error:
        raise Problem(404, "unknown-key", f"no key {id!r}; GET /v1/keys lists them") from error
    service.known_keys.pop(key.hash, None)
    return _told(key)


def _told(key: Key) -> ToldKey:
    return ToldKey.model_validate(key, from_attributes=True)
