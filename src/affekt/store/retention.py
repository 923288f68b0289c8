"""What is kept no longer than the settings say: sessions, their words and media, results of jobs, and files that nothing names any more."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, null, or_, select, update
from sqlalchemy.orm import Session as Transaction
from sqlalchemy.orm import defer

from affekt.settings import ServerSettings
from affekt.store import tables
from affekt.store.audit import SERVER, append
from affekt.store.database import Store
from affekt.store.jobs import ENDED, RESULTS, remove_file, remove_written
from affekt.store.sessions import MEDIA, remove_sessions, silent
from affekt.store.tables import Job, Media, Session, StoredReading

AT_ONCE = 100  # rows that go in one transaction, so that nobody else waits for long
ROWS = timedelta(days=30)  # that a job is on record after its result is gone, so that who comes late learns why
LEFT = timedelta(days=1)  # after which a file that nothing names is no longer about to be named: it lies there before its row does
INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Swept:
    """How much was deleted: sessions, words and media of sessions, results of jobs, jobs, and files that nothing named."""

    sessions: int
    words: int
    media: int
    results: int
    jobs: int
    files: int


def sweep(store: Store, settings: ServerSettings, *, now: datetime | None = None) -> Swept:
    """Deletes what has been kept for as long as the settings allow; may be called at any time, by several servers of a database.

    Args:
        now: the moment to which it is swept.
    """
    now = tables.now() if now is None else now
    swept = Swept(
        sessions=_sweep_sessions(store, now - timedelta(days=settings.keep_readings_days)),
        words=_sweep_words(store, now),
        media=_sweep_media(store, now),
        results=_sweep_results(store, settings, now - timedelta(hours=settings.keep_results_hours)),
        jobs=_sweep_jobs(store, now - timedelta(hours=settings.keep_results_hours) - ROWS),
        files=_sweep_files(store, now - LEFT),
    )
    counts = {field.name: getattr(swept, field.name) for field in fields(swept)}
    if any(counts.values()):
        with store.writes() as transaction:
            append(transaction, "retention.swept", who=SERVER, detail=counts)
    store.settle()
    return swept


def kept_until(created: datetime, settings: ServerSettings) -> datetime:
    """When a session that was saved then is deleted, with all that is of it."""
    try:
        return created + timedelta(days=settings.keep_readings_days)
    except OverflowError:  # after the last moment that there is
        return datetime.max.replace(tzinfo=UTC)


def _sweep_sessions(store: Store, until: datetime) -> int:
    count = 0
    while True:
        with store.writes() as transaction:
            found = list(transaction.scalars(select(Session.id).where(Session.created < until).order_by(Session.id).limit(AT_ONCE)))
            remove_sessions(transaction, store, found)
        count += len(found)
        if len(found) < AT_ONCE:
            return count


def _sweep_words(store: Store, now: datetime) -> int:
    with store.reads() as transaction:
        found = list(transaction.scalars(select(Session.id).where(Session.text_until < now).order_by(Session.id)))
    for session in found:
        with store.writes() as transaction:
            _forget_words(transaction, session)
    return len(found)


def _forget_words(transaction: Transaction, session: str) -> None:
    row = transaction.get(Session, session, with_for_update=True)  # or what is erased of it meanwhile would come back
    if row is None:  # another server was faster
        return
    row.timeline, row.text_until = {**row.timeline, "transcript": None, "marks": silent(row.timeline.get("marks", ()))}, None
    for reading in transaction.scalars(select(StoredReading).where(StoredReading.session == session)):
        if reading.data.get("words") is not None:
            reading.data = {**reading.data, "words": None}


def _sweep_media(store: Store, now: datetime) -> int:
    count = 0
    while True:
        with store.writes() as transaction:
            found = list(transaction.scalars(select(Media).where(Media.until < now).order_by(Media.id).limit(AT_ONCE)))
            for one in found:  # a file goes before its row does, so that none is left of which nothing is known
                remove_file(store, one.path)
            transaction.execute(delete(Media).where(Media.id.in_([one.id for one in found])))
        count += len(found)
        if len(found) < AT_ONCE:
            return count


def _sweep_results(store: Store, settings: ServerSettings, until: datetime) -> int:
    there = or_(Job.result.is_not(None), Job.result_path.is_not(None))
    found = _jobs(store, (Job.state == "done") & (Job.finished < until) & there)
    for job in found:
        remove_written(store, job.id)
    gone = update(Job).where(Job.id.in_([job.id for job in found]))
    with store.writes() as transaction:
        transaction.execute(gone.values(result=null(), result_path=null(), problem=_gone(settings)))
    return len(found)


def _sweep_jobs(store: Store, until: datetime) -> int:
    found = _jobs(store, Job.state.in_(ENDED) & (Job.finished < until))
    with store.writes() as transaction:
        transaction.execute(delete(Job).where(Job.id.in_([job.id for job in found])))
    return len(found)


def _jobs(store: Store, chosen: ColumnElement[bool]) -> list[Job]:
    with store.reads() as transaction:
        return list(
            transaction.scalars(select(Job).options(defer(Job.result, raiseload=True)).where(chosen).order_by(Job.id).limit(10_000))
        )


def _gone(settings: ServerSettings) -> dict[str, Any]:
    """Why a job has no result any more, as a problem of RFC 9457."""
    detail = f"the result was kept for {settings.keep_results_hours:g} hours and is deleted; send the file again"
    return {"type": "urn:affekt:problem:result-deleted", "title": "Result deleted", "status": 410, "detail": detail}


def _sweep_files(store: Store, until: datetime) -> int:
    """Deletes the files of jobs that have ended, and those that no row names; both are left where a server was killed."""
    folders = [store.folder / folder for folder in (INCOMING, RESULTS, MEDIA) if (store.folder / folder).is_dir()]
    there = {str(path.relative_to(store.folder)): path for folder in folders for path in folder.iterdir() if path.is_file()}
    if not there:
        return 0
    going = Job.state.in_(("waiting", "running"))
    with store.reads() as transaction:
        over = set(transaction.scalars(select(Job.path).where(Job.state.in_(ENDED))))
        results = set(transaction.scalars(select(Job.result_path)))
        named = {*results, *transaction.scalars(select(Job.path).where(going)), *transaction.scalars(select(Media.path))}
        begun = set(transaction.scalars(select(Job.id).where(going)))  # whose results are being written

    def unwanted(name: str, path: Path) -> bool:
        return name in over or (name not in named and path.name.partition(".")[0] not in begun and _older(path, until))

    left = [path for name, path in there.items() if unwanted(name, path)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _older(path: Path, moment: datetime) -> bool:
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:  # somebody else has just deleted it
        return False
