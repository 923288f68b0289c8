"""The audit log cannot be changed unseen, keys and consents leave their marks in it, and it names nobody."""

import json
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from affekt.errors import InputError, StoreError
from affekt.store.audit import FIRST, HOUR, Counted, append, entries, hash_of, verify
from affekt.store.database import UPGRADING, Store, open_store
from affekt.store.keys import any_keys, find_key, make_first_key, make_key, revoke_key
from affekt.store.signing import FILE as KEY
from affekt.store.signing import is_signed, pseudonym, public_key, sign
from affekt.store.subjects import give_consent, withdraw_consent
from affekt.store.tables import Audit
from databases import new_database


def add(store: Store, many: int = 1) -> None:
    for number in range(many):
        with store.writes() as session:
            append(session, "test.done", who="server", detail={"number": number, "word": "é😀", "list": [1, None, True, 0.1]})


def meddle(store: Store, statement: str) -> None:
    """What somebody does who can write the database, and knows how to get rid of the triggers."""
    sqlite = store.engine.dialect.name == "sqlite"
    off = ["DROP TRIGGER audit_update", "DROP TRIGGER audit_delete"] if sqlite else ["ALTER TABLE audit DISABLE TRIGGER audit_kept"]
    with store.writes() as session:
        for one in (*off, statement):
            session.execute(text(one))


def test_a_log_that_nobody_touched_is_whole(store: Store) -> None:
    assert verify(store) == verify(store, holds=FIRST) and verify(store).entries == 0
    add(store, 5)
    found = verify(store)
    assert found.entries == 5 and found.problem is None and found.last == entries(store)[-1].hash
    assert [one.number for one in entries(store)] == [1, 2, 3, 4, 5] and entries(store)[0].previous == FIRST
    assert [one.number for one in entries(store, after=2, limit=2)] == [3, 4]


def test_the_log_is_told_from_either_end(store: Store) -> None:
    add(store, 5)
    with store.writes() as session:
        append(session, "test.begun", who="server", detail={})
    assert [one.number for one in entries(store, before=7, limit=3)] == [6, 5, 4]
    assert [one.number for one in entries(store, before=4)] == [3, 2, 1] and entries(store, before=1) == []
    assert [one.number for one in entries(store, after=2, before=5)] == [4, 3]
    assert [one.number for one in entries(store, before=100, action="test.begun")] == [6]
    assert [one.number for one in entries(store, before=6, action="test.done", limit=1)] == [5]


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE number = 2"])
def test_the_database_refuses_to_change_the_log(store: Store, statement: str) -> None:
    add(store, 3)
    with pytest.raises(SQLAlchemyError), store.writes() as session:
        session.execute(text(statement))
    assert verify(store).entries == 3 and verify(store).problem is None


@pytest.mark.parametrize(
    ("statement", "entry", "what"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE number = 3", 3, "changed"),
        ("UPDATE audit SET at = '2020-01-01T00:00:00.000+00:00' WHERE number = 1", 1, "changed"),
        ("UPDATE audit SET detail = '{}' WHERE number = 2", 2, "changed"),
        ("UPDATE audit SET action = 'test.undone' WHERE number = 5", 5, "changed"),
        ("DELETE FROM audit WHERE number = 2", 2, "missing"),
        ("DELETE FROM audit WHERE number = 1", 1, "missing"),
        ("UPDATE audit SET previous = hash WHERE number = 4", 4, "follow"),
    ],
)
def test_a_change_past_the_database_is_found(store: Store, statement: str, entry: int, what: str) -> None:
    add(store, 5)
    meddle(store, statement)
    found = verify(store)
    assert found.problem is not None and f"entry {entry}" in found.problem and what in found.problem and found.entries == entry - 1


def test_an_entry_that_was_changed_together_with_its_hash_is_found(store: Store) -> None:
    add(store, 4)
    with store.reads() as session:
        one = session.get_one(Audit, 2)
    one.who = "nobody"
    meddle(store, f"UPDATE audit SET who = 'nobody', hash = '{hash_of(one)}' WHERE number = 2")
    found = verify(store)
    assert found.entries == 2 and found.problem is not None and "entry 3 does not follow" in found.problem


def test_a_hash_kept_elsewhere_tells_that_the_end_was_cut_off(store: Store) -> None:
    add(store, 4)
    kept = verify(store).last
    add(store)
    assert verify(store, holds=kept).problem is None
    meddle(store, "DELETE FROM audit WHERE number >= 4")
    assert verify(store).problem is None
    cut = verify(store, holds=kept).problem
    assert cut is not None and kept in cut


def test_many_at_once_make_one_chain(store: Store) -> None:
    threads = [threading.Thread(target=add, args=(store, 10)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert verify(store).entries == 40 and verify(store).problem is None


def test_of_servers_that_start_at_the_same_time_one_makes_the_tables(postgresql: str, tmp_path: Path) -> None:
    url, made = new_database(postgresql), list[Store]()
    engine = create_engine(url)
    with engine.begin() as first:
        first.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADING})
        second = threading.Thread(target=lambda: made.append(open_store(tmp_path, url=url)))
        second.start()
        second.join(1.0)
        assert made == []
    second.join()
    engine.dispose()
    made[0].close()


