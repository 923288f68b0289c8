"""Jobs as rows: taken in, claimed by one worker at a time, finished exactly once.

A claim has a name of its own, and whoever writes of a job that runs names the claim: what comes from a worker that was taken for dead, or
whose job was cancelled, changes nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, CursorResult, Update, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from affekt.store.database import Store
from affekt.store.keys import share
from affekt.store.tables import Job, now

End = Literal["done", "failed"]
ENDED = ("done", "failed", "cancelled")
ATTEMPTS = 3  # starts after which a job that never ends is given up: what it reads may be what kills the server
LOST = timedelta(seconds=30)  # without a sign of life, of which there is one a second
RESULTS = "results"  # folder of the tables that are written
_HEAD = defer(Job.result, raiseload=True)  # a result may be tens of megabytes


def add_job(store: Store, job: Job, *, most: int) -> Job | None:
    """The job, or the one that its caller has asked for in the same words before; None: too many wait already.

    Args:
        most: jobs that may wait; half of them of one key, where there are several.
    """
    try:
        with store.writes() as session:
            if (before := _once(session, job.key, job.once)) is not None:
                return before
            if not _has_room(session, job.key, most):
                return None
            session.add(job)
        return job
    except IntegrityError:  # the same was asked for at the same moment
        with store.reads() as session:
            return _once(session, job.key, job.once)


def once(store: Store, key: str, word: str) -> Job | None:
    """The job that a caller gave an id of their own."""
    with store.reads() as session:
        return _once(session, key, word)


def waiting(store: Store) -> int:
    """How many jobs wait."""
    with store.reads() as session:
        return _waiting(session)


def has_room(store: Store, key: str, *, most: int) -> bool:
    """Whether `add_job` would take in one more of this key."""
    with store.reads() as session:
        return _has_room(session, key, most)


def find_job(store: Store, job: str) -> Job | None:
    """A job, without its result unless that is the summary of a table."""
    with store.reads() as session:
        found = session.scalar(select(Job).options(_HEAD).where(Job.id == job))
        return found if found is None else _summed(session, found)


def list_jobs(store: Store, *, key: str | None, limit: int, before: str | None = None) -> list[Job]:
    """Jobs, the newest first, as of `find_job`.

    Args:
        key: of whom; None: of everybody.
        before: id of a job; those that came before it.
    """
    with store.reads() as session:
        asked = select(Job).options(_HEAD).order_by(Job.created.desc(), Job.id.desc()).limit(limit)
        if key is not None:
            asked = asked.where(Job.key == key)
        if before is not None:
            moment = select(Job.created).where(Job.id == before).scalar_subquery()
            asked = asked.where((Job.created < moment) | ((Job.created == moment) & (Job.id < before)))
        return [_summed(session, job) for job in session.scalars(asked)]


def result_of(store: Store, job: str) -> dict[str, Any] | None:
    """The result of a job; None: there is none, or none any more."""
    with store.reads() as session:
        return session.scalar(select(Job.result).where(Job.id == job))


def claim_job(store: Store, claim: str) -> Job | None:
    """The job that has waited longest, which this claim now runs; None: none waits.

    Args:
        claim: a name that no claim had before.
    """
    first = select(Job).options(_HEAD).where(Job.state == "waiting").order_by(Job.created, Job.id).limit(1)
    with store.reads() as session:
        if session.scalar(first.with_only_columns(Job.id)) is None:  # nothing is locked as long as nothing waits
            return None
    with store.writes() as session:
        job = session.scalar(first.with_for_update(skip_locked=True))
        if job is not None:
            moment = now()
            job.state, job.worker, job.started, job.alive, job.attempts = "running", claim, moment, moment, job.attempts + 1
        return job


def beat(store: Store, job: str, *, claim: str, progress: float) -> bool:
    """Says that a job is being worked on; whether it still is this claim's."""
    return _changed(store, _mine(job, claim).values(alive=now(), progress=progress))


