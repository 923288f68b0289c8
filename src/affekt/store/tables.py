"""The tables of the database. Times are UTC; ids are random and say nothing."""

from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = 40  # characters at most


class Utc(TypeDecorator[datetime]):
    """A moment in UTC, also where the database keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (the library's)
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Table(DeclarativeBase):
    """What all tables share: how Python's types are kept."""

    type_annotation_map = {datetime: Utc(), dict[str, Any]: JSON(), list[Any]: JSON()}  # noqa: RUF012 (the library's)


def now() -> datetime:
    """The moment that is now, in UTC."""
    return datetime.now(UTC)


def new_id(kind: str) -> str:
    """A random id, as "job_Xq3…": 96 bits."""
    return f"{kind}_{token_urlsafe(12)}"


class Key(Table):
    """A key that callers show; only its hash is kept."""

    __tablename__ = "keys"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))  # reader | analyst | admin, see keys.ROLES
    hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of the key, which is random, so it needs no salt
    created: Mapped[datetime]
    revoked: Mapped[datetime | None]
    last_used: Mapped[datetime | None]


class Subject(Table):
    """A person, by the id that the caller's own records give."""

    __tablename__ = "subjects"
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    created: Mapped[datetime]


class Consent(Table):
    """That a person agreed to something, or does no more."""

    __tablename__ = "consents"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    subject: Mapped[str] = mapped_column(ForeignKey("subjects.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(40))
    modalities: Mapped[list[Any]]  # of text, speech, face
    how: Mapped[str] = mapped_column(Text, default="")  # where it is on record
    given: Mapped[datetime]
    withdrawn: Mapped[datetime | None]


class Session(Table):
    """One source that was read and saved: a file, a text or a stream."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    key: Mapped[str | None] = mapped_column(String(ID), index=True)  # of who saved it
    once: Mapped[str | None] = mapped_column(String(200))  # the caller's own id: the same again is the same session
    sent: Mapped[str | None] = mapped_column(String(64))  # what they sent with it, by a hash that only this server can make
    name: Mapped[str] = mapped_column(Text, default="")
    origin: Mapped[str] = mapped_column(String(20))  # read | job | stream | given
    labels: Mapped[str] = mapped_column(String(100))
    unit: Mapped[str] = mapped_column(String(20))
    duration: Mapped[float]
    purpose: Mapped[str] = mapped_column(String(40))
    created: Mapped[datetime] = mapped_column(index=True)
    timeline: Mapped[dict[str, Any]]  # all but its readings, and but the words where these are not kept
    text_until: Mapped[datetime | None]  # when words are deleted; None: there are none
    __table_args__ = (UniqueConstraint("key", "once", name="sessions_once"),)


class Participant(Table):
    """That a person is in a session, and what the timeline calls them."""

    __tablename__ = "participants"
    session: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    person: Mapped[str] = mapped_column(String(200), primary_key=True)  # as the timeline has it; "*": everybody who has no other row
    subject: Mapped[str] = mapped_column(ForeignKey("subjects.id", ondelete="CASCADE"), index=True)


class StoredReading(Table):
    """One reading of a session."""

    __tablename__ = "readings"
    session: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # in order of the timeline; fused ones follow
    fused: Mapped[bool]
    modality: Mapped[str] = mapped_column(String(10))
    start: Mapped[float]
    end: Mapped[float]
    who: Mapped[str | None] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(String(200))
    top: Mapped[str | None] = mapped_column(String(100))  # the likeliest label that applies
    abstained: Mapped[bool]
    data: Mapped[dict[str, Any]]  # as `Reading.to_dict`
    __table_args__ = (Index("readings_subject", "subject"),)


class Feedback(Table):
    """What a person says a reading should have said."""

    __tablename__ = "feedback"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    session: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]  # of the reading
    labels: Mapped[list[Any]]  # that apply
    comment: Mapped[str] = mapped_column(Text, default="")
    key: Mapped[str | None] = mapped_column(String(ID))
    created: Mapped[datetime]


class Media(Table):
    """A file of a saved session, where these are kept."""

    __tablename__ = "media"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    session: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(Text)  # below the data folder
    until: Mapped[datetime]


class Job(Table):
    """A file that is read while nobody waits."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    key: Mapped[str] = mapped_column(String(ID), index=True)  # of who asked for it, or "open"
    once: Mapped[str | None] = mapped_column(String(200))  # the caller's own id: the same again is the same job
    state: Mapped[str] = mapped_column(String(12), index=True)  # waiting | running | done | failed | cancelled
    request: Mapped[dict[str, Any]]
    path: Mapped[str | None] = mapped_column(Text)  # of its file, below the data folder; it is deleted when the job has ended
    created: Mapped[datetime]
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    progress: Mapped[float] = mapped_column(default=0.0)  # in [0, 1]
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(ID))  # who runs it
    alive: Mapped[datetime | None]  # when that worker last said so
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # why it failed or lost its result, see RFC 9457
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # a timeline, or the summary of a table
    result_path: Mapped[str | None] = mapped_column(Text)  # of a table that was written, below the data folder
    __table_args__ = (UniqueConstraint("key", "once", name="jobs_once"),)


class Audit(Table):
    """One entry of the log that is only ever added to; each holds the hash of the one before it."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1, without gaps
    at: Mapped[str] = mapped_column(String(40))  # ISO 8601, UTC; text, for it is hashed
    who: Mapped[str] = mapped_column(String(ID))  # id of a key, "open" or "server"
    action: Mapped[str] = mapped_column(String(60))
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
