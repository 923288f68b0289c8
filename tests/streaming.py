"""A server that runs as it does in use, but for its models, which may be staged; and a client of its live streams."""

import asyncio
import json
import math
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection as Blocking

from affekt.pipeline import Reader
from affekt.server.app import make_app
from affekt.server.live import Streams
from affekt.settings import resolve_server

HEAD = struct.Struct("<Bd")
PATIENCE = 60.0  # seconds in which a stream of these tests has come to its end
Input = bytes | str


@dataclass
class Running:
    """A server in a thread. Args: url: of its WebSockets."""

    url: str
    app: Any

    @property
    def streams(self) -> Streams:
        return self.app.state.service.streams


@contextmanager
def serving(folder: Path, reader: Reader | None = None, **settings: Any) -> Iterator[Running]:
    """A server that listens on a free port. Args: reader: default one with the shipped models."""
    made = resolve_server(folder=str(folder), port=0, **{"access": "open", **settings})
    app = make_app(made)
    if reader is not None:
        app.state.reader = reader
    config = uvicorn.Config(app, port=0, log_config=None, ws_ping_interval=None, ws_per_message_deflate=False, ws_max_size=made.most_bytes)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    try:
        yield Running(f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app)
    finally:
        server.should_exit = True
        thread.join(30)


def heard(samples: np.ndarray, *, size: int = 800, timed: bool = False) -> Iterator[bytes]:
    """Sound as binary frames, (n,) at 16 kHz."""
    data = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    for begin in range(0, len(data), size):
        yield HEAD.pack(1, begin / 16000 if timed else math.nan) + data[begin : begin + size].tobytes()


def seen(time: float, pixels: np.ndarray, kind: str = "PNG") -> bytes:
    """A picture as a binary frame."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return HEAD.pack(2, time) + out.getvalue()


def said(**given: Any) -> str:
    return json.dumps(given)


@dataclass
class Played:
    """What a client was told. Args: numbered: by number, each once, in order. close: code and reason."""

    numbered: list[dict[str, Any]] = field(default_factory=list)
    other: list[dict[str, Any]] = field(default_factory=list)
    close: tuple[int | None, str] = (None, "")
    connections: int = 0

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in (*self.numbered, *self.other) if one["type"] == kind]

    @property
    def finals(self) -> list[dict[str, Any]]:
        return [one["reading"] for one in self.of("reading") if not one["reading"].get("provisional")]

    @property
    def timeline(self) -> dict[str, Any]:
        (ended,) = self.of("ended")
        return ended["timeline"]


def play(url: str, start: dict[str, Any], inputs: Sequence[Input], *, drops: Random | None = None, pace: float = 0.0) -> Played:
    """A whole stream.

    Args:
        drops: where the connection is lost: about every fifteenth message, either way.
        pace: seconds between two inputs.
    """
    return asyncio.run(asyncio.wait_for(_play(url, start, inputs, drops=drops, pace=pace), PATIENCE))


async def _play(url: str, start: dict[str, Any], inputs: Sequence[Input], *, drops: Random | None, pace: float) -> Played:
    played, known = Played(), dict[str, Any]()
    while played.close[0] is None:
        played.connections += 1
        async with connect(f"{url}/v1/stream", compression=None, max_size=None) as socket:
            with suppress(ConnectionClosed):
                await _connection(socket, played, known, start=start, inputs=inputs, drops=drops, pace=pace)
            if socket.close_code not in (None, 1006):
                played.close = (socket.close_code, socket.close_reason or "")
    return played


async def _connection(
    socket: ClientConnection,
    played: Played,
    known: dict[str, Any],
    *,
    start: dict[str, Any],
    inputs: Sequence[Input],
    drops: Random | None,
    pace: float,
) -> None:
    def lose() -> None:
        if drops is not None and drops.random() < 1 / 15:
            socket.transport.abort()

    after = played.numbered[-1]["seq"] if played.numbered else 0
    first = (
        {"type": "resume", "stream": known["stream"], "resume": known["resume"], "after": after} if known else {"type": "start", **start}
    )
    await socket.send(json.dumps(first))
    answer = json.loads(await socket.recv())
    known |= answer if answer["type"] == "started" else {}
    if answer["type"] == "problem":
        played.other.append(answer)
        await socket.wait_closed()
        return

    async def feed() -> None:
        for one in inputs[answer.get("received", 0) :]:
            await socket.send(one)
            lose()
            await asyncio.sleep(pace)

    feeding = asyncio.create_task(feed())
    try:
        async for text in socket:
            told = json.loads(text)
            if "seq" in told:
                assert not played.numbered or told["seq"] > played.numbered[-1]["seq"], "told twice"
                played.numbered.append(told)
            else:
                played.other.append(told)
            lose()
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


def refused(url: str, *messages: Input, path: str = "/v1/stream") -> tuple[int | None, list[dict[str, Any]]]:
    """The code with which a connection closes that sends these messages, and what was told on it."""

    async def ask() -> tuple[int | None, list[dict[str, Any]]]:
        told = []
        async with connect(f"{url}{path}", compression=None, max_size=None) as socket:
            with suppress(ConnectionClosed):  # it may close before all is sent
                for one in messages:
                    await socket.send(one)
            with suppress(ConnectionClosed):
                while True:
                    told.append(json.loads(await socket.recv()))
            return socket.close_code, told

    return asyncio.run(asyncio.wait_for(ask(), PATIENCE))


def rest(socket: Blocking) -> list[dict[str, Any]]:
    """All that is told until the connection closes."""
    told = []
    with suppress(ConnectionClosed):
        while True:
            told.append(json.loads(socket.recv(timeout=30)))
    return told
