"""The readings of saved sessions, as trends over days take them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import func, select

from affekt.results import Modality
from affekt.store.database import Store
from affekt.store.sessions import Chosen, chosen_sessions
from affekt.store.tables import Session, StoredReading
from affekt.trends import Observed

AT_ONCE = 1000  # rows that are fetched together


@dataclass(frozen=True, slots=True)
class Window:
    """Of which sessions readings are looked at.

    Args:
        key: id of the caller who saved them; None: anybody.
        subject: id of a person: only what is of them.
        since, until: when they were saved; without a time zone: in UTC.
        modality: of the readings; None: those that were fused, in sessions that have any, else all.
    """

    key: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    modality: Modality | None = None


def label_sets(store: Store, window: Window) -> dict[str, int]:
    """How many sessions of a window speak each label set, the most frequent first."""
    inner = chosen_sessions(select(Session.id), key=window.key, subject=window.subject, since=window.since, until=window.until)
    counted = select(Session.labels, func.count()).where(
        Session.id.in_(inner), Session.id.in_(_wanted(select(StoredReading.session), window))
    )
    with store.reads() as transaction:
        return {
            row[0]: row[1] for row in transaction.execute(counted.group_by(Session.labels).order_by(func.count().desc(), Session.labels))
        }


def observations(store: Store, window: Window, *, labels: str, zone: tzinfo) -> Iterator[Observed]:
    """The readings of a window that speak a label set, session by session.

    Args:
        zone: by whose clock days begin.
    """
    parts = (StoredReading.data["scores"], StoredReading.data["valence"].as_float(), StoredReading.data["arousal"].as_float())
    columns = select(Session.id, Session.created, StoredReading.modality, StoredReading.end - StoredReading.start, *parts)
    joined = columns.join(StoredReading, StoredReading.session == Session.id).where(Session.labels == labels)
    chosen = chosen_sessions(joined, key=window.key, subject=window.subject, since=window.since, until=window.until)
    chosen = _wanted(chosen, window).order_by(Session.created, Session.id, StoredReading.number)
    with store.reads() as transaction:
        for session, created, modality, length, *told in transaction.execute(chosen.execution_options(yield_per=AT_ONCE)):
            yield Observed(session, created.astimezone(zone).date(), modality == "fused", length, *told)


def _wanted(chosen: Chosen, window: Window) -> Chosen:
    """Only the readings of the modality and person that are wanted; the summary of a long text is no reading beside its own."""
    if window.subject is not None:
        chosen = chosen.where(StoredReading.subject == window.subject)
    if window.modality is not None:
        chosen = chosen.where(StoredReading.modality == window.modality)
    return chosen.where(~StoredReading.fused | (StoredReading.modality == "fused"))
