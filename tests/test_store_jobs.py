"""Jobs as rows, on every database: each is claimed by one worker and finished once, whoever dies meanwhile."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import update

from affekt.store import living
from affekt.store.database import Store
from affekt.store.jobs import (
    ATTEMPTS,
    LOST,
    add_job,
    beat,
    cancel_job,
    claim_job,
    delete_job,
    find_job,
    finish_job,
    give_back,
    has_room,
    list_jobs,
    requeue_lost,
    result_of,
    waiting,
)
from affekt.store.keys import make_key
from affekt.store.tables import Job, new_id, now

PROBLEM = {"type": "urn:affekt:problem:given-up", "title": "Given up", "status": 500, "detail": "it was tried too often"}


def job(**given: Any) -> Job:
    whole = {
        "id": new_id("job"),
        "key": "open",
        "once": None,
        "state": "waiting",
        "request": {},
        "path": "incoming/a.txt",
        "created": now(),
    }
    return Job(**{**whole, "progress": 0.0, "attempts": 0, **given})


def added(store: Store, **given: Any) -> Job:
    made = add_job(store, job(**given), most=1000)
    assert made is not None
    return made


def nobody(claim: str) -> bool:
    return False


def seen(store: Store, one: Job) -> Job:
    found = find_job(store, one.id)
    assert found is not None
    return found


def silent(store: Store, one: Job, *, since: timedelta = LOST + timedelta(seconds=1)) -> None:
    """As if the worker of a job had said nothing for so long."""
    with store.writes() as session:
        session.execute(update(Job).where(Job.id == one.id).values(alive=now() - since))


def test_jobs_are_claimed_in_the_order_in_which_they_came(store: Store) -> None:
    made = [added(store) for _ in range(3)]
    claimed = [claim_job(store, f"a.{number}") for number in range(4)]
    assert [one and one.id for one in claimed] == [*[one.id for one in made], None]
    first = seen(store, made[0])
    assert (first.state, first.worker, first.attempts) == ("running", "a.0", 1) and first.started and first.alive


def test_many_workers_claim_each_job_once(store: Store) -> None:
    made = [added(store) for _ in range(40)]
    claimed: list[str] = []

    def work(name: str) -> None:
        for number in range(len(made) + 1):
            one = claim_job(store, f"{name}.{number}")
            if one is None:
                return
            claimed.append(one.id)
            assert finish_job(store, one.id, claim=f"{name}.{number}", state="done", result={"by": name})

    run_together([lambda name=name: work(name) for name in "abcdef"])
    assert sorted(claimed) == sorted(one.id for one in made)
    assert {(one.state, one.attempts) for one in list_jobs(store, key=None, limit=100)} == {("done", 1)}


def test_the_same_id_of_a_caller_is_the_same_job_also_when_both_come_at_once(store: Store) -> None:
    kept: list[Job | None] = []
    run_together([lambda: kept.append(add_job(store, job(once="mine"), most=1000))] * 8)
    assert len({one.id for one in kept if one}) == 1 and None not in kept and waiting(store) == 1
    assert added(store, once="mine", key="other").id not in {one.id for one in kept if one}


def test_no_more_jobs_wait_than_may(store: Store) -> None:
    assert all(add_job(store, job(), most=2) for _ in range(2))
    assert add_job(store, job(), most=2) is None and waiting(store) == 2


def test_of_several_keys_none_has_more_than_half_of_the_jobs_that_wait(store: Store) -> None:
    make_key(store, "first", role="admin")
    assert all(add_job(store, job(key="a"), most=5) for _ in range(3))  # the only key has all
    make_key(store, "second", role="reader")
    assert add_job(store, job(key="a"), most=5) is None and not has_room(store, "a", most=5) and has_room(store, "b", most=5)
    assert all(add_job(store, job(key="b"), most=5) for _ in range(2))
    assert add_job(store, job(key="c"), most=5) is None and waiting(store) == 5


def test_a_job_is_finished_once_by_the_worker_whose_it_is(store: Store) -> None:
    one = added(store)
    assert claim_job(store, "a.1")
    assert not finish_job(store, one.id, claim="b.1", state="done", result={"from": "b"})
    assert finish_job(store, one.id, claim="a.1", state="done", result={"from": "a"})
    assert not finish_job(store, one.id, claim="a.1", state="failed", problem=PROBLEM)
    assert result_of(store, one.id) == {"from": "a"} and seen(store, one).state == "done"


def test_what_is_written_with_a_finished_job_is_written_with_it_or_not_at_all(store: Store) -> None:
    one = added(store)
    assert claim_job(store, "a.1")

    def fails(transaction: object) -> None:
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        finish_job(store, one.id, claim="a.1", state="done", result={}, also=fails)
    assert seen(store, one).state == "running" and result_of(store, one.id) is None


def test_a_job_whose_worker_is_silent_waits_again_and_what_that_worker_says_later_counts_no_more(store: Store) -> None:
    one = added(store)
    assert claim_job(store, "a.1") and beat(store, one.id, claim="a.1", progress=0.5)
    assert requeue_lost(store, dead=nobody, problem=PROBLEM) == [] and seen(store, one).progress == 0.5
    silent(store, one)
    assert [found.id for found in requeue_lost(store, dead=nobody, problem=PROBLEM)] == [one.id]
    assert seen(store, one).state == "waiting"
    assert not beat(store, one.id, claim="a.1", progress=0.9)
    again = claim_job(store, "b.1")
    assert again is not None and again.attempts == 2
    assert not finish_job(store, one.id, claim="a.1", state="done", result={"from": "a"})
    assert finish_job(store, one.id, claim="b.1", state="done", result={"from": "b"}) and result_of(store, one.id) == {"from": "b"}


def test_of_a_worker_that_is_known_to_be_dead_no_sign_is_waited_for(store: Store) -> None:
    one, other = added(store), added(store)
    assert claim_job(store, "dead.1") and claim_job(store, "alive.1")
    assert [found.id for found in requeue_lost(store, dead=lambda claim: claim.startswith("dead."), problem=PROBLEM)] == [one.id]
    assert seen(store, other).state == "running"


def test_a_job_that_takes_its_worker_with_it_each_time_has_failed_in_the_end(store: Store) -> None:
    one = added(store)
    for attempt in range(ATTEMPTS):
        assert claim_job(store, f"a.{attempt}")
        silent(store, one)
        assert requeue_lost(store, dead=nobody, problem=PROBLEM)
    found = seen(store, one)
    assert (
        (found.state, found.problem, found.attempts) == ("failed", PROBLEM, ATTEMPTS) and found.finished and claim_job(store, "b") is None
    )


def test_a_job_that_is_given_back_waits_again_and_has_lost_no_attempt(store: Store) -> None:
    one = added(store)
    assert claim_job(store, "a.1") and give_back(store, one.id, claim="a.1")
    assert (seen(store, one).state, seen(store, one).attempts) == ("waiting", 0) and not give_back(store, one.id, claim="a.1")


def test_a_cancelled_job_is_nobodys(store: Store) -> None:
    one, other = added(store), added(store)
    assert claim_job(store, "a.1") and cancel_job(store, one.id) and cancel_job(store, other.id)
    assert not beat(store, one.id, claim="a.1", progress=0.1) and not finish_job(store, one.id, claim="a.1", state="done", result={})
    assert claim_job(store, "b.1") is None and not cancel_job(store, one.id)
    assert delete_job(store, one.id) and not delete_job(store, one.id) and find_job(store, one.id) is None


def test_a_job_that_runs_is_not_deleted(store: Store) -> None:
    one = added(store)
    assert not delete_job(store, one.id) and claim_job(store, "a.1") and not delete_job(store, one.id)


def test_jobs_are_listed_newest_first_page_by_page(store: Store) -> None:
    made = [added(store, key=key) for key in "xyxyx"]
    pages = [list_jobs(store, key=None, limit=2)]
    while page := list_jobs(store, key=None, limit=2, before=pages[-1][-1].id):
        pages.append(page)
    assert [one.id for page in pages for one in page] == [one.id for one in reversed(made)] and len(pages) == 3
    assert [one.id for one in list_jobs(store, key="y", limit=9)] == [made[3].id, made[1].id]


@pytest.mark.skipif(sys.platform == "win32", reason="files know no such locks on Windows; signs of life are waited for there")
def test_a_process_is_dead_from_the_moment_it_is_killed(tmp_path: Path) -> None:
    held = living.live(tmp_path, "here")
    code = (
        f"import pathlib, affekt.store.living as l; f = l.live(pathlib.Path({str(tmp_path)!r}), 'there'); print('up', flush=True); input()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdin is not None and child.stdout.readline() == b"up\n"
    assert living.dead(tmp_path) == set()
    os.kill(child.pid, 9)
    child.wait()
    assert living.dead(tmp_path) == {"there"}
    living.bury(tmp_path, "there")
    assert living.dead(tmp_path) == set() and not held.closed
    child.stdin.close(), child.stdout.close()


def run_together(targets: list[Callable[[], object]]) -> None:
    threads = [Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
