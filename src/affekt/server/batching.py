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

from opentelemetry.trace import SpanContext, get_current_span

from affekt.server.problems import Problem

Item = TypeVar("Item")
Result = TypeVar("Result")
LATELY = 0.2  # weight of the last run in the mean time of an item


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a model.

    Args:
        items: that went through it together.
        waited, took: seconds: of its oldest item until it began, and of itself.
        callers: the spans of those who asked.
    """

    items: int
    waited: float
    took: float
    callers: tuple[SpanContext, ...] = ()


@dataclass(slots=True, eq=False)
class _Call(Generic[Item, Result]):
    """What one caller gave; `at` is the next item to be run, `began` when the first was."""

    items: Sequence[Item]
    done: "asyncio.Future[list[Result]]"
    since: float
    caller: SpanContext
    began: float = 0.0
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
        served: is told of each call the seconds that it waited, and those from its first run to its last.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Sequence[Result]],
        *,
        most: int,
        wait: float,
        queue: int,
        workers: int,
        told: Callable[[Run], object] = lambda _: None,
        served: Callable[[float, float], object] = lambda _waited, _took: None,
    ) -> None:
        self.run, self.most, self.wait, self.queue, self.told, self.served = run, most, wait, queue, told, served
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
        call = _Call[Item, Result](
            items, asyncio.get_running_loop().create_future(), time.monotonic(), get_current_span().get_span_context()
        )
        if not items:
            return []
        self.waiting += len(items)
        self._idle.clear()
        async with self._came:
            self._calls.append(call)
            self._came.notify()
        results = await call.done
        self.served(call.began - call.since, time.monotonic() - call.began)
        return results

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
        share = math.ceil(self.waiting / (self._workers - self.running))  # the others who have nothing to do take as many
        while self._calls and len(chosen) < min(self.most, share):
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
        calls = {id(call): call for call, _ in chosen}.values()
        for call in calls:
            call.began = call.began or began
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
        callers = tuple(call.caller for call in calls if call.caller.is_valid)
        self.told(Run(len(items), began - min(call.since for call in calls), took, callers))
        for (call, at), result in zip(chosen, results, strict=True):
            call.results[at] = result
            if len(call.results) == len(call.items) and not call.done.done():
                call.done.set_result([call.results[number] for number in range(len(call.items))])