def finish_job(
    store: Store,
    job: str,
    *,
    claim: str,
    state: End,
    result: dict[str, Any] | None = None,
    result_path: str | None = None,
    problem: dict[str, Any] | None = None,
    also: Callable[[Session], object] | None = None,
) -> bool:
    """Ends a job with all that came of it in one transaction; whether it still was this claim's, else nothing is written.

    Args:
        also: is written in the same transaction.
    """
    ended = _mine(job, claim).values(state=state, finished=now(), worker=None, alive=None)
    if state == "done":
        ended = ended.values(progress=1.0)
    with store.writes() as session:
        mine = _count(session.execute(ended.values(result=result, result_path=result_path, problem=problem))) == 1
        if mine and also is not None:
            also(session)
    return mine


def give_back(store: Store, job: str, *, claim: str) -> bool:
    """Has a job wait again that was stopped by no fault of its own; whether it still was this claim's."""
    return _changed(store, _mine(job, claim).values(state="waiting", worker=None, alive=None, progress=0.0, attempts=Job.attempts - 1))


def requeue_lost(store: Store, *, dead: Callable[[str], bool], problem: dict[str, Any]) -> list[Job]:
    """The jobs whose workers are gone; they wait again, or have failed where they have been started too often.

    Args:
        dead: whether the worker of a claim is known to be gone, so that nobody need wait for a sign of life.
        problem: why a job that has been started too often failed.
    """
    with store.reads() as session:
        running = session.scalars(select(Job).options(_HEAD).where(Job.state == "running")).all()
    silent = now() - LOST
    lost = [job for job in running if job.worker and (job.alive is None or job.alive < silent or dead(job.worker))]
    return [job for job in lost if _changed(store, _again(job, problem))]


def cancel_job(store: Store, job: str) -> bool:
    """Ends a job that waits or runs; whether it did."""
    going = update(Job).where(Job.id == job, Job.state.in_(("waiting", "running")))
    return _changed(store, going.values(state="cancelled", finished=now(), worker=None, alive=None))


def delete_job(store: Store, job: str) -> bool:
    """Deletes a job that has ended, with its result; whether there was one."""
    with store.writes() as session:
        deleted = _count(session.execute(delete(Job).where(Job.id == job, Job.state.in_(ENDED)))) == 1
    store.settle()
    return deleted


def remove_file(store: Store, path: str | None) -> None:
    """Deletes a file, by its path below the data folder, where it is there."""
    if path:
        (store.folder / path).unlink(missing_ok=True)


def written(store: Store, job: str) -> list[Path]:
    """What a job has written, whole or in part."""
    return sorted((store.folder / RESULTS).glob(f"{job}.*"))


def remove_written(store: Store, job: str) -> None:
    """Deletes what a job has written."""
    for path in written(store, job):
        path.unlink(missing_ok=True)


def _again(job: Job, problem: dict[str, Any]) -> Update:
    mine = _mine(job.id, job.worker or "").where(Job.alive == job.alive)
    if job.attempts < ATTEMPTS:
        return mine.values(state="waiting", worker=None, alive=None, progress=0.0)
    return mine.values(state="failed", finished=now(), worker=None, alive=None, problem=problem)


def _mine(job: str, claim: str) -> Update:
    return update(Job).where(Job.id == job, Job.worker == claim, Job.state == "running")


def _changed(store: Store, statement: Update) -> bool:
    with store.writes() as session:
        return _count(session.execute(statement)) == 1


def _count(result: Any) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount


def _once(session: Session, key: str, word: str | None) -> Job | None:
    found = None if word is None else session.scalar(select(Job).options(_HEAD).where(Job.key == key, Job.once == word))
    return None if found is None else _summed(session, found)


def _waiting(session: Session, *given: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Job).where(Job.state == "waiting", *given)) or 0


def _has_room(session: Session, key: str, most: int) -> bool:
    return _waiting(session) < most and _waiting(session, Job.key == key) < share(session, most)


def _summed(session: Session, job: Job) -> Job:
    """A job with its result where that is a table's, which is small."""
    if job.result_path is not None:
        session.refresh(job, ["result"])
    return job
