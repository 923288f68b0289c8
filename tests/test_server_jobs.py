"""Jobs of a server: files that are read while nobody waits, each exactly once, whatever happens to the server meanwhile."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from time import monotonic
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from httpx import Client, Response

from affekt.pipeline import Reader
from affekt.server.app import make_app
from affekt.settings import resolve_server
from affekt.store.database import open_store
from affekt.store.keys import make_key
from affekt.store.retention import sweep
from affekt.store.sessions import list_sessions, load_timeline
from affekt.store.tables import now

PATIENCE = 60.0  # seconds in which a job of these tests has ended, also on a machine that has much else to do
REVIEW = b"What a wonderful day! Then the train was cancelled, and I was furious."
TABLE = b"id,comment\n1,so proud of you all\n2,\n3,this is terrible\n"
TALK = b"WEBVTT\n\n00:00.000 --> 00:02.000\n<v Anna>I love it!\n\n00:02.000 --> 00:04.000\n<v Ben>I hate it.\n"
FORMATS = {"json": "{", "csv": "source,", "vtt": "WEBVTT", "webvtt": "WEBVTT", "TextGrid": "File type"}
ROLES = {"a": "reader", "b": "reader", "c": "analyst", "d": "admin"}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1, batch=8)  # a table reports after each batch


@contextmanager
def serving(folder: Path, reader: Reader, **settings: Any) -> Iterator[TestClient]:
    app = make_app(resolve_server(**{"folder": str(folder), **settings}))
    app.state.reader = reader
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(tmp_path: Path, reader: Reader) -> Iterator[TestClient]:
    with serving(tmp_path, reader) as client:
        yield client


@pytest.fixture
def idle(tmp_path: Path, reader: Reader) -> Iterator[TestClient]:
    """A server that only takes jobs in."""
    with serving(tmp_path, reader, job_workers=0, queue=3) as client:
        yield client


def send(client: Client, data: bytes, file: str, *, headers: dict[str, str] | None = None, **options: Any) -> Response:
    return client.post("/v1/jobs", files={"file": (file, data)}, data={"options": json.dumps(options)}, headers=headers)


def sent(client: Client, data: bytes, file: str, **given: Any) -> str:
    reply = send(client, data, file, **given)
    assert reply.status_code == 202, reply.text
    assert reply.headers["location"] == f"/v1/jobs/{reply.json()['id']}"
    return str(reply.json()["id"])


def until(check: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    pause, end = Event(), monotonic() + seconds
    while not check():
        assert monotonic() < end, "it does not come to pass"
        pause.wait(0.02)


def ended(client: Client, job: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def check() -> bool:
        found.update(client.get(f"/v1/jobs/{job}").json())
        return found["state"] not in ("waiting", "running")

    until(check)
    return found


def left(folder: Path) -> list[str]:
    return sorted(path.name for name in ("incoming", "results") if (folder / name).is_dir() for path in (folder / name).iterdir())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def long_table(count: int) -> bytes:
    """Rows of which no two are alike, so that they take a while."""
    return "\n".join(["id,text", *(f"{number},late by {number} hours" for number in range(count)), ""]).encode()


def test_a_job_gives_what_reading_at_once_gives_and_keeps_no_file(client: TestClient, tmp_path: Path) -> None:
    job = sent(client, REVIEW, "review.txt")
    done = ended(client, job)
    assert (done["state"], done["progress"], done["file"], done["problem"]) == ("done", 1.0, "review.txt", None)
    assert done["created"] <= done["started"] <= done["finished"] < done["result_until"]
    read = client.post("/v1/read", files={"file": ("review.txt", REVIEW)}).json()["timelines"][0]
    assert client.get(done["links"]["result"]).json() == read and len(read["readings"]) == 2
    assert left(tmp_path) == []


@pytest.mark.parametrize(("asked", "begins"), FORMATS.items())
def test_a_result_comes_in_any_format(client: TestClient, asked: str, begins: str) -> None:
    job = sent(client, TALK, "talk.vtt")
    assert ended(client, job)["state"] == "done"
    reply = client.get(f"/v1/jobs/{job}/result", params={"format": asked})
    assert reply.status_code == 200 and reply.text.startswith(begins)
    wrong = client.get(f"/v1/jobs/{job}/result", params={"format": "docx"})
    assert wrong.status_code == 422 and "webvtt" in wrong.json()["detail"]


def test_a_table_comes_back_row_by_row_with_scores_and_what_was_wrong(client: TestClient, reader: Reader, tmp_path: Path) -> None:
    job = sent(client, TABLE, "reviews.csv", column="comment")
    done = ended(client, job)
    assert done["table"] == {"rows": 3, "bad_rows": 1, "bad": [[2, "'comment' is blank"]]}
    reply = client.get(done["links"]["result"])
    assert reply.headers["content-type"].startswith("text/csv") and "reviews.affekt.csv" in reply.headers["content-disposition"]
    found = rows(reply.text)
    assert [row["id"] for row in found] == ["1", "2", "3"] and found[1]["affekt_problem"] == "'comment' is blank"
    assert abs(float(found[0]["confidence"]) - (reader.read("so proud of you all").top or ("", 0))[1]) < 1e-3
    assert client.get(done["links"]["result"], params={"format": "csv"}).status_code == 200
    assert client.get(done["links"]["result"], params={"format": "vtt"}).status_code == 422
    assert [path.partition(".")[0] for path in left(tmp_path)] == [job]
    assert client.delete(f"/v1/jobs/{job}").status_code == 204 and left(tmp_path) == []


def test_a_file_that_cannot_be_a_job_is_refused_at_once_by_its_senders_name_for_it(client: TestClient, tmp_path: Path) -> None:
    wrong: list[tuple[bytes, str, dict[str, Any], int, str]] = [
        (b"a,b\n1,2\n", "own.csv", {}, 422, "own.csv"),
        (TABLE, "own.csv", {"column": "nope"}, 422, "comment"),
        (TABLE, "own.csv", {"who": ["anna"]}, 422, "table"),
        (REVIEW, "own.txt", {"column": "text"}, 422, "own.txt"),
        (REVIEW, "own.txt", {"labels": "ekman9"}, 422, "ekman7"),
        (REVIEW, "own.txt", {"colum": "text"}, 422, "colum"),
        (REVIEW, "own.exe", {}, 415, ".exe"),
        (b"", "own.txt", {}, 422, "empty"),
        (b"  \n", "own.txt", {}, 422, "own.txt"),
        (b"nonsense", "own.mp4", {}, 422, "own.mp4"),
        (b"nonsense", "own.png", {}, 422, "own.png"),
    ]
    for data, name, options, status, says in wrong:
        reply = send(client, data, name, **options)
        assert reply.status_code == status and says in reply.json()["detail"], (name, options, reply.text)
        assert str(tmp_path) not in reply.text and "file_" not in reply.text
    assert left(tmp_path) == [] and client.get("/v1/jobs").json() == {"jobs": [], "next": None}
    assert client.post("/v1/jobs", json={"text": "hi"}).status_code == 415


def test_a_file_that_cannot_be_read_is_a_failed_job_that_says_why(client: TestClient, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")
    job = sent(client, Path(__file__).parent.parent.joinpath("src/affekt/samples/train.ogg").read_bytes(), "call.ogg", who=["Anna", "Ben"])
    failed = ended(client, job)
    assert failed["state"] == "failed" and failed["problem"]["status"] == 422
    assert "2 names for 1 microphones in call.ogg" in failed["problem"]["detail"] and left(tmp_path) == []
    assert client.get(f"/v1/jobs/{job}/result").json()["problem"] == failed["problem"]


def test_the_same_idempotency_key_is_the_same_job(idle: TestClient, tmp_path: Path) -> None:
    key = {"Idempotency-Key": "call 17"}
    first = send(idle, REVIEW, "a.txt", headers=key)
    again = send(idle, REVIEW, "a.txt", headers=key)
    assert (first.status_code, again.status_code) == (202, 200) and first.json() == again.json() and len(left(tmp_path)) == 1
    for data in (REVIEW + b" More.", REVIEW.swapcase()):  # another file of the same length is another file
        other = send(idle, data, "a.txt", headers=key)
        assert other.status_code == 422 and "Idempotency-Key" in other.json()["detail"] and len(left(tmp_path)) == 1
    assert send(idle, REVIEW, "a.txt").json()["id"] != first.json()["id"]


def test_no_more_jobs_are_taken_in_than_may_wait_and_a_known_one_is_told_all_the_same(idle: TestClient, tmp_path: Path) -> None:
    key = {"Idempotency-Key": "known"}
    made = [sent(idle, REVIEW, "a.txt", headers=key), *(sent(idle, REVIEW, "a.txt") for _ in range(2))]
    refused = send(idle, REVIEW, "a.txt")
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0 and len(left(tmp_path)) == 3
    assert send(idle, REVIEW, "a.txt", headers=key).json()["id"] == made[0]
    assert idle.delete(f"/v1/jobs/{made[1]}").status_code == 204 and send(idle, REVIEW, "a.txt").status_code == 202


def test_a_job_that_waits_has_no_result_and_can_be_cancelled_and_then_deleted(idle: TestClient, tmp_path: Path) -> None:
    job = sent(idle, REVIEW, "a.txt")
    assert idle.get(f"/v1/jobs/{job}").json()["state"] == "waiting"
    reply = idle.get(f"/v1/jobs/{job}/result")
    assert reply.status_code == 409 and "waiting" in reply.json()["detail"]
    assert idle.delete(f"/v1/jobs/{job}").status_code == 204 and left(tmp_path) == []
    assert idle.get(f"/v1/jobs/{job}").json()["state"] == "cancelled" and idle.get(f"/v1/jobs/{job}/result").status_code == 409
    assert idle.delete(f"/v1/jobs/{job}").status_code == 204 and idle.get(f"/v1/jobs/{job}").status_code == 404
    assert idle.delete(f"/v1/jobs/{job}").status_code == 404


def test_jobs_are_listed_newest_first_page_by_page(idle: TestClient) -> None:
    made = [sent(idle, REVIEW, f"{number}.txt") for number in range(3)]
    first = idle.get("/v1/jobs", params={"limit": 2}).json()
    second = idle.get("/v1/jobs", params={"limit": 2, "before": first["next"]}).json()
    assert [job["id"] for job in [*first["jobs"], *second["jobs"]]] == made[::-1] and second["next"] is None


def test_a_running_job_that_is_cancelled_stops_soon_and_leaves_nothing(client: TestClient, tmp_path: Path) -> None:
    job = sent(client, long_table(20_000), "long.csv")
    until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "running" and any(".part" in name for name in left(tmp_path)))
    running = client.app.state.service.jobs.running  # type: ignore[attr-defined]
    assert client.delete(f"/v1/jobs/{job}").status_code == 204
    began = monotonic()
    until(lambda: not running)
    assert monotonic() - began < 5.0  # a second or two, on a machine that has nothing else to do
    assert client.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"
    until(lambda: left(tmp_path) == [])


def test_a_server_that_is_stopped_gives_its_job_back_and_the_next_one_goes_on_with_it(tmp_path: Path, reader: Reader) -> None:
    with serving(tmp_path, reader) as client:
        job = sent(client, long_table(3000), "long.csv")
        until(lambda: client.get(f"/v1/jobs/{job}").json()["progress"] > 0)
    with serving(tmp_path, reader, job_workers=0) as client:
        assert client.get(f"/v1/jobs/{job}").json()["state"] == "waiting"
    (part,) = (json.loads(path.read_text()) for path in (tmp_path / "results").glob("*.part.json"))
    assert part["rows_done"] > 0
    with serving(tmp_path, reader) as client:
        assert ended(client, job)["table"]["rows"] == 3000
        assert [row["id"] for row in rows(client.get(f"/v1/jobs/{job}/result").text)] == [str(number) for number in range(3000)]
        with client.app.state.service.store.reads() as session:  # type: ignore[attr-defined]
            assert session.connection().exec_driver_sql("SELECT attempts FROM jobs").scalar() == 1


def test_a_job_is_its_callers_and_analysts_see_it_and_admins_delete_it(tmp_path: Path, reader: Reader) -> None:
    store = open_store(tmp_path)
    word = {name: make_key(store, name, role=role)[1] for name, role in ROLES.items()}
    store.close()
    with serving(tmp_path, reader, job_workers=0) as client:

        def as_(name: str) -> dict[str, str]:
            return {"Authorization": f"Bearer {word[name]}"}

        def told(path: str) -> list[int]:
            return [client.get(path, headers=as_(name)).status_code for name in "abcd"]

        job = sent(client, REVIEW, "a.txt", headers=as_("a"))
        assert client.get(f"/v1/jobs/{job}").status_code == 401 and send(client, REVIEW, "a.txt").status_code == 401
        assert told(f"/v1/jobs/{job}") == [200, 404, 200, 200] and told(f"/v1/jobs/{job}/result") == [409, 404, 409, 409]
        assert [len(client.get("/v1/jobs", headers=as_(name)).json()["jobs"]) for name in "abcd"] == [1, 0, 1, 1]
        assert [client.delete(f"/v1/jobs/{job}", headers=as_(name)).status_code for name in "bcd"] == [404, 403, 204]
        key = {"Idempotency-Key": "one"}
        mine, theirs = (sent(client, REVIEW, "a.txt", headers={**as_(name), **key}) for name in "ab")
        assert mine != theirs


def test_a_result_that_is_kept_no_longer_is_gone(client: TestClient) -> None:
    job = sent(client, REVIEW, "a.txt")
    ended(client, job)
    service = client.app.state.service  # type: ignore[attr-defined]
    sweep(service.store, service.settings, now=now() + timedelta(hours=25))
    reply = client.get(f"/v1/jobs/{job}/result")
    assert reply.status_code == 410 and "24 hours" in reply.json()["detail"]
    shown = client.get(f"/v1/jobs/{job}").json()
    assert shown["state"] == "done" and "result" not in shown["links"] and shown["problem"]["status"] == 410


def test_what_a_job_read_is_saved_as_a_session_where_that_was_asked_for(client: TestClient) -> None:
    job = sent(client, TALK, "talk.vtt", save=True, name="weekly", subjects={"Anna": "p-1"})
    session, store = ended(client, job)["session"], client.app.state.service.store  # type: ignore[attr-defined]
    (saved,) = list_sessions(store)
    assert (saved.id, saved.name, saved.origin, saved.key) == (session, "weekly", "job", "open")
    timeline = load_timeline(store, session)
    assert timeline is not None and [one.who for one in timeline] == ["Anna", "Ben"] and timeline.transcript is None


def test_several_servers_of_one_database_run_each_job_once(tmp_path: Path, reader: Reader, database: str) -> None:
    with serving(tmp_path, reader, database=database) as one, serving(tmp_path, reader, database=database, job_workers=2) as two:
        made = [
            sent(client, long_table(10), f"{number}.csv", headers={"Idempotency-Key": str(number)})
            for number, client in enumerate([one, two] * 6)
        ]
        assert send(two, long_table(10), "0.csv", headers={"Idempotency-Key": "0"}).json()["id"] == made[0]
        for job in made:
            assert ended(one, job)["table"] == {"rows": 10, "bad_rows": 0, "bad": []}
            assert len(rows(two.get(f"/v1/jobs/{job}/result").text)) == 10
        with one.app.state.service.store.reads() as session:  # type: ignore[attr-defined]
            attempts = session.connection().exec_driver_sql("SELECT attempts, alive, worker FROM jobs").all()
    assert [tuple(row) for row in attempts] == [(1, None, None)] * 12 and len(left(tmp_path)) == 12


# What a kill leaves ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """A server as a process of its own, which is killed in the end."""
    command = [sys.executable, "-m", "affekt", "serve", "--port", "0", "--folder", str(folder), "--job-workers", "2"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said: Queue[str] = Queue()

    def listen() -> None:
        assert server.stderr is not None
        for line in server.stderr:
            said.put(line)
        said.put("")

    Thread(target=listen, daemon=True).start()
    while "listening on" not in (line := said.get(timeout=PATIENCE)):
        assert line, "the server ended before it listened"
    try:
        with httpx.Client(base_url=line.split()[-1], timeout=PATIENCE, trust_env=False) as client:
            yield server, client
    finally:
        server.kill()
        server.wait()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL, and its files know no locks that a death frees")
def test_after_kills_in_the_midst_every_job_that_was_accepted_is_done_exactly_once(tmp_path: Path, reader: Reader) -> None:
    count, expected = 20, reader.read_texts(["late by 7 hours"])[0]
    finished: dict[str, str] = {}

    def look(client: Client) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = client.get("/v1/jobs", params={"limit": 100}).json()["jobs"]
        for job in shown:
            if job["state"] == "done":
                assert finished.setdefault(job["id"], job["finished"]) == job["finished"], "it was done twice"
        return shown

    def midst(client: Client, least: int) -> bool:
        states = [job["state"] for job in look(client)]
        return states.count("done") >= least and "running" in states

    with running(tmp_path) as (_, client):
        accepted = [sent(client, long_table(count), f"{number}.csv", headers={"Idempotency-Key": str(number)}) for number in range(18)]
        accepted += [sent(client, REVIEW, f"{number}.txt", headers={"Idempotency-Key": str(number)}) for number in (18, 19)]
        until(lambda: midst(client, 3))
    with running(tmp_path) as (_, client):
        assert send(client, REVIEW, "19.txt", headers={"Idempotency-Key": "19"}).json()["id"] == accepted[19]
        until(lambda: midst(client, 9))
    with running(tmp_path) as (_, client):
        until(lambda: {job["state"] for job in look(client)} == {"done"})
        assert sorted(finished) == sorted(accepted)
        for job in accepted[:18]:
            found = rows(client.get(f"/v1/jobs/{job}/result").text)
            assert [row["id"] for row in found] == [str(number) for number in range(count)]
            assert abs(float(found[7]["confidence"]) - (expected.confidence or 0)) < 1e-3
        texts = [client.get(f"/v1/jobs/{job}/result").json() for job in accepted[18:]]
        assert {len(one["readings"]) for one in texts} == {2}
        until(lambda: [name.partition(".")[0] for name in left(tmp_path)] == sorted(accepted[:18]))  # each has one result, no file is left
    store = open_store(tmp_path)
    with store.reads() as session:
        attempts = [row[0] for row in session.connection().exec_driver_sql("SELECT attempts FROM jobs")]
    store.close()
    assert len(attempts) == 20 and set(attempts) <= {1, 2, 3}
    assert 20 < sum(attempts) <= 20 + 2 * 2  # two kills, each with one or two jobs that ran
