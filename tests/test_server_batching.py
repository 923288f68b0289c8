"""What is given at about the same time runs together, in order, and what is too much is refused."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from affekt.server.batching import Batcher
from affekt.server.limits import Rate
from affekt.server.problems import Problem


class Runs:
    """A model that notes what goes through it together; it begins each run when it is let."""

    def __init__(self, *, fails: Callable[[list[int]], bool] = lambda _: False) -> None:
        self.runs: list[list[int]] = []
        self.fails, self.let = fails, threading.Event()
        self.let.set()

    def __call__(self, items: list[int]) -> list[int]:
        self.let.wait(10)
        self.runs.append(list(items))
        if self.fails(items):
            raise ValueError("broken")
        return [10 * item for item in items]


def run(scene: Callable[[Runs, Batcher[int, int]], Any], *, runs: Runs | None = None, **given: Any) -> Runs:
    runs = runs or Runs()

    async def whole() -> None:
        batcher = Batcher(runs, **{"most": 8, "wait": 0.02, "queue": 100, "workers": 1, **given})
        await scene(runs, batcher)
        await batcher.close()

    asyncio.run(whole())
    return runs


def test_what_comes_at_the_same_time_runs_together() -> None:
    async def scene(_runs: Runs, batcher: Batcher[int, int]) -> None:
        assert await asyncio.gather(*(batcher.submit([one]) for one in range(5))) == [[0], [10], [20], [30], [40]]

    assert run(scene).runs == [[0, 1, 2, 3, 4]]


def test_a_small_call_does_not_wait_for_a_large_one() -> None:
    async def scene(runs: Runs, batcher: Batcher[int, int]) -> None:
        runs.let.clear()
        large = asyncio.create_task(batcher.submit(list(range(40))))
        await asyncio.sleep(0.05)
        small = asyncio.create_task(batcher.submit([100]))
        await asyncio.sleep(0.05)
        runs.let.set()
        assert await small == [1000] and not large.done()
        assert await large == [10 * one for one in range(40)]

    assert 100 in run(scene).runs[1]


def test_idle_workers_share_what_waits() -> None:
    async def scene(_runs: Runs, batcher: Batcher[int, int]) -> None:
        await asyncio.gather(*(batcher.submit([one]) for one in range(6)))

    assert sorted(map(len, run(scene, workers=2).runs)) == [3, 3]


def test_what_is_too_much_is_told_when_to_come_again() -> None:
    async def scene(runs: Runs, batcher: Batcher[int, int]) -> None:
        runs.let.clear()
        waiting = [asyncio.create_task(batcher.submit([one])) for one in range(5)]
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await batcher.submit([0] * 10)
        assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) >= 1
        runs.let.set()
        await asyncio.gather(*waiting)

    run(scene, queue=10, most=2)


def test_a_call_larger_than_the_queue_is_taken_where_nothing_waits() -> None:
    async def scene(_runs: Runs, batcher: Batcher[int, int]) -> None:
        assert len(await batcher.submit(list(range(30)))) == 30

    run(scene, queue=10)


def test_a_run_that_fails_fails_those_in_it_alone() -> None:
    async def scene(_runs: Runs, batcher: Batcher[int, int]) -> None:
        with pytest.raises(ValueError, match="broken"):
            await batcher.submit([13])
        assert await batcher.submit([1]) == [10]

    run(scene, runs=Runs(fails=lambda items: 13 in items))


def test_who_has_gone_is_not_run_for() -> None:
    async def scene(runs: Runs, batcher: Batcher[int, int]) -> None:
        runs.let.clear()
        first = asyncio.create_task(batcher.submit([1]))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(batcher.submit([2, 3]))
        await asyncio.sleep(0.05)
        gone.cancel()
        runs.let.set()
        await first
        assert await batcher.submit([4]) == [40] and batcher.waiting == 0

    assert run(scene).runs == [[1], [4]]


def test_closing_finishes_what_was_taken_and_takes_no_more() -> None:
    async def scene(runs: Runs, batcher: Batcher[int, int]) -> None:
        runs.let.clear()
        waiting = asyncio.create_task(batcher.submit([1, 2]))
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await batcher.submit([3])
        assert refused.value.status == 503 and not closing.done()
        runs.let.set()
        assert await waiting == [10, 20]
        await closing

    run(scene)


def test_no_call_is_a_run_of_nothing() -> None:
    async def scene(_runs: Runs, batcher: Batcher[int, int]) -> None:
        assert await batcher.submit([]) == []

    assert run(scene).runs == []


def test_a_caller_may_call_so_often_a_minute() -> None:
    rate, now = Rate(60), time.monotonic()
    for _ in range(60):
        rate.spend("ann", now=now)
    with pytest.raises(Problem) as refused:
        rate.spend("ann", now=now)
    assert refused.value.headers["Retry-After"] == "2"
    rate.spend("bob", now=now)
    rate.spend("ann", now=now + 2)


def test_without_a_limit_anyone_may_call() -> None:
    rate = Rate(0)
    for _ in range(1000):
        rate.spend("ann")
