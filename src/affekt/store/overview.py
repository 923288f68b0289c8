"""What a list of sessions says of each beside its row, counted in a few queries for all of them."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from affekt.results import MODALITIES, Modality
from affekt.store.database import Store
from affekt.store.tables import Media, Participant, Session, StoredReading


@dataclass(slots=True)
class Overview:
    """A session in numbers.

    Args:
        readings, abstained: of single modalities; those that were fused of them count no second time.
        people: whom the timeline names.
        modalities: of its readings.
        top: the label that applied and was likeliest for the longest time, and its share of the time in which any did, in [0, 1]; of
            readings that take none, as those of an image, the most frequent one. Where there are fused readings, of these. None: no
            reading was sure enough, or no label applied.
        marks: moments that people marked.
        media_until: when its sound, image or video is deleted; None: none is kept.
        subjects: ids of the people who are in it.
    """

    readings: int = 0
    abstained: int = 0
    people: int = 0
    modalities: tuple[Modality, ...] = ()
    top: tuple[str, float] | None = None
    marks: int = 0
    media_until: datetime | None = None
    subjects: list[str] = field(default_factory=list)


def overviews(store: Store, sessions: Collection[str]) -> dict[str, Overview]:
    """The overview of each of some sessions, by their ids."""
    found = {session: Overview() for session in sessions}
    kind = (StoredReading.session, StoredReading.fused, StoredReading.modality, StoredReading.top, StoredReading.abstained)
    counted = select(*kind, func.count(), func.sum(StoredReading.end - StoredReading.start)).group_by(*kind)
    told = select(Session.id, Session.timeline["people"], Session.timeline["marks"]).where(Session.id.in_(found))
    took_part = select(Participant.session, Participant.subject).distinct().order_by(Participant.subject)
    with store.reads() as transaction:
        groups: dict[str, list[Any]] = defaultdict(list)
        for session, *group in transaction.execute(counted.where(StoredReading.session.in_(found))):
            groups[session].append(group)
        for session, people, marks in transaction.execute(told):
            found[session].people, found[session].marks = len(people or ()), len(marks or ())
        for session, until in transaction.execute(select(Media.session, Media.until).where(Media.session.in_(found))):
            found[session].media_until = until
        for session, subject in transaction.execute(took_part.where(Participant.session.in_(found))):
            found[session].subjects.append(subject)
    for session, mine in groups.items():
        _count(found[session], mine)
    return found


def _count(overview: Overview, groups: list[Any]) -> None:
    """Args: groups, of readings: whether fused, modality, label (the likeliest that applies), whether they abstain, how many, how long."""
    counts: dict[str, float] = defaultdict(float)
    times: dict[str, float] = defaultdict(float)
    fused = any(modality == "fused" for _, modality, *_ in groups)
    for whole, modality, top, abstained, many, length in groups:
        if not whole:
            overview.readings += many
            overview.abstained += many * abstained
        if (modality == "fused" if fused else not whole) and top is not None and not abstained:
            counts[top] += many
            times[top] += length
    present = {modality for _, modality, *_ in groups}
    overview.modalities = tuple(one for one in MODALITIES if one in present)
    shares = times if any(times.values()) else counts
    if shares:
        label = max(sorted(shares), key=shares.__getitem__)
        overview.top = label, round(shares[label] / sum(shares.values()), 4)
