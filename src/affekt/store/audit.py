"""The audit log: entries are only ever added, and each holds the hash of the one before it.

Who changes, removes or inserts an entry breaks the chain from there on. Who can write the database can also cut off its end, or compute
the whole chain anew; a hash that is kept elsewhere tells that as well, and so does every signed receipt.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from affekt.store.database import Store
from affekt.store.signing import canonical
from affekt.store.tables import Audit, now

FIRST = "0" * 64  # what the first entry has for the hash of the one before it
LOCK = 0x61666665  # of PostgreSQL's advisory locks: "affe", any number that nothing else here uses
ERASED = "subject.erased"  # the action of which later savings ask
SERVER = "server"  # who acts where it is no caller
HOUR = 3600.0  # seconds
BATCH = 1000  # entries that are read at a time


@dataclass(frozen=True, slots=True)
class Verified:
    """What walking the chain found.

    Args:
        entries: that are sound, from the first.
        last: hash of the last sound one.
        problem: what is wrong after it; None: nothing is.
    """

    entries: int
    last: str
    problem: str | None = None


def append(session: Session, action: str, *, who: str, detail: Mapping[str, Any]) -> Audit:
    """Adds an entry, within the transaction that does what it tells; best as its last step, for others wait until that ends.

    Args:
        who: id of a key, "open" where none is needed, or "server".
        detail: what JSON can hold; nothing that says who a person is, see `affekt.store.signing.pseudonym`.
    """
    take_turn(session)
    before = session.scalar(select(Audit).order_by(Audit.number.desc()).limit(1))
    number, previous = (1, FIRST) if before is None else (before.number + 1, before.hash)
    entry = Audit(
        number=number, at=now().isoformat(timespec="milliseconds"), who=who, action=action, detail=dict(detail), previous=previous
    )
    entry.hash = hash_of(entry)
    session.add(entry)
    session.flush()
    return entry


def take_turn(session: Session) -> None:
    """Waits until no other transaction adds to the log, and lets none until this one ends; SQLite has one that writes at a time."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def hash_of(entry: Audit) -> str:
    """SHA-256 of all that an entry holds but its hash, in hex."""
    named = {name: getattr(entry, name) for name in ("number", "at", "who", "action", "detail", "previous")}
    return sha256(canonical(named)).hexdigest()


def verify(store: Store, *, holds: str | None = None) -> Verified:
    """Walks the chain from the first entry to the first that is broken.

    Args:
        holds: a hash that was kept elsewhere; a log without an entry of this hash is not the one it was.
    """
    count, last, found = 0, FIRST, holds in (None, FIRST)
    with store.reads() as session:
        for entry in session.scalars(select(Audit).order_by(Audit.number).execution_options(yield_per=BATCH)):
            if problem := _problem(entry, count + 1, last):
                return Verified(count, last, problem)
            count, last = entry.number, entry.hash
            found = found or entry.hash == holds
    return Verified(count, last, None if found else f"no entry has the hash {holds}; entries were cut off, or the log was made anew")


def _problem(entry: Audit, number: int, previous: str) -> str | None:
    if entry.number != number:
        return f"entry {number} is missing"
    if entry.previous != previous:
        return f"entry {number} does not follow the one before it; that one was changed together with its hash, or another was there"
    return None if entry.hash == hash_of(entry) else f"entry {number} was changed"


def entries(store: Store, *, after: int = 0, before: int | None = None, limit: int = 100, action: str | None = None) -> list[Audit]:
    """Entries, the oldest first; where `before` is given, the newest first.

    Args:
        after: number above which they are.
        before: number below which they are.
    """
    order = Audit.number if before is None else Audit.number.desc()
    chosen = select(Audit).where(Audit.number > after).order_by(order).limit(limit)
    if before is not None:
        chosen = chosen.where(Audit.number < before)
    if action is not None:
        chosen = chosen.where(Audit.action == action)
    with store.reads() as session:
        return list(session.scalars(chosen))


def last_number(store: Store) -> int:
    """Number of the last entry; 0: there is none."""
    with store.reads() as session:
        return session.scalar(select(func.max(Audit.number))) or 0


@dataclass(slots=True)
class Counted:
    """What may happen at every call: the first is logged at once, those of an hour after it as a number.

    The number is logged with the first that comes after that hour, or when the server stops; a server that is killed loses it.
    """

    store: Store
    seen: dict[tuple[str, str, bytes], "Seen"] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, action: str, *, who: str, detail: Mapping[str, Any], at: float | None = None) -> None:
        """Notes that something happened. Args: at, seconds of a clock that runs evenly."""
        at, key = time.monotonic() if at is None else at, (action, who, canonical(detail))
        with self.lock:
            one = self.seen.setdefault(key, Seen(dict(detail), at - HOUR))
            one.calls += 1
            if at - one.since < HOUR:
                return
            calls, one.calls, one.since = one.calls, 0, at
        self._append(action, who, {**detail, "calls": calls})

    def close(self) -> None:
        """Logs what is not logged yet."""
        with self.lock:
            rest = [(action, who, {**one.detail, "calls": one.calls}) for (action, who, _), one in self.seen.items() if one.calls]
            self.seen.clear()
        for action, who, detail in rest:
            self._append(action, who, detail)

    def _append(self, action: str, who: str, detail: Mapping[str, Any]) -> None:
        with self.store.writes() as session:
            append(session, action, who=who, detail=detail)


@dataclass(slots=True)
class Seen:
    """What is counted of one thing: how often since it was logged, and when that was."""

    detail: dict[str, Any]
    since: float
    calls: int = 0
