"""What is kept of people: only what the settings say, only what is theirs, and nothing once they are erased."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import delete, select

from affekt.errors import InputError, PolicyRefused
from affekt.settings import resolve_server
from affekt.store.audit import entries, last_number, verify
from affekt.store.database import Store, open_store
from affekt.store.erasure import erase_subject
from affekt.store.feedback import give_feedback, list_feedback, training_rows
from affekt.store.sessions import add_session, delete_session, list_sessions, load_timeline, media_of, save_session
from affekt.store.signing import is_signed, pseudonym, public_key
from affekt.store.subjects import (
    consents_of,
    find_subject,
    give_consent,
    kept_of,
    list_subjects,
    put_subject,
    withdraw_consent,
    without_consent,
)
from affekt.store.tables import Job, Session, StoredReading, new_id, now
from people_made import ANNA, BOB, TRANSCRIPT, decided, talk

BOTH = {"Anna": "p-anna", "Bob": "p-bob"}


def save(store: Store, subjects: dict[str, str] | None = None, *, key: str = "key_1", media: Path | None = None, **settings: Any) -> str:
    given = resolve_server(**{"keep_text_days": 1, "keep_media_days": 1, **settings})
    subjects = BOTH if subjects is None else subjects
    return save_session(store, talk(), key=key, origin="read", name="Anna's", subjects=subjects, settings=given, media=media)


def loaded(store: Store, session: str) -> Any:
    made = load_timeline(store, session)
    assert made is not None
    return made


def needle(folder: Path, word: str) -> list[str]:
    """The files below a folder that hold a word."""
    return [path.name for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def test_a_saved_timeline_comes_back_whole(store: Store) -> None:
    assert decided(loaded(store, save(store))) == decided(talk())


def test_words_are_not_kept_unless_a_setting_says_so(tmp_path: Path, store: Store) -> None:
    made = loaded(store, save(store, keep_text_days=0))
    assert made.transcript is None and not any(one.words for one in (*made.readings, *made.fused))
    silent = [replace(one, words=None) for one in (*talk().readings, *talk().fused)]
    assert [*made.readings, *made.fused] == silent
    store.settle()
    assert needle(tmp_path, ANNA) == [] and needle(tmp_path, "anna-and-bob") == []
    with store.reads() as session:
        assert session.scalars(select(Session)).one().text_until is None


def test_words_that_are_kept_have_a_day_on_which_they_go(store: Store) -> None:
    save(store, keep_text_days=7)
    with store.reads() as session:
        until = session.scalars(select(Session)).one().text_until
    assert until is not None and timedelta(days=6.9) < until - now() <= timedelta(days=7)


def test_nothing_is_saved_where_nothing_is_kept(store: Store) -> None:
    with pytest.raises(PolicyRefused, match="keep_readings_days is 0"):
        save(store, keep_readings_days=0)
    assert list_sessions(store) == [] and list_subjects(store) == []


def test_media_are_kept_only_where_a_setting_says_so(tmp_path: Path, store: Store) -> None:
    for days, kept in ((0, False), (1, True)):
        file = tmp_path / "sound.wav"
        file.write_bytes(b"sound")
        session = save(store, media=file, keep_media_days=days)
        assert file.exists() and len(list((store.folder / "media").glob("*.wav"))) == kept
    assert delete_session(store, session, by="open") and list((store.folder / "media").iterdir()) == []
    assert not delete_session(store, session, by="open") and entries(store)[-1].action == "session.deleted"


def test_a_file_is_not_lost_where_its_session_cannot_be_saved(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sound.wav"
    file.write_bytes(b"sound")
    with pytest.raises(RuntimeError), store.writes() as transaction:
        given = {"subjects": {}, "settings": resolve_server(keep_media_days=1), "media": file}
        add_session(transaction, store, timeline=talk(), key="key_1", origin="job", **given)
        raise RuntimeError
    assert file.read_bytes() == b"sound" and list_sessions(store) == []

    def no_links(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("os.link", no_links)
    kept = media_of(store, save(store, media=file))
    assert kept is not None and kept.read_bytes() == b"sound" == file.read_bytes()


def test_who_was_erased_since_the_reading_began_is_not_saved(store: Store) -> None:
    settings = resolve_server()
    for name in ("p-anna", "p-eve"):
        put_subject(store, name)
    since = last_number(store)
    erase_subject(store, "p-anna", by="key_9", voices={})
    how: dict[str, Any] = {"key": "key_1", "origin": "stream", "settings": settings}
    with pytest.raises(PolicyRefused, match="erased while this was read"):
        save_session(store, talk(), subjects=BOTH, since=since, **how)
    assert list_sessions(store) == [] and [one.id for one in list_subjects(store)] == ["p-eve"]
    assert save_session(store, talk(), subjects={"*": "p-eve"}, since=since, **how)
    assert save_session(store, talk(), subjects=BOTH, since=last_number(store), **how)


def test_the_log_of_sqlite_is_cut_off_as_soon_as_nobody_reads_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    log = tmp_path / "affekt.sqlite-wal"
    session = save(store)
    reading = store.engine.raw_connection()
    cursor = reading.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT count(*) FROM sessions").fetchone()
    deleting = at_once(lambda: delete_session(store, session, by="open"))
    assert deleting.is_alive() and log.stat().st_size
    cursor.execute("ROLLBACK")
    deleting.join()
    assert log.stat().st_size == 0
    reading.close()
    store.close()


def test_sessions_are_listed_by_who_is_in_them_who_saved_them_and_when(store: Store) -> None:
    first, second, third = save(store), save(store, {"*": "p-bob"}, key="key_2"), save(store, {})
    assert [one.id for one in list_sessions(store)] == [third, second, first]
    assert [one.id for one in list_sessions(store, subject="p-bob")] == [second, first]
    assert [one.id for one in list_sessions(store, key="key_2")] == [second]
    assert [one.id for one in list_sessions(store, limit=1, after=third)] == [second]
    assert list_sessions(store, since=now()) == [] and len(list_sessions(store, until=now() + timedelta(seconds=1))) == 3
    elsewhere = now().astimezone(timezone(timedelta(hours=9)))
    assert len(list_sessions(store, since=elsewhere - timedelta(minutes=1))) == 3 and list_sessions(store, since=elsewhere) == []
    first_moment = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    assert len(list_sessions(store, since=first_moment)) == 3
    delete_session(store, second, by="open")
    with pytest.raises(InputError, match="begin anew"):
        list_sessions(store, after=second)


def test_what_is_kept_of_a_person_is_counted(store: Store) -> None:
    session = save(store)
    give_feedback(store, session, number=0, labels=["joy"], comment="", key="key_1")
    give_feedback(store, session, number=2, labels=["joy"], comment="", key="key_1")
    kept = kept_of(store, "p-anna")
    assert (kept.sessions, kept.readings, kept.media, kept.feedback) == (1, 3, 0, 1)


def test_an_export_holds_only_what_is_of_the_person(store: Store) -> None:
    mine = load_timeline(store, save(store), subject="p-bob")
    assert mine is not None and {one.who for one in (*mine.readings, *mine.fused)} == {"Bob"} == set(mine.people)
    assert mine.transcript is not None and mine.transcript.strip() == BOB and not mine.warnings
    assert [event.who for event in mine.events] == ["Bob"]


def test_erasing_who_is_alone_in_a_session_erases_the_session(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "sound.wav"
    file.write_bytes(b"sound of anna")
    session = save(store, {"*": "p-anna"}, media=file)
    file.unlink()
    give_feedback(store, session, number=0, labels=["joy"], comment="she was so happy", key="key_1")
    give_consent(store, "p-anna", purpose="research", modalities=["face"], how="on paper", by="open")
    receipt = erase_subject(store, "p-anna", by="key_9", voices={})
    assert receipt is not None
    wanted = {"sessions": 1, "readings": 7, "feedback": 1, "media": 1, "jobs": 0, "consents": 1, "voices": 0}
    assert receipt["erased"] == wanted and load_timeline(store, session) is None
    assert find_subject(store, "p-anna") is None and list_feedback(store) == [] and consents_of(store, "p-anna") == []
    for word in ("p-anna", "Anna", ANNA, "she was so happy", "on paper", "sound of anna"):
        assert needle(tmp_path, word) == [], word


def test_erasing_one_of_two_leaves_only_what_is_of_the_other(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(b"video of both")
    session = save(store, media=file)
    file.unlink()
    give_feedback(store, session, number=0, labels=["joy"], comment="", key="key_1")
    give_feedback(store, session, number=2, labels=["joy"], comment="", key="key_1")
    receipt = erase_subject(store, "p-anna", by="key_9", voices={})
    assert receipt is not None and {name: many for name, many in receipt["erased"].items() if many} == {
        "readings": 5,
        "feedback": 1,
        "media": 1,
    }
    made = loaded(store, session)
    assert {one.who for one in (*made.readings, *made.fused)} == {"Bob"} == set(made.people) and len(made.readings) == 1
    assert [event.who for event in made.events] == ["Bob"] and made.warnings == ()
    assert made.transcript == " " * len(ANNA) + "\n" + BOB and len(made.transcript) == len(TRANSCRIPT)
    assert kept_of(store, "p-bob").readings == 2 and len(list_feedback(store)) == 1
    for word in ("p-anna", "Anna", ANNA, "video of both"):
        assert needle(tmp_path, word) == [], word


def test_who_is_in_a_session_under_another_name_may_be_anybody_nobody_named(store: Store) -> None:
    session = save(store, {"annie": "p-anna", "Bob": "p-bob"})
    assert erase_subject(store, "p-anna", by="key_9", voices={}) is not None
    assert {one.who for one in loaded(store, session).readings} == {"Bob"}


def at_once(call: Callable[[], Any]) -> Thread:
    """A call in a thread that has had time to come to where it waits."""
    made = Thread(target=call)
    made.start()
    made.join(0.5)
    return made


def test_what_is_being_saved_of_a_person_goes_as_well(store: Store) -> None:
    put_subject(store, "p-anna")
    receipts: list[Any] = []
    with store.writes() as saving:
        given = {"subjects": BOTH, "settings": resolve_server(keep_text_days=1)}
        add_session(saving, store, timeline=talk(), key="key_1", origin="read", **given)
        erasing = at_once(lambda: receipts.append(erase_subject(store, "p-anna", by="key_9", voices={})))
        assert receipts == []
    erasing.join()
    assert receipts[0]["erased"]["readings"] > 0 and find_subject(store, "p-anna") is None
    with store.reads() as transaction:
        assert transaction.scalar(select(StoredReading.number).where(StoredReading.subject == "p-anna")) is None


def test_feedback_that_comes_as_a_reading_is_erased_is_refused_or_goes_too(store: Store) -> None:
    session = save(store)
    with store.writes() as transaction:
        transaction.get(Session, session, with_for_update=True)
        transaction.execute(delete(StoredReading).where(StoredReading.session == session, StoredReading.number == 0))
        failed: list[bool] = []
        giving = at_once(lambda: failed.append(raises(lambda: give_feedback(store, session, number=0, labels=[], comment="", key="k"))))
    giving.join()
    assert failed == [True] and list_feedback(store) == []


def raises(call: Callable[[], Any]) -> bool:
    try:
        call()
    except InputError:
        return True
    return False


def test_jobs_that_name_the_person_go_with_their_files(store: Store) -> None:
    (store.folder / "incoming").mkdir()
    for subject, state in (("p-anna", "waiting"), ("p-anna", "running"), ("p-anna", "done"), ("p-bob", "done")):
        path = store.folder / "incoming" / f"{subject}-{state}"
        path.write_bytes(b"x")
        request = {"file": "x.wav", "subjects": {"*": subject}}
        given = {"id": new_id("job"), "key": "open", "once": None, "state": state, "request": request, "created": now()}
        with store.writes() as session:
            session.add(Job(**given, path=f"incoming/{path.name}", progress=0.0, attempts=0))
    receipt = erase_subject(store, "p-anna", by="key_9", voices={})
    assert receipt is not None and receipt["erased"]["jobs"] == 3
    assert [path.name for path in (store.folder / "incoming").iterdir()] == ["p-bob-done"]


def test_voices_under_the_names_of_the_person_go(store: Store) -> None:
    save(store)
    voices = dict.fromkeys(("Anna", "Bob", "p-anna", "Carl"), "a voice")
    receipt = erase_subject(store, "p-anna", by="key_9", voices=voices)
    assert receipt is not None and receipt["erased"]["voices"] == 2 and sorted(voices) == ["Bob", "Carl"]


def test_a_receipt_is_signed_and_stands_in_the_log(store: Store) -> None:
    put_subject(store, "p-anna")
    receipt = erase_subject(store, "p-anna", by="key_9", voices={})
    assert receipt is not None and is_signed(receipt, key=public_key(store)) and "p-anna" not in json.dumps(receipt)
    assert not is_signed({**receipt, "erased": {**receipt["erased"], "sessions": 7}}, key=public_key(store))
    last = entries(store)[-1]
    assert (last.number, last.hash, last.who) == (receipt["audit"]["number"], receipt["audit"]["hash"], "key_9")
    assert last.detail["subject"] == receipt["subject"] == pseudonym(store, "p-anna") and verify(store).problem is None


def test_people_are_found_by_a_part_of_their_ids(store: Store) -> None:
    for name in ("Anna_7", "anna 70%", "bob"):
        put_subject(store, name)
    assert sorted(one.id for one in list_subjects(store, part="ANNA")) == ["Anna_7", "anna 70%"]
    assert [one.id for one in list_subjects(store, part="a_7")] == ["Anna_7"] and list_subjects(store, part="7_") == []


def test_nobody_gets_no_receipt(store: Store) -> None:
    assert erase_subject(store, "nobody", by="key_9", voices={}) is None and entries(store) == []


def test_consent_is_for_a_purpose_and_modalities_until_it_is_withdrawn(store: Store) -> None:
    def missing(*modalities: Any, purpose: str = "research") -> list[str]:
        return without_consent(store, ["anna", "bob"], purpose=purpose, modalities=modalities)

    for name in ("anna", "bob"):
        give_consent(store, name, purpose="research", modalities=["speech"], how="", by="open")
    face = give_consent(store, "anna", purpose="research", modalities=["face"], how="", by="open")
    assert missing("speech") == [] and missing("face") == ["bob"] and missing("face", "speech") == ["bob"]
    assert missing("speech", purpose="safety") == ["anna", "bob"]
    withdraw_consent(store, "anna", face.id, by="open")
    assert missing("face") == ["anna", "bob"] and missing("speech") == []


def test_feedback_becomes_rows_to_train_on_where_words_are_kept(tmp_path: Path, store: Store) -> None:
    from affekt.datasets._labelled import read_labelled

    for session in (save(store), save(store, keep_text_days=0)):
        give_feedback(store, session, number=0, labels=["surprise"], comment="", key="key_1")
    rows = list(training_rows(store))
    assert [(row["text"], row["labels"]) for row in rows] == [(ANNA, ["surprise"])] and len(list_feedback(store)) == 2
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [(row.text, row.labels) for row in read_labelled(tmp_path / "rows.jsonl").rows] == [(ANNA, ("surprise",))]


def test_feedback_is_of_a_reading_that_there_is(store: Store) -> None:
    with pytest.raises(InputError, match="no reading 7"):
        give_feedback(store, save(store), number=7, labels=["joy"], comment="", key="key_1")
