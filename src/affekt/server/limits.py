"""How much a caller may ask for: the size of a body, and calls a minute."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affekt.server.problems import Problem, Shape, reply

MINUTE = 60.0
STILL = 60.0  # seconds in which something comes of a body that is not whole yet
KNOWN = 10_000  # callers that are counted; the one that has not called for longest is forgotten


@dataclass(slots=True)
class Rate:
    """Calls a minute of each caller, as a bucket of tokens that fills evenly.

    Args:
        limit: calls a minute; 0: any number.
    """

    limit: int
    buckets: dict[str, tuple[float, float]] = field(default_factory=dict)  # caller -> tokens, and when that was

    def spend(self, caller: str, *, now: float | None = None) -> None:
        """Counts one call.

        Raises:
            Problem: 429, with the seconds until the next.
        """
        if not self.limit:
            return
        now = time.monotonic() if now is None else now
        tokens, since = self.buckets.pop(caller, (float(self.limit), now))
        tokens = min(self.limit, tokens + (now - since) * self.limit / MINUTE)
        enough = tokens >= 1
        self.buckets[caller] = (tokens - enough, now)
        if len(self.buckets) > KNOWN:
            del self.buckets[next(iter(self.buckets))]
        if not enough:
            seconds = max(1, round((1 - tokens) * MINUTE / self.limit + 0.5))
            raise Problem(
                429,
                "too-many-calls",
                f"more than {self.limit} calls a minute; call again in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )


class BodyLimit:
    """Refuses bodies that are too large, by what they say and by what comes, and those of which nothing comes any more.

    Args:
        most: bytes.
        larger: path -> bytes of the calls that may have more.
        shapes: path -> how errors are told there.
    """

    def __init__(self, app: ASGIApp, *, most: int, larger: Mapping[str, int], shapes: Mapping[str, Shape]) -> None:
        self.app, self.most, self.larger, self.shapes = app, most, larger, shapes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self.larger.get(scope["path"], self.most)
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        problem = Problem(413, "too-large", f"a body of more than {most:,} bytes; send less at once, or a file as a job to /v1/jobs")
        if said.isdigit() and int(said) > most:
            await reply(problem, shape=self.shapes.get(scope["path"]))(scope, receive, send)
            return
        came, whole = 0, False

        async def counted() -> Message:
            nonlocal came, whole
            try:
                async with asyncio.timeout(None if whole else STILL):  # after a body it is waited for that the caller goes
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, f"nothing came of the body for {STILL:.0f} s; send it at once", {"Connection": "close"}) from error
            whole = not message.get("more_body", False)
            came += len(message.get("body", b""))
            if came > most:
                raise problem
            return message

        await self.app(scope, counted, send)
