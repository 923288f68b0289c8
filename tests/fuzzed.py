"""Messages of any kind for `/v1/stream`: valid ones, nearly valid ones, and noise; the same for the same seed."""

import asyncio
import json
import math
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

STARTS = ({"sound": {}}, {"words": True}, {"pictures": True}, {"sound": {"rate": 8000}, "words": True, "pictures": True}, {})
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, 2**70, "", "x", "\u0000", "stream_" + "x" * 90),
    *([], {}, [[]], {"rate": "16000"}, {"rate": 1e9}, "💥" * 50, "x" * 5000),
)
NAMES = "type labels sound pictures words who save subjects provisional start end text after resume".split(" ")  # noqa: SIM905
TYPES = ("start", "resume", "words", "end", "ping", "pong", "problem", "", "Start", "ended")
TIMES = (0.0, 0.1, 1.0, 5.0, -0.0, -1.0, 1e9, 1e300, math.inf, -math.inf, math.nan)
AT_ONCE = 8  # connections


@dataclass
class Found:
    """What came of it. Args: codes: with which connections closed; None: it had to be given up."""

    messages: int = 0
    connections: int = 0
    codes: Counter[int | None] = field(default_factory=Counter)


def fuzz(url: str, messages: int, *, seed: int, patience: float = 30.0) -> Found:
    """Sends so many messages to a server, and some more to end with.

    Args:
        patience: seconds in which a connection must have closed.
    """
    found, random = Found(), Random(seed)

    async def work(own: Random) -> None:
        while found.messages < messages:
            await _connection(url, own, found, patience=patience)

    async def everyone() -> None:
        await asyncio.gather(*(work(Random(random.random())) for _ in range(AT_ONCE)))

    asyncio.run(everyone())
    return found


async def _connection(url: str, random: Random, found: Found, *, patience: float) -> None:
    async with connect(f"{url}/v1/stream", compression=None, max_size=None, close_timeout=patience) as socket:
        found.connections += 1
        with suppress(ConnectionClosed):
            if random.random() < 0.8:
                found.messages += 1
                await socket.send(json.dumps({"type": "start", **random.choice(STARTS)}))
            for _ in range(random.randrange(12)):
                found.messages += 1
                await socket.send(_message(random))
                if random.random() < 0.02:
                    socket.transport.abort()
            if random.random() < 0.5:
                await socket.send('{"type":"end"}')
            elif random.random() < 0.5:
                await socket.close()
            else:
                await socket.send("}")  # closes in any case
        try:
            async with asyncio.timeout(patience):
                with suppress(ConnectionClosed):
                    while True:
                        await socket.recv()
        except TimeoutError:
            pass
        found.codes[socket.close_code] += 1


def _message(random: Random) -> str | bytes:
    kind = random.randrange(7)
    if kind == 0:
        return random.randbytes(random.randrange(40))
    if kind <= 2:
        data = random.randbytes(random.choice((0, 1, 2, 640, 641, 3200, 20_000)))
        return struct.pack("<Bd", random.choice((0, 1, 1, 1, 2, 3, 255)), random.choice(TIMES)) + data
    if kind == 3:
        return "".join(chr(random.randrange(1, 0xD000)) for _ in range(random.randrange(30)))
    if kind == 4:
        words = {"start": random.choice((0, 1.5)), "end": random.choice((2, 9)), "text": random.choice(("so sad", " "))}
        return json.dumps({"type": "words", **words})
    made = {random.choice(NAMES): random.choice(VALUES) for _ in range(random.randrange(6))}
    more = {} if kind == 5 else random.choice(STARTS)
    text = json.dumps({**more, "type": random.choice(TYPES), **made})
    cut = random.randrange(len(text))
    return text if random.random() < 0.7 else text[:cut] + chr(random.randrange(32, 127)) + text[cut + 1 :]
