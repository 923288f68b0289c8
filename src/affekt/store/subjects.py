"""People whose emotions are read, by the ids that the callers' own records give them, and what they agreed to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as Transaction

from affekt.errors import InputError, PolicyRefused
from affekt.results import Modality
from affekt.store.audit import ERASED, append
from affekt.store.database import Store
from affekt.store.signing import pseudonym
from affekt.store.tables import Audit, Consent, Feedback, Media, Participant, StoredReading, Subject, new_id, now


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a person, in numbers."""

    sessions: int
    readings: int
    media: int
    feedback: int


def ensure_subjects(transaction: Transaction, subjects: Iterable[str]) -> None:
    """Has the people of these ids on record, new ones from now on; another server may add them at the same time."""
    rows = [{"id": one, "created": now()} for one in sorted(set(subjects))]
    if not rows:
        return
    insert = postgresql.insert if transaction.get_bind().dialect.name == "postgresql" else sqlite.insert
    transaction.execute(insert(Subject).on_conflict_do_nothing(), rows)


def check_not_erased(transaction: Transaction, store: Store, subjects: Iterable[str], *, since: int) -> None:
    """Nothing, where nobody of these was erased lately; what was read of somebody before is not to bring them back.

    Args:
        since: number of the last entry of the audit log when their reading began.

    Raises:
        PolicyRefused: somebody was.
    """
    erased = set(transaction.scalars(select(Audit.detail["subject"].as_string()).where(Audit.number > since, Audit.action == ERASED)))
    if erased and not erased.isdisjoint(pseudonym(store, one) for one in subjects):
        raise PolicyRefused("somebody who is named in subjects was erased while this was read; nothing of it is saved")


def put_subject(store: Store, subject: str) -> Subject:
    """The person of this id, on record from now on."""
    with store.writes() as transaction:
        ensure_subjects(transaction, [subject])
        return transaction.get_one(Subject, subject)


def find_subject(store: Store, subject: str) -> Subject | None:
    """The person of this id; None: nobody on record."""
    with store.reads() as transaction:
        return transaction.get(Subject, subject)


def list_subjects(store: Store, *, after: str = "", limit: int = 100, part: str | None = None) -> list[Subject]:
    """People in order of their ids.

    Args:
        after: the id before the first.
        part: is in their ids, in capital letters or small ones (in PostgreSQL, of those that its locale knows).
    """
    chosen = select(Subject).where(Subject.id > after).order_by(Subject.id).limit(limit)
    with store.reads() as transaction:
        return list(transaction.scalars(chosen if part is None else chosen.where(Subject.id.icontains(part, autoescape=True))))


def kept_of(store: Store, subject: str) -> Kept:
    """What is kept of a person."""
    theirs = select(Participant.session).where(Participant.subject == subject)
    readings = StoredReading.subject == subject
    judged = select(Feedback.id).join(
        StoredReading, (StoredReading.session == Feedback.session) & (StoredReading.number == Feedback.number) & readings
    )
    with store.reads() as transaction:
        return Kept(
            sessions=transaction.scalar(select(func.count(func.distinct(Participant.session))).where(Participant.subject == subject)) or 0,
            readings=transaction.scalar(select(func.count()).select_from(StoredReading).where(readings)) or 0,
            media=transaction.scalar(select(func.count()).select_from(Media).where(Media.session.in_(theirs))) or 0,
            feedback=transaction.scalar(select(func.count()).select_from(judged.subquery())) or 0,
        )


def give_consent(store: Store, subject: str, *, purpose: str, modalities: Sequence[Modality], how: str, by: str) -> Consent:
    """Puts on record that a person agreed; who was not on record is from now on.

    Args:
        purpose: one of `affekt.settings.Purpose`.
        how: where and how they agreed, as the caller's records have it.
        by: who says so, for the audit log.
    """
    told = sorted(set(modalities))
    consent = Consent(id=new_id("consent"), subject=subject, purpose=purpose, modalities=told, how=how, given=now())
    with store.writes() as transaction:
        ensure_subjects(transaction, [subject])
        transaction.add(consent)
        transaction.flush()
        detail = {"subject": pseudonym(store, subject), "consent": consent.id, "purpose": purpose, "modalities": told}
        append(transaction, "consent.given", who=by, detail=detail)
    return consent


def withdraw_consent(store: Store, subject: str, consent: str, *, by: str) -> Consent | None:
    """The consent, which holds no more from now on; None: this person gave no such consent."""
    with store.writes() as transaction:
        found = transaction.get(Consent, consent)
        if found is None or found.subject != subject:
            return None
        if found.withdrawn is None:
            found.withdrawn = now()
            transaction.flush()
            append(transaction, "consent.withdrawn", who=by, detail={"subject": pseudonym(store, subject), "consent": consent})
    return found


def consents_of(store: Store, subject: str) -> list[Consent]:
    """What a person agreed to, the oldest first, what was withdrawn included."""
    with store.reads() as transaction:
        return list(transaction.scalars(select(Consent).where(Consent.subject == subject).order_by(Consent.given, Consent.id)))


def without_consent(store: Store, subjects: Iterable[str], *, purpose: str, modalities: Iterable[Modality]) -> list[str]:
    """Those of the people who have not agreed to all of these modalities for this purpose, or do no more.

    Raises:
        InputError: more than 500 people are asked about at once.
    """
    wanted, asked = set(modalities), sorted(set(subjects))
    if len(asked) > 500:
        raise InputError(f"{len(asked)} people at once; at most 500 are asked about")
    agreed: dict[str, set[str]] = {one: set() for one in asked}
    chosen = select(Consent).where(Consent.subject.in_(asked), Consent.purpose == purpose, Consent.withdrawn.is_(None))
    with store.reads() as transaction:
        for consent in transaction.scalars(chosen):
            agreed[consent.subject].update(consent.modalities)
    return [one for one in asked if not wanted <= agreed[one]]
