"""What is kept is deleted when the settings say so, on every database: rows and files, and nothing that is still to be kept."""

import os
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from affekt.results import Reading, Timeline
from affekt.settings import ServerSettings
from affekt.store.database import Store
from affekt.store.jobs import add_job, claim_job, find_job, finish_job, result_of
from affekt.store.retention import ROWS, Swept, sweep
from affekt.store.sessions import find_session, load_timeline, save_session
from affekt.store.tables import Audit, Job, Media, new_id, now

NOTHING = Swept(0, 0, 0, 0, 0, 0)
SAID = "I told nobody about the lighthouse"
DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(keep_readings_days=30, keep_text_days=7, keep_media_days=2, keep_results_hours=24, folder=str(tmp_path))


def timeline() -> Timeline:
    scores = {"anger": 0.1, "joy": 0.9}
    spoken = Reading("speech", "two", scores, 0, 2, "speech_affekt@0", single=True, who="anna", words=SAID)
    written = Reading("text", "two", scores, 0, 2, "text_affekt@0", single=True, who="anna", span=(0, len(SAID)))
    return Timeline("call.wav", 2.0, "seconds", "two", (spoken, written), transcript=SAID)


def saved(store: Store, settings: ServerSettings) -> str:
    (store.folder / "incoming").mkdir(exist_ok=True)
    media = store.folder / "incoming" / "file_1.wav"
    media.write_bytes(b"sound")
    given: dict[str, Any] = {"key": "open", "origin": "read", "subjects": {"anna": "p1"}, "settings": settings, "media": media}
    session = save_session(store, timeline(), **given)
    media.unlink()
    return session


def finished(store: Store, **given: Any) -> Job:
    made = Job(id=new_id("job"), key="open", state="waiting", request={}, path=None, created=now(), progress=0.0, attempts=0)
    assert add_job(store, made, most=9) and claim_job(store, made.id)
    assert finish_job(store, made.id, claim=made.id, state="done", **{"result": {"transcript": SAID}, **given})
    return made


def files(store: Store, folder: str) -> list[str]:
    return sorted(path.name for path in (store.folder / folder).iterdir())


def everything(store: Store) -> str:
    """All that the database and the files of SQLite hold, as one string."""
    with store.reads() as session:
        tables = ("sessions", "readings", "jobs", "feedback", "media")
        rows = [str(tuple(row)) for table in tables for row in session.execute(text(f"SELECT * FROM {table}"))]
    raw = [path.read_bytes().decode("latin-1") for path in store.folder.glob("affekt.sqlite*")]
    return "".join([*rows, *raw])


def aged(path: Path, moment: datetime) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_of_a_session_media_go_first_then_words_and_then_all(store: Store, settings: ServerSettings) -> None:
    session, today = saved(store, settings), now()
    assert sweep(store, settings, now=today + 1.9 * DAY) == NOTHING and len(files(store, "media")) == 1
    assert sweep(store, settings, now=today + 2.1 * DAY) == Swept(0, 0, 1, 0, 0, 0) and files(store, "media") == []
    assert (kept := load_timeline(store, session)) and kept.transcript == SAID and SAID in everything(store)
    assert sweep(store, settings, now=today + 7.1 * DAY) == Swept(0, 1, 0, 0, 0, 0)
    assert SAID not in everything(store)
    kept = load_timeline(store, session)
    assert kept is not None and kept.transcript is None and [one.scores["joy"] for one in kept] == [0.9, 0.9]
    assert sweep(store, settings, now=today + 30.1 * DAY) == Swept(1, 0, 0, 0, 0, 0)
    assert find_session(store, session) is None
    with store.reads() as reads:
        assert reads.execute(text("SELECT count(*) FROM readings")).scalar() == 0


def test_a_session_that_goes_takes_its_media_with_it(store: Store, settings: ServerSettings) -> None:
    saved(store, settings)
    shorter = settings.model_copy(update={"keep_readings_days": 1})
    assert sweep(store, shorter, now=now() + 1.1 * DAY).sessions == 1 and files(store, "media") == []
    with store.reads() as session:
        assert session.scalar(select(func.count()).select_from(Media)) == 0


