"""Who calls, and what they may do."""

import ipaddress
import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends
from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from affekt.server.problems import Problem
from affekt.server.service import Service, service_of
from affekt.store.keys import PREFIX, ROLES, any_keys, find_key, hash_of, is_open

Role = Literal["reader", "analyst", "admin"]
OPEN = "open"  # who calls where no key is needed
REMEMBERED = 5.0  # seconds after which a key is looked up anew: as long one that was revoked may still be used
HEADERS = ("x-api-key", "x-hume-api-key")
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the id of a key, or "open"."""

    key: str
    role: str

    def may(self, role: Role) -> bool:
        """Whether the caller may what this role may."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, key: str | None) -> bool:
        """Whether the caller may see what was saved with a key."""
        return self.may("analyst") or key == self.key


def needs(role: Role) -> Any:
    """A dependency: the caller, who has this role.

    It raises a Problem: 401 without a key or with one that opens nothing, 403 with one that may not, 429 where there were too many calls.
    """

    async def check(connection: HTTPConnection, service: Annotated[Service, Depends(service_of)]) -> Caller:
        caller = await _caller(connection, service)
        service.rate.spend(caller.key)
        if not caller.may(role):
            raise Problem(403, "not-allowed", f"this key is of the role {caller.role}; this needs {role}")
        return caller

    check.needs = role  # type: ignore[attr-defined]  # a test walks the routes by it
    return Depends(check)


Reads = Annotated[Caller, needs("reader")]
Analyses = Annotated[Caller, needs("analyst")]
Administers = Annotated[Caller, needs("admin")]


async def _caller(connection: HTTPConnection, service: Service) -> Caller:
    word = _word(connection)
    # Clients of other dialects have to show something also where no key is needed; what is none of ours counts as nothing there.
    if (word is None or not word.startswith(PREFIX)) and await _is_open(service):
        if service.settings.access == "auto":  # who says "open" means everyone, whom the words of a call could not tell apart
            _check_local(connection)
        return Caller(OPEN, "admin")
    if word is None:
        raise _unknown("no key; send it as Authorization: Bearer affekt_…")
    known = service.known_keys.get(hash_of(word))
    if known is None or time.monotonic() - known[1] > REMEMBERED:
        key = await run_in_threadpool(find_key, service.store, word)
        known = (None if key is None else Caller(key.id, key.role), time.monotonic())
        service.remember_key(hash_of(word), known)
    if known[0] is None:
        raise _unknown("this key opens nothing; it was mistyped, or revoked")
    return known[0]


def check_again(service: Service, caller: Caller) -> None:
    """Nothing, where a caller who was let in before still may; in the thread of the caller.

    Raises:
        Problem: 401, their key was revoked, or one is needed by now.
    """
    if caller.key != OPEN:
        if not is_open(service.store, caller.key):
            raise _unknown("this key was revoked")
    elif not service.open or (service.settings.access == "auto" and any_keys(service.store)):
        raise _unknown("a key is needed by now; send it as Authorization: Bearer affekt_…")


async def _is_open(service: Service) -> bool:
    """Whether no key is needed; in `auto` that ends when somebody makes one, through this server or beside it."""
    if service.open and service.settings.access == "auto" and time.monotonic() - service.looked > REMEMBERED:
        service.looked = time.monotonic()
        if await run_in_threadpool(any_keys, service.store):  # never opened again: a key may have been made while this was looked up
            service.open = False
    return service.open


def _unknown(detail: str) -> Problem:
    return Problem(401, "unknown-caller", detail, headers={"WWW-Authenticate": "Bearer"})


def _word(connection: HTTPConnection) -> str | None:
    """The key that a caller shows; a WebSocket of a browser cannot send headers, and shows it in its address."""
    scheme, word = get_authorization_scheme_param(connection.headers.get("authorization"))
    if scheme.lower() == "bearer" and word:
        return word
    shown = next((connection.headers[name] for name in HEADERS if name in connection.headers), None)
    if shown is None and connection.scope["type"] == "websocket":
        shown = connection.query_params.get("api_key") or connection.query_params.get("apiKey")
    return shown


def _check_local(connection: HTTPConnection) -> None:
    """Refuses whom only a mistake lets in where no key is needed: who comes through a proxy, or by a page that another site made.

    A page elsewhere can have a browser call a local server under a name of its own (DNS rebinding), or with its own origin.
    """
    if any(name in connection.headers for name in FORWARDED):
        raise _unknown("calls through a proxy need a key; start with --access keys")
    host = connection.url.hostname or ""
    origin = connection.headers.get("origin")
    local = [host, *([origin.partition("://")[2].rpartition(":")[0] or origin.partition("://")[2]] if origin else [])]
    if not all(is_loopback(name.strip("[]")) for name in local):
        raise _unknown(f"without a key this server answers only on its own machine, not as {host}; start with --access keys")


def is_loopback(host: str) -> bool:
    """Whether a name or address is of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
