"""Erases all that is kept of a person, and signs a receipt that it is gone.

Regulation (EU) 2016/679 (GDPR), Art. 17. What is left is an entry of the audit log, which names the person by a pseudonym only.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from sqlalchemy import ColumnElement, delete, func, not_, select
from sqlalchemy.orm import Session as Transaction
from sqlalchemy.orm import load_only

from affekt.store.audit import ERASED, append
from affekt.store.database import Store
from affekt.store.jobs import remove_file, remove_written
from affekt.store.sessions import EVERYBODY, part_of, remove_media, remove_sessions
from affekt.store.signing import pseudonym, sign
from affekt.store.tables import Consent, Feedback, Job, Participant, Session, StoredReading, Subject, Table

RECEIPT = "affekt erasure receipt, version 1"


def erase_subject(store: Store, subject: str, *, by: str, voices: MutableMapping[str, Any]) -> dict[str, Any] | None:
    """The signed receipt of a person of whom nothing is kept any more; None: nothing was, so there is nothing to sign.

    Sessions in which nobody else is go as a whole. Of others go the readings of the person, those of which nobody knows whose they are,
    those that speak for all, all words but those that somebody else said, the media, and what else may name the person.

    Args:
        by: who has it done, for the audit log.
        voices: by name, what is known of voices; those under the person's id go, and those under the names that sessions had for them.
    """
    with store.writes() as transaction:
        jobs = _erase_jobs(transaction, store, subject)  # before the person is locked: a job that ends locks its row first, too
        known = transaction.get(Subject, subject, with_for_update=True) is not None  # what is being saved of them is waited for
        names = set(transaction.scalars(select(Participant.person).where(Participant.subject == subject))) - {EVERYBODY}
        erased = {**_erase_sessions(transaction, store, subject), "jobs": jobs}
        erased["consents"] = len(list(transaction.scalars(select(Consent.id).where(Consent.subject == subject))))
        erased["voices"] = sum(_erase_voice(voices, name) for name in {subject, *names})
        if not known and not any(erased.values()):
            return None
        transaction.execute(delete(Subject).where(Subject.id == subject))  # consents and participations with it
        hidden = pseudonym(store, subject)
        entry = append(transaction, ERASED, who=by, detail={"subject": hidden, "erased": erased})
        told = {"receipt": RECEIPT, "subject": hidden, "at": entry.at, "erased": erased}
        receipt = sign(store, {**told, "audit": {"number": entry.number, "hash": entry.hash}})
    store.settle()
    return receipt


def _erase_sessions(transaction: Transaction, store: Store, subject: str) -> dict[str, int]:
    theirs = select(Participant.session).where(Participant.subject == subject)
    sessions = list(transaction.scalars(select(Session.id).where(Session.id.in_(theirs)).order_by(Session.id).with_for_update()))
    erased = {"sessions": 0, "readings": 0, "feedback": 0, "media": 0}
    for session in sessions:
        goes = _goes_with(transaction, session, subject)
        gone = (StoredReading.session == session) & goes
        alone = not _others_in(transaction, session, subject, goes=goes)
        judged = True if alone else Feedback.number.in_(select(StoredReading.number).where(gone))
        erased["feedback"] += _delete(transaction, Feedback, (Feedback.session == session) & judged)
        if alone:
            erased["readings"] += _delete(transaction, StoredReading, StoredReading.session == session)
            erased["media"] += remove_sessions(transaction, store, [session])
            erased["sessions"] += 1
        else:
            erased["media"] += remove_media(transaction, store, session)
            _keep_others(transaction, session, goes=goes)
            erased["readings"] += _delete(transaction, StoredReading, gone)
    return erased


def _goes_with(transaction: Transaction, session: str, subject: str) -> ColumnElement[bool]:
    """Which readings of a session go with a person: theirs, those of nobody in particular, and those that speak for all.

    Where the name that the person was given is none of the timeline's, as where a voice was found to be "speaker 1", they may be anybody
    of whom nobody said who they are.
    """
    mine = func.coalesce(StoredReading.subject, "") == subject
    nobody = StoredReading.who.is_(None) & (StoredReading.subject.is_(None) | StoredReading.fused)
    found = transaction.scalar(select(StoredReading.number).where(StoredReading.session == session, mine).limit(1))
    return mine | nobody | StoredReading.subject.is_(None) if found is None else mine | nobody


def _others_in(transaction: Transaction, session: str, subject: str, *, goes: ColumnElement[bool]) -> bool:
    named = select(Participant.person).where(Participant.session == session, Participant.subject != subject).limit(1)
    read = select(StoredReading.number).where(StoredReading.session == session, not_(goes)).limit(1)
    return transaction.scalar(named) is not None or transaction.scalar(read) is not None


def _delete(transaction: Transaction, table: type[Table], chosen: Any) -> int:
    """How many rows were deleted."""
    many = transaction.scalar(select(func.count()).select_from(table).where(chosen)) or 0
    transaction.execute(delete(table).where(chosen).execution_options(synchronize_session=False))
    return many


def _keep_others(transaction: Transaction, session: str, *, goes: ColumnElement[bool]) -> None:
    """Leaves beside the readings of a session only what is of others."""
    row = transaction.get_one(Session, session)
    mine = select(StoredReading).where(StoredReading.session == session)
    others = list(transaction.scalars(mine.where(not_(goes))))
    gone = list(transaction.scalars(mine.where(goes)))
    row.name = ""  # it may name anybody
    row.timeline = {**part_of(row.timeline, stays=others, goes=gone), "source": row.origin}
    transaction.flush()


def _erase_voice(voices: MutableMapping[str, Any], name: str) -> bool:
    try:
        del voices[name]
    except KeyError:
        return False
    return True


def _erase_jobs(transaction: Transaction, store: Store, subject: str) -> int:
    """Deletes the jobs that name a person, with their files; one that runs finds itself gone when it ends."""
    chosen = select(Job).options(load_only(Job.request, Job.path, Job.result_path))
    found = [job for job in transaction.scalars(chosen) if _names(job.request, subject)]
    for job in found:
        for path in (job.path, job.result_path):
            remove_file(store, path)
        remove_written(store, job.id)
        transaction.delete(job)
    transaction.flush()
    return len(found)


def _names(given: Any, subject: str) -> bool:
    """Whether `subjects` anywhere in a request holds a person."""
    if isinstance(given, Mapping):
        named = given.get("subjects")
        return (isinstance(named, Mapping) and subject in named.values()) or any(_names(one, subject) for one in given.values())
    return isinstance(given, list) and any(_names(one, subject) for one in given)
