"""Sessions that were saved: a timeline as rows, with its words and media only where the settings keep them."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from shutil import copyfile
from typing import Any, TypeVar

from sqlalchemy import Select, and_, delete, insert, or_, select
from sqlalchemy.orm import Session as Transaction
from sqlalchemy.orm import defer

from affekt.errors import InputError, PolicyRefused
from affekt.results import Reading, Timeline
from affekt.settings import ServerSettings
from affekt.store.audit import append
from affekt.store.database import Store
from affekt.store.subjects import check_not_erased, ensure_subjects
from affekt.store.tables import Media, Participant, Session, StoredReading, new_id, now

EVERYBODY = "*"  # stands for every person of a timeline who is not named beside it
Chosen = TypeVar("Chosen", bound=Select[Any])
AT_ONCE = 1000  # rows that are written together
MEDIA = "media"  # folder, below that of the store


@dataclass(frozen=True, slots=True)
class Once:
    """What makes a call that comes again the same: the caller's own id, and a keyed hash of what they sent."""

    word: str
    sent: str


def check_saving(settings: ServerSettings) -> None:
    """Nothing, where sessions may be saved.

    Raises:
        PolicyRefused: they may not.
    """
    if not settings.keep_readings_days:
        raise PolicyRefused(
            "nothing is saved here: keep_readings_days is 0; read without save, or start with --keep-readings-days 30 "
            "(AFFEKT_KEEP_READINGS_DAYS)"
        )


def save_session(
    store: Store,
    timeline: Timeline,
    *,
    key: str,
    origin: str,
    name: str = "",
    subjects: Mapping[str, str],
    settings: ServerSettings,
    media: Path | None = None,
    since: int | None = None,
    once: Once | None = None,
) -> str:
    """The id of a timeline that is saved, in a transaction of its own; see `add_session`."""
    how: dict[str, Any] = {"key": key, "origin": origin, "name": name, "subjects": subjects, "settings": settings}
    with store.writes() as transaction:
        return add_session(transaction, store, timeline=timeline, media=media, since=since, once=once, **how)


def add_session(
    transaction: Transaction,
    store: Store,
    *,
    timeline: Timeline,
    key: str,
    origin: str,
    name: str = "",
    subjects: Mapping[str, str],
    settings: ServerSettings,
    media: Path | None = None,
    since: int | None = None,
    once: Once | None = None,
) -> str:
    """The id of a timeline that is saved: all of it or, where the transaction fails, nothing.

    Args:
        key: id of the caller who saves it.
        origin: "read", "job", "stream", or "given", where a caller sent a timeline that was read before.
        name: as the caller calls it; the name of a file may say who is in it, so it is not kept in its place.
        subjects: person in the timeline -> id of a subject; "*": everybody else. Who is not on record is from now on.
        media: the file that was read; where media are kept, it is copied into the store.
        since: number of the last entry of the audit log when the reading began; None: nobody can have been erased since.
        once: under which it is saved at most one time.

    Raises:
        PolicyRefused: the settings keep nothing, or somebody in it was erased since.
        IntegrityError: it was saved under `once` before; see `saved_once`.
    """
    check_saving(settings)
    moment, keeps = now(), settings.keep_text_days > 0
    kept = replace(timeline if keeps else without_words(timeline), source=name or origin)
    row = Session(
        id=new_id("session"),
        key=key,
        once=once and once.word,
        sent=once and once.sent,
        name=name,
        origin=origin,
        labels=kept.labels,
        unit=kept.unit,
        duration=kept.duration,
        purpose=settings.purpose,
        created=moment,
        timeline={
            part: value for part, value in replace(kept, readings=(), fused=()).to_dict().items() if part not in ("readings", "fused")
        },
        text_until=moment + timedelta(days=settings.keep_text_days) if keeps else None,
    )
    ensure_subjects(transaction, subjects.values())
    transaction.add(row)
    transaction.flush()
    transaction.add_all(Participant(session=row.id, person=person, subject=subject) for person, subject in subjects.items())
    transaction.flush()
    if since is not None:  # now that no erasure can come in between
        check_not_erased(transaction, store, subjects.values(), since=since)
    rows = _rows(kept, session=row.id, subjects=subjects)
    while some := list(islice(rows, AT_ONCE)):  # as JSON, a hundred thousand readings are twice as large again
        transaction.execute(insert(StoredReading), some)
    if media is not None and settings.keep_media_days:
        _keep_media(transaction, store, media, session=row.id, until=moment + timedelta(days=settings.keep_media_days))
    return row.id


