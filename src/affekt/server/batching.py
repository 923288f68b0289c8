"""What several callers give at about the same time goes through a model together; what is too much is told to come again.

Dynamic batching as of Crankshaw et al. 2017, Clipper (NSDI): a run takes what waits, up to a size, and waits a little for more. A call of
many items shares each run with the calls beside it, so that a small one need not wait until a large one is done.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from affekt.server.problems import Problem

Item = TypeVar("Item")
Result = TypeVar("Result")
Told = Callable[[int, float, float], object]  # (items of a run, seconds that its oldest had waited, seconds that it took)
LATELY = 0.2  # weight of the last run in the mean time of an item


@dataclass(slots=True, eq=False)
class _Call(Generic[Item, Result]):
    """What one caller gave; `at` is the next item to be run."""

    items: Sequence[Item]
    done: "asyncio.Future[list[Result]]"
    since: float
    results: dict[int, Result] = field(default_factory=dict)
    at: int = 0


class Batcher(Generic[Item, Result]):
    """Runs items of many callers together.

    Args:
        run: the results of items, in order; is called in a thread.
        most: items of a run.
        wait: seconds that a run waits for more items.
        queue: items that may wait; more are refused.
        workers: runs at a time.
        told: is told of each run.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Sequence[Result]],
        *,
        most: int,
        wait: float,
        queue: int,
        workers: int,
        told: Told | None = None,
    ) -> None:
        self.run, self.most, self.wait, self.queue, self.told = run, most, wait, queue, told
        self.waiting = 0  # items
        self.running = 0  # runs
        self.open = True
        self._calls: deque[_Call[Item, Result]] = deque()
        self._came, self._idle = asyncio.Condition(), asyncio.Event()
        self._idle.set()
        self._per_item = 0.0  # seconds, lately
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, "affekt-run")
        self._tasks = [asyncio.create_task(self._work()) for _ in range(workers)]

    async def submit(self, items: Sequence[Item]) -> list[Result]:
        """The results of some items, in order.

        Raises:
            Problem: too many wait already (429), or the server is shutting down (503); `Retry-After` says when to come again.
        """
        if not self.open:
            raise Problem(503, "shutting-down", "the server is shutting down; call again in a moment", headers={"Retry-After": "5"})
        if self.waiting and self.waiting + len(items) > self.queue:
            seconds = max(1, math.ceil(self.waiting * self._per_item / self._workers))
            raise Problem(
                429, "too-busy", f"{self.waiting} items wait already; call again in {seconds} s", headers={"Retry-After": str(seconds)}
            )
        call = _Call[Item, Result](items, asyncio.get_running_loop().create_future(), time.monotonic())
        if not items:
            return []
        self.waiting += len(items)
        self._idle.clear()
        async with self._came:
            self._calls.append(call)
            self._came.notify()
        return await call.done

    async def close(self) -> None:
        """Takes no more, and finishes what it has."""
        self.open = False
        await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pool.shutdown()

    async def _work(self) -> None:
        while True:
            async with self._came:
                await self._came.wait_for(lambda: self._calls)
            rest = self._calls[0].since + self.wait - time.monotonic() if self._calls else 0.0
            if rest > 0 and self.waiting < self.most:
                await asyncio.sleep(rest)
            chosen = self._choose()
            if chosen:
                await self._run(chosen)
            if not self.waiting and not self.running:
                self._idle.set()

    def _choose(self) -> list[tuple[_Call[Item, Result], int]]:
        """The next items, one of each call in turn; callers that have gone are left out."""
        chosen: list[tuple[_Call[Item, Result], int]] = []
        while self._calls and len(chosen) < self.most:
            call = self._calls.popleft()
            if call.done.done():  # its caller has gone
                self.waiting -= len(call.items) - call.at
                continue
            chosen.append((call, call.at))
            call.at += 1
            self.waiting -= 1
            if call.at < len(call.items):
                self._calls.append(call)
        return chosen

    async def _run(self, chosen: list[tuple[_Call[Item, Result], int]]) -> None:
        self.running += 1
        began = time.monotonic()
        waited = began - min(call.since for call, _ in chosen)
        items = [call.items[at] for call, at in chosen]
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._pool, self.run, items)
        except Exception as error:  # it is raised where it was asked for
            for call, _ in chosen:
                if not call.done.done():
                    call.done.set_exception(error)
            return
        finally:
            self.running -= 1
        took = time.monotonic() - began
        self._per_item += LATELY * (took / len(items) - self._per_item)
        if self.told is not None:
            self.told(len(items), waited, took)
        for (call, at), result in zip(chosen, results, strict=True):
            call.results[at] = result
            if len(call.results) == len(call.items) and not call.done.done():
                call.done.set_result([call.results[number] for number in range(len(call.items))])
