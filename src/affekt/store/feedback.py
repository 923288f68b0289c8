"""What people say that readings should have said; where words are kept, rows to train on."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from affekt.errors import InputError
from affekt.store.database import Store
from affekt.store.tables import Feedback, Session, StoredReading, new_id, now


def give_feedback(store: Store, session: str, *, number: int, labels: Sequence[str], comment: str, key: str) -> Feedback:
    """Puts on record what a reading should have said.

    Args:
        number: of the reading in the timeline; fused ones follow the others.
        labels: that apply, of the session's label set.
        key: id of the caller who says so.

    Raises:
        InputError: the session has no such reading.
    """
    given = Feedback(id=new_id("feedback"), session=session, number=number, labels=list(labels), comment=comment, key=key, created=now())
    with store.writes() as transaction:
        transaction.get(Session, session, with_for_update={"read": True})  # or the reading could be erased at this moment
        if transaction.get(StoredReading, (session, number)) is None:
            raise InputError(f"no reading {number} in session {session}; they are counted from 0, and fused ones follow the others")
        transaction.add(given)
    return given


def list_feedback(store: Store, *, session: str | None = None, after: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Feedback, the oldest first, with the reading that it is of, and its words where these are kept.

    Args:
        session: id of the session that it is of; None: of any.
        after: id of the feedback before the first.

    Raises:
        InputError: the feedback that `after` names is not there any more.
    """
    judged = (StoredReading.session == Feedback.session) & (StoredReading.number == Feedback.number)
    joined = select(Feedback, StoredReading, Session).join(StoredReading, judged).join(Session, Session.id == Feedback.session)
    chosen = joined.order_by(Feedback.created, Feedback.id).limit(limit)
    if session is not None:
        chosen = chosen.where(Feedback.session == session)
    with store.reads() as transaction:
        if after is not None:
            if (last := transaction.get(Feedback, after)) is None:
                raise InputError(f"no feedback {after} to go on after; it was deleted, so begin anew")
            later = (Feedback.created > last.created) | ((Feedback.created == last.created) & (Feedback.id > last.id))
            chosen = chosen.where(later)
        return [_told(one, reading, whole) for one, reading, whole in transaction.execute(chosen)]


def training_rows(store: Store, *, session: str | None = None) -> Iterator[dict[str, Any]]:
    """Rows that `affekt train` takes, one a feedback on a reading whose words are kept. Args: session, as of `list_feedback`."""
    after = None
    while page := list_feedback(store, session=session, after=after, limit=500):
        for one in page:
            if one["text"] is not None:
                yield {"text": one["text"], "labels": one["labels"], "dialogue": one["session"]}
        after = page[-1]["id"]


def _told(one: Feedback, reading: StoredReading, session: Session) -> dict[str, Any]:
    span, transcript = reading.data.get("span"), session.timeline.get("transcript")
    text = transcript[slice(*span)] if span and transcript is not None else reading.data.get("words")
    return {
        **{name: getattr(one, name) for name in ("id", "session", "number", "labels", "comment", "key", "created")},
        "set": session.labels,
        "read": reading.top,
        "modality": reading.modality,
        "text": (text or "").strip() or None,
    }