def saved_once(store: Store, key: str, word: str) -> Session | None:
    """The session that a caller saved under an id of their own."""
    with store.reads() as transaction:
        return transaction.scalar(select(Session).options(defer(Session.timeline)).where(Session.key == key, Session.once == word))


def without_words(timeline: Timeline) -> Timeline:
    """The timeline without what was said, written or noted."""
    readings, fused = (tuple(map(_without_words, part)) for part in (timeline.readings, timeline.fused))
    marks = tuple(replace(one, note="") for one in timeline.marks)
    return replace(timeline, transcript=None, readings=readings, fused=fused, marks=marks)


def _without_words(one: Reading) -> Reading:
    return one if one.words is None else replace(one, words=None)


def silent(marks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Marks, as JSON has them, without what was noted."""
    return [{**mark, "note": ""} for mark in marks]


def _rows(timeline: Timeline, *, session: str, subjects: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    everybody = subjects.get(EVERYBODY)
    for number, one in enumerate(chain(timeline.readings, timeline.fused)):
        yield {
            "session": session,
            "number": number,
            "fused": number >= len(timeline.readings),
            "modality": one.modality,
            "start": one.start,
            "end": one.end,
            "who": one.who,
            "subject": subjects.get(one.who, everybody) if one.who is not None else everybody,
            "top": _applying(one),
            "abstained": one.abstained,
            "data": one.to_dict(),
        }


def _applying(one: Reading) -> str | None:
    """The likeliest label that applies, of which a set may have several or none."""
    if one.single:
        return one.top[0] if one.top else None
    return max(one.present, key=lambda label: one.scores.get(label, 0.0), default=None)


def _keep_media(transaction: Transaction, store: Store, media: Path, *, session: str, until: datetime) -> None:
    """Has a file in the store as well; where the transaction fails, a sweep deletes it there, for nothing names it."""
    path = Path(MEDIA) / f"{new_id('media')}{media.suffix}"
    transaction.add(Media(id=path.stem, session=session, path=str(path), until=until))
    transaction.flush()
    (store.folder / MEDIA).mkdir(mode=0o700, exist_ok=True)
    try:
        os.link(media, store.folder / path)
        os.utime(store.folder / path)  # a sweep deletes old files that nothing names, and nobody else sees the row yet
    except OSError:  # a file system that knows no links
        copyfile(media, store.folder / path)


def find_session(store: Store, session: str) -> Session | None:
    """What is known of a session beside its readings; None: there is none of this id."""
    with store.reads() as transaction:
        return transaction.get(Session, session)


def load_timeline(store: Store, session: str, *, subject: str | None = None) -> Timeline | None:
    """The timeline that was saved, as far as it is still kept; None: there is none of this id.

    Args:
        subject: id of a person: only what is of them.
    """
    with store.reads() as transaction:
        row = transaction.get(Session, session)
        if row is None:
            return None
        stored = list(transaction.scalars(select(StoredReading).where(StoredReading.session == session).order_by(StoredReading.number)))
    timeline = row.timeline
    if subject is not None:
        others, stored = [one for one in stored if one.subject != subject], [one for one in stored if one.subject == subject]
        timeline = part_of(timeline, stays=stored, goes=others)
    plain = [one.data for one in stored if not one.fused], [one.data for one in stored if one.fused]
    return Timeline.from_dict({**timeline, "readings": plain[0], "fused": plain[1]})


def part_of(timeline: Mapping[str, Any], *, stays: Sequence[StoredReading], goes: Sequence[StoredReading]) -> dict[str, Any]:
    """What of a timeline, beside its readings, belongs to the readings that stay.

    Of the transcript stays what these hold and the others do not, in its place, with a blank for each other character. A fused reading may
    speak for all, so its stretch says nothing of whose words they are.
    """
    people = {one.who for one in stays}
    part = {**timeline, "people": [name for name in timeline["people"] if name in people]}
    part |= {"events": [event for event in timeline["events"] if event["who"] in people], "warnings": []}  # a warning may name anybody
    part["marks"] = silent(timeline.get("marks", ()))  # and so may a note
    if (transcript := timeline["transcript"]) is not None:
        kept = bytearray(len(transcript))
        for value, rows in ((1, stays), (0, goes)):
            for begin, end in (one.data["span"] for one in rows if one.data.get("span") and not one.fused):
                kept[begin:end] = bytes([value]) * len(kept[begin:end])
        part["transcript"] = "".join(one if stay or one == "\n" else " " for one, stay in zip(transcript, kept, strict=True))
    return part


def list_sessions(store: Store, *, after: str | None = None, limit: int = 100, **which: Any) -> list[Session]:
    """Sessions without their timelines, the newest first.

    Args:
        after: id of the session before the first.
        which: as of `chosen_sessions`.

    Raises:
        InputError: the session that `after` names is not there any more.
    """
    newest = select(Session).options(defer(Session.timeline)).order_by(Session.created.desc(), Session.id.desc()).limit(limit)
    chosen = chosen_sessions(newest, **which)
    with store.reads() as transaction:
        if after is not None:
            if (last := transaction.get(Session, after)) is None:
                raise InputError(f"no session {after} to go on after; it was deleted, so begin anew")
            earlier = or_(Session.created < last.created, and_(Session.created == last.created, Session.id < last.id))
            chosen = chosen.where(earlier)
        return list(transaction.scalars(chosen))


def chosen_sessions(
    query: Chosen,
    *,
    key: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    name: str | None = None,
    modality: str | None = None,
    origin: str | None = None,
) -> Chosen:
    """A query that is made of sessions, for some of them alone.

    Args:
        key: id of the caller who saved them; None: anybody.
        subject: id of a person who is in them.
        since, until: when they were saved; without a time zone: in UTC.
        name: is part of theirs, in capital letters or small ones (in PostgreSQL, of those that its locale knows).
        modality: of some of their readings.
        origin: "read", "job", "stream" or "given".
    """
    if key is not None:
        query = query.where(Session.key == key)
    if subject is not None:
        query = query.where(Session.id.in_(select(Participant.session).where(Participant.subject == subject)))
    if since is not None:
        query = query.where(Session.created >= _utc(since))
    if until is not None:
        query = query.where(Session.created < _utc(until))
    if name is not None:
        query = query.where(Session.name.icontains(name, autoescape=True))
    if modality is not None:
        read = select(StoredReading.number).where(StoredReading.session == Session.id, StoredReading.modality == modality)
        query = query.where(read.exists())
    return query if origin is None else query.where(Session.origin == origin)


def media_of(store: Store, session: str) -> Path | None:
    """The file that a session is of; None: it is not kept."""
    with store.reads() as transaction:
        path = transaction.scalar(select(Media.path).where(Media.session == session))
    return None if path is None else store.folder / path


def delete_session(store: Store, session: str, *, by: str) -> bool:
    """Deletes a session with its readings, feedback and media; whether there was one. Args: by, who does, for the audit log."""
    with store.writes() as transaction:
        if transaction.get(Session, session) is None:
            return False
        remove_sessions(transaction, store, [session])
        append(transaction, "session.deleted", who=by, detail={"session": session})
    store.settle()
    return True


def remove_sessions(transaction: Transaction, store: Store, sessions: Iterable[str]) -> int:
    """Deletes sessions and their files; how many files. A file goes before its row does, so that none is left of which nothing is known."""
    files = 0
    for session in sessions:
        files += remove_media(transaction, store, session)
        transaction.execute(delete(Session).where(Session.id == session))
    return files


def remove_media(transaction: Transaction, store: Store, session: str) -> int:
    """Deletes the files of a session; how many."""
    paths = list(transaction.scalars(select(Media.path).where(Media.session == session)))
    for path in paths:
        (store.folder / path).unlink(missing_ok=True)
    transaction.execute(delete(Media).where(Media.session == session))
    return len(paths)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # within a day of the first or last moment that there is
        return moment.replace(tzinfo=UTC)
