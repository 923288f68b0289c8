"""The database, opened and brought up to date: SQLite in a folder, or whatever a URL names."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from affekt.errors import StoreError

FILE = "affekt.sqlite"
BUSY = 30  # seconds that a write waits for another to end
UPGRADING = 0x61666666  # of PostgreSQL's advisory locks; that of the audit log is the one before
SETTLING, TRIES = 0.2, 5  # seconds that cutting off the log waits each time, and until it is tried again; 2 s together
MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Store:
    """An open database, and the folder beside it for files; may be used from several threads.

    Args:
        engine: of SQLAlchemy.
        folder: for what is no row: files of jobs, media, the signing key.
    """

    engine: Engine
    folder: Path

    @contextmanager
    def reads(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writes(self) -> Iterator[Session]:
        """A transaction that writes, all of it or nothing; of SQLite one at a time."""
        with Session(self.engine.execution_options(writes=True), expire_on_commit=False) as session, session.begin():
            yield session

    def settle(self) -> None:
        """Has what was deleted gone from the files of SQLite: its log, which still holds it, is written out and cut off.

        Where somebody reads for longer than it waits, the next call does it; a sweep calls it every hour.
        """
        if self.engine.dialect.name == "sqlite":
            connection = self.engine.raw_connection()
            cursor = connection.cursor()
            try:
                cursor.execute(f"PRAGMA busy_timeout={round(SETTLING * 1000)}")  # while it waits for those who read, nobody can write
                for _ in range(TRIES):
                    busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    if not busy:
                        break
                    time.sleep(SETTLING)
            finally:
                cursor.execute(f"PRAGMA busy_timeout={BUSY * 1000}")
                connection.close()

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def open_store(folder: str | Path, *, url: str = "") -> Store:
    """The database of a server, made or brought up to date where that is needed.

    Args:
        folder: the server's data folder; made where it is not there, for its owner alone, as is the database in it.
        url: as SQLAlchemy has it; empty: SQLite in the folder, which several processes of one machine may share.

    Raises:
        StoreError: the folder cannot be written, or the database cannot be reached, or is of a newer version.
    """
    folder = Path(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not url and not (folder / FILE).exists():
            (folder / FILE).touch(mode=0o600)  # SQLite makes it for everybody to read, and its log like it
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be written: {error.strerror}; name another with --folder (AFFEKT_FOLDER)") from error
    engine = _engine(folder, url)
    try:
        with engine.execution_options(writes=True).begin() as connection:
            _upgrade(connection)
    except SQLAlchemyError as error:
        where = make_url(url).render_as_string(hide_password=True) if url else str(folder / FILE)
        raise StoreError(f"the database {where} cannot be used: {_first(error)}; is it running, and may this user write there?") from error
    return Store(engine, folder)


def _engine(folder: Path, url: str) -> Engine:
    try:
        wanted = make_url(url or f"sqlite:///{folder / FILE}")
        if wanted.get_backend_name() == "sqlite":
            engine = create_engine(wanted, connect_args={"timeout": BUSY, "isolation_level": None})
            event.listen(engine, "connect", _prepare)
            event.listen(engine, "begin", _begin)
            return engine
        return create_engine(wanted, pool_pre_ping=True)
    except (ArgumentError, ImportError, TypeError) as error:
        raise StoreError(
            f"no database can be opened by this URL: {_first(error)}; it is sqlite:///path or postgresql+psycopg://user:word@host/name, "
            "and PostgreSQL needs: pip install 'affekt[postgresql]'"
        ) from error


def _prepare(connection: Any, _record: object) -> None:
    """WAL lets reads go on while something is written; NORMAL loses nothing when the process dies (sqlite.org/wal.html)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)  # SQLite's own knows ASCII alone


def _begin(connection: Connection) -> None:
    """A transaction that will write takes its turn at once; one that begins by reading could not be let in later."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    if connection.dialect.name == "postgresql":  # of servers that start at the same time one makes the tables, and the others wait
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADING})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"the database is of another version of Affekt ({error}); use that version, or another database") from error


def _first(error: Exception) -> str:
    """What a driver says, without the statement."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
