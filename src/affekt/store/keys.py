"""Keys that callers show: made once, kept as hashes, revoked."""

from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from affekt.errors import InputError, UnknownName
from affekt.store.audit import SERVER, append, take_turn
from affekt.store.database import Store
from affekt.store.tables import Key, new_id, now

ROLES = ("reader", "analyst", "admin")  # each may what those before it may
PREFIX = "affekt_"  # so that a key that leaked is found by scanners
SEEN = timedelta(minutes=1)  # how finely it is noted when a key was last used


def make_key(store: Store, name: str, *, role: str, by: str = SERVER) -> tuple[Key, str]:
    """A new key, and the word that a caller shows, which is told this once.

    Args:
        role: "reader" reads, "analyst" also sees what others saved, "admin" also erases and gives keys.
        by: who makes it, for the audit log.

    Raises:
        InputError: there is no such role, or the name is empty or longer than 200 characters.
    """
    if role not in ROLES:
        raise InputError(f"no role {role!r}; there are: {', '.join(ROLES)}")
    if not 0 < len(name.strip()) <= 200:
        raise InputError(f"a name of {len(name)} characters; it has 1 to 200")
    with store.writes() as session:
        return _make(session, name.strip(), role=role, by=by)


def make_first_key(store: Store) -> str | None:
    """The word of a new admin's key; None: there is a key that is not revoked already."""
    with store.writes() as session:
        take_turn(session)  # of servers that start at the same time one makes it
        if session.scalar(select(Key.id).where(Key.revoked.is_(None)).limit(1)) is not None:
            return None
        return _make(session, "first", role="admin", by=SERVER)[1]


def _make(session: Session, name: str, *, role: str, by: str) -> tuple[Key, str]:
    word = PREFIX + token_urlsafe(32)
    key = Key(id=new_id("key"), name=name, role=role, hash=hash_of(word), created=now())
    session.add(key)
    session.flush()
    append(session, "key.made", who=by, detail={"key": key.id, "role": role})
    return key, word


def find_key(store: Store, word: str) -> Key | None:
    """The key that a word opens; None: none, or it was revoked."""
    with store.reads() as session:
        key = session.scalar(select(Key).where(Key.hash == hash_of(word), Key.revoked.is_(None)))
    if key is not None and (key.last_used is None or now() - key.last_used > SEEN):
        with store.writes() as session:
            session.execute(update(Key).where(Key.id == key.id).values(last_used=now()))
    return key


def name_of(store: Store, key: str) -> str | None:
    """What the key of this id is called; None: there is none."""
    with store.reads() as session:
        return session.scalar(select(Key.name).where(Key.id == key))


def list_keys(store: Store) -> list[Key]:
    """All keys, the oldest first."""
    with store.reads() as session:
        return list(session.scalars(select(Key).order_by(Key.created)))


def any_keys(store: Store) -> bool:
    """Whether there is a key that is not revoked."""
    with store.reads() as session:
        return session.scalar(select(Key.id).where(Key.revoked.is_(None)).limit(1)) is not None


def is_open(store: Store, key: str) -> bool:
    """Whether the key of this id still opens something."""
    with store.reads() as session:
        return session.scalar(select(Key.id).where(Key.id == key, Key.revoked.is_(None))) is not None


def share(session: Session, most: int) -> int:
    """How many of what all keys share one of them may have: half, so that none shuts the others out, or all where it is the only one."""
    several = len(list(session.scalars(select(Key.id).where(Key.revoked.is_(None)).limit(2)))) > 1
    return max(1, most // 2) if several else most


def revoke_key(store: Store, key: str, *, by: str = SERVER) -> Key:
    """The key, which opens nothing any more.

    Args:
        by: who revokes it, for the audit log.

    Raises:
        UnknownName: there is no key of this id.
        InputError: it is the last one of an admin, without which nobody could make another.
    """
    with store.writes() as session:
        take_turn(session)  # or two admins could revoke each other
        found = session.get(Key, key)
        if found is None:
            raise UnknownName(key, "keys", [one.id for one in session.scalars(select(Key))])
        others = select(Key.id).where(Key.role == "admin", Key.revoked.is_(None), Key.id != key).limit(1)
        if found.role == "admin" and found.revoked is None and session.scalar(others) is None:
            raise InputError(f"{key} is the last key of an admin; make another before it is revoked")
        if found.revoked is None:
            found.revoked = now()
            append(session, "key.revoked", who=by, detail={"key": key})
    return found


def hash_of(word: str) -> str:
    """SHA-256 of a key, in hex."""
    return sha256(word.encode("utf-8", "surrogatepass")).hexdigest()