def test_more_media_go_than_fit_into_one_transaction(store: Store, settings: ServerSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affekt.store.retention.AT_ONCE", 2)
    for _ in range(5):
        saved(store, settings)
    deleted: list[int] = []

    def note(*given: Any) -> None:
        statement, parameters = given[2:4]
        deleted.extend([len(parameters)] if statement.startswith("DELETE FROM media") else [])

    event.listen(store.engine, "before_cursor_execute", note)
    assert sweep(store, settings, now=now() + 2.1 * DAY).media == 5 and files(store, "media") == []
    assert max(deleted) <= 2  # SQLite takes 32,766 variables in a statement


def test_more_sessions_go_than_fit_into_one_transaction(store: Store, settings: ServerSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affekt.store.retention.AT_ONCE", 2)
    for _ in range(5):
        saved(store, settings)
    assert sweep(store, settings, now=now() + 31 * DAY).sessions == 5 and files(store, "media") == []


def test_the_result_of_a_job_goes_after_its_hours_and_says_so_and_its_row_a_month_later(store: Store, settings: ServerSettings) -> None:
    (store.folder / "results").mkdir()
    heard, table = finished(store), finished(store, result={"rows": 1, "bad_rows": 0, "bad": []}, result_path="results/b.1.csv")
    scored = store.folder / "results" / f"{table.id}.1.csv"
    scored.write_text(SAID)
    assert sweep(store, settings, now=now() + timedelta(hours=23)) == NOTHING and scored.exists()
    assert sweep(store, settings, now=now() + timedelta(hours=25)).results == 2
    assert not scored.exists() and SAID not in everything(store)
    for one in (heard, table):
        found = find_job(store, one.id)
        assert found is not None and found.state == "done" and found.problem and "24 hours" in found.problem["detail"]
        assert result_of(store, one.id) is None and found.result_path is None
    assert sweep(store, settings, now=now() + ROWS) == NOTHING
    assert sweep(store, settings, now=now() + ROWS + timedelta(hours=25)).jobs == 2 and find_job(store, heard.id) is None


def test_jobs_that_wait_or_run_are_never_swept(store: Store, settings: ServerSettings) -> None:
    (store.folder / "incoming").mkdir()
    made = [Job(id=new_id("job"), key="open", state="waiting", request={}, created=now(), progress=0.0, attempts=0) for _ in range(2)]
    for one in made:
        one.path = f"incoming/{one.id}.txt"
        (store.folder / one.path).write_text("a")
        add_job(store, one, most=9)
    assert claim_job(store, "a.1")
    (store.folder / "results").mkdir()
    (store.folder / "results" / f"{made[0].id}.1.csv.part").write_text("half")
    assert sweep(store, settings, now=now() + 400 * DAY) == NOTHING
    assert len(files(store, "incoming")) == 2 and len(files(store, "results")) == 1


def test_the_file_of_a_job_that_has_ended_goes_at_once_where_a_kill_left_it(store: Store, settings: ServerSettings) -> None:
    (store.folder / "incoming").mkdir()
    made = Job(id=new_id("job"), key="open", state="waiting", request={}, path="incoming/a.txt", created=now(), progress=0.0, attempts=0)
    assert add_job(store, made, most=9) and claim_job(store, "a.1")
    (store.folder / "incoming" / "a.txt").write_text(SAID)
    assert sweep(store, settings) == NOTHING
    assert finish_job(store, made.id, claim="a.1", state="done", result={})
    assert sweep(store, settings).files == 1 and files(store, "incoming") == []


@pytest.mark.parametrize("folder", ["incoming", "results", "media"])
def test_files_that_no_row_names_go_when_they_are_older_than_a_day(store: Store, settings: ServerSettings, folder: str) -> None:
    (store.folder / folder).mkdir()
    old, new = store.folder / folder / "file_old.wav", store.folder / folder / "file_new.wav"
    for path, age in ((old, 25), (new, 23)):
        path.write_bytes(b"left")
        aged(path, now() - timedelta(hours=age))
    assert sweep(store, settings).files == 1 and files(store, folder) == ["file_new.wav"]


def test_sweeping_twice_deletes_nothing_more_and_what_was_deleted_is_in_the_audit_log(store: Store, settings: ServerSettings) -> None:
    saved(store, settings)
    later = now() + 31 * DAY
    swept = sweep(store, settings, now=later)
    assert swept.sessions == 1 and sweep(store, settings, now=later) == NOTHING
    with store.reads() as session:
        (entry,) = session.scalars(select(Audit).where(Audit.action == "retention.swept"))
    assert entry.detail == asdict(swept)
