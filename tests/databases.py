"""The databases that tests of the store run on: SQLite, and PostgreSQL where its programs are at hand."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

from affekt.store.database import Store, open_store

PLACES = ("/usr/local/bin", "/usr/lib/postgresql/*/bin", "/opt/homebrew/bin", "/usr/local/pgsql/bin")
OPTIONS = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c shared_buffers=16MB"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL server that lives as long as the tests, without the name of a database."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb and pg_ctl in the usual places; tests on SQLite run")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed; it comes with the postgresql extra")
    folder = Path(tempfile.mkdtemp(prefix="affekt-pg-"))  # the name of a socket may be 107 characters long, which pytest's own exceed
    user = _user(folder)
    try:
        _run(user, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "affekt", "--no-sync", "-E", "UTF8", "--locale=C")
        _run(user, programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-o", f"{OPTIONS} -k {folder}", "-w", "start")
        try:
            yield f"postgresql+psycopg://affekt@/{{}}?host={folder}"
        finally:
            _run(user, programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """URL of a new and empty database; empty: SQLite in the server's folder."""
    return "" if request.param == "sqlite" else new_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    """A new store on each of the databases."""
    opened = open_store(tmp_path / "data", url=database)
    yield opened
    opened.close()


def new_database(server: str) -> str:
    """URL of a new database of a server."""
    from sqlalchemy import create_engine, text

    name = f"affekt_{uuid4().hex}"
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.format(name)


def _programs() -> Path | None:
    found = (folder for place in PLACES for folder in Path("/").glob(place.removeprefix("/")))
    real = ((folder / "initdb").resolve().parent for folder in found if (folder / "initdb").exists())
    return next((folder for folder in real if (folder / "pg_ctl").exists() and (folder / "postgres").exists()), None)


def _user(folder: Path) -> str | None:
    """Who runs PostgreSQL, which refuses to be run by root; None: who runs the tests."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, found.pw_uid, found.pw_gid)
        return name
    pytest.skip("PostgreSQL refuses to be run by root, and there is no user postgres or nobody; tests on SQLite run")


def _run(user: str | None, *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the server holds what it inherits, so that no pipe would end
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"PostgreSQL cannot be run here: {Path(str(command[0])).name} ended with {done.returncode}; tests on SQLite run")