def test_an_entry_belongs_to_what_it_tells_of(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writes() as session:
        append(session, "test.done", who="server", detail={})
        raise RuntimeError
    assert verify(store).entries == 0


def test_what_happens_at_every_call_is_logged_once_an_hour(store: Store) -> None:
    counted = Counted(store)
    for second in range(100):
        counted.count("policy.refused", who="key_1", detail={"setting": "workplace"}, at=float(second))
    counted.count("policy.refused", who="key_2", detail={"setting": "workplace"}, at=100.0)
    assert [(one.who, one.detail["calls"]) for one in entries(store)] == [("key_1", 1), ("key_2", 1)]
    counted.count("policy.refused", who="key_1", detail={"setting": "workplace"}, at=HOUR)
    assert entries(store)[-1].detail == {"setting": "workplace", "calls": 100}
    counted.count("policy.refused", who="key_1", detail={"setting": "workplace"}, at=HOUR + 1)
    counted.close()
    assert [one.detail["calls"] for one in entries(store) if one.who == "key_1"] == [1, 100, 1]


def test_keys_leave_marks_without_their_words(store: Store) -> None:
    key, word = make_key(store, "Anna's desk", role="admin", by="open")
    make_key(store, "other", role="admin")
    revoke_key(store, key.id, by="key_x")
    assert [(one.action, one.who) for one in entries(store)] == [("key.made", "open"), ("key.made", "server"), ("key.revoked", "key_x")]
    kept = json.dumps([one.detail for one in entries(store)])
    assert word not in kept and "Anna" not in kept and key.id in kept


def test_the_first_key_is_made_once(store: Store) -> None:
    word = make_first_key(store)
    assert word is not None and make_first_key(store) is None and any_keys(store)
    found = find_key(store, word)
    assert found is not None and found.role == "admin"
    with pytest.raises(InputError, match="last key of an admin"):
        revoke_key(store, found.id)


def test_consents_leave_marks_that_name_nobody(store: Store) -> None:
    consent = give_consent(store, "anna@example.org", purpose="research", modalities=["face", "speech"], how="on paper", by="key_1")
    assert withdraw_consent(store, "somebody else", consent.id, by="key_1") is None
    withdraw_consent(store, "anna@example.org", consent.id, by="key_1")
    withdraw_consent(store, "anna@example.org", consent.id, by="key_1")
    assert [one.action for one in entries(store)] == ["consent.given", "consent.withdrawn"]
    kept = json.dumps([one.detail for one in entries(store)])
    assert "anna" not in kept and "paper" not in kept and pseudonym(store, "anna@example.org") in kept


def test_a_pseudonym_needs_the_secret_of_the_store(tmp_path: Path, store: Store) -> None:
    other = open_store(tmp_path / "other")
    assert pseudonym(store, "anna") == pseudonym(store, "anna") != pseudonym(store, "bob")
    assert pseudonym(store, "anna") != pseudonym(other, "anna")
    other.close()


def test_the_signing_key_is_for_its_owner_alone(store: Store) -> None:
    signed = sign(store, {"a": 1, "b": "é"})
    assert is_signed(signed, key=public_key(store)) and stat.S_IMODE((store.folder / KEY).stat().st_mode) == 0o600
    assert [one.name for one in store.folder.iterdir() if "key" in one.name] == [KEY]


def test_the_database_in_a_folder_that_others_may_enter_is_for_its_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    opened = open_store(tmp_path)
    add(opened)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in tmp_path.glob("affekt.sqlite*")} == dict.fromkeys(
        ("affekt.sqlite", "affekt.sqlite-wal", "affekt.sqlite-shm"), 0
    )
    opened.close()


@pytest.mark.parametrize("change", [{"a": 2}, {"c": 1}, {"signature": ""}, {"signature": "no Base64"}, {"signature": None}])
def test_what_was_changed_is_not_signed(store: Store, change: dict[str, Any]) -> None:
    assert not is_signed({**sign(store, {"a": 1}), **change}, key=public_key(store))


def test_a_broken_key_is_said_to_be_one(tmp_path: Path, store: Store) -> None:
    with pytest.raises(InputError, match="no public key"):
        is_signed({}, key="nothing")
    (tmp_path / "broken").mkdir()
    broken = Store(store.engine, tmp_path / "broken")
    (broken.folder / KEY).write_text("nothing")
    with pytest.raises(StoreError, match="no signing key"):
        public_key(broken)


def affekt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "affekt", *arguments, "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_makes_keys_and_verifies_the_log(tmp_path: Path) -> None:
    assert affekt(tmp_path / "none", "audit", "verify").returncode == 2 and not (tmp_path / "none").exists()
    made = affekt(tmp_path, "keys", "make", "desk", "--role", "admin")
    assert made.returncode == 0 and made.stdout.startswith("affekt_") and "affekt_" not in made.stderr
    listed = affekt(tmp_path, "keys", "list")
    assert "desk" in listed.stdout and made.stdout.strip() not in listed.stdout
    assert affekt(tmp_path, "keys", "revoke", listed.stdout.split("\t")[0]).returncode == 2  # the last of an admin
    assert json.loads(affekt(tmp_path, "audit", "show").stdout)["action"] == "key.made"
    assert affekt(tmp_path, "audit", "verify").returncode == 0
    opened = open_store(tmp_path)
    meddle(opened, "UPDATE audit SET who = 'nobody'")
    opened.close()
    broken = affekt(tmp_path, "audit", "verify")
    assert broken.returncode == 1 and "entry 1 was changed" in broken.stderr


def test_the_log_holds_what_the_database_gives_back(store: Store) -> None:
    add(store)
    with store.reads() as session:
        one = session.scalars(select(Audit)).one()
    assert one.detail == {"number": 0, "word": "é😀", "list": [1, None, True, 0.1]} and hash_of(one) == one.hash
