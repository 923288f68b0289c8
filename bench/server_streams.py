"""Live streams side by side: how late final readings come of so many speakers, in real time.

python bench/server_streams.py ws://127.0.0.1:8700 60 --seconds 60
"""

import argparse
import asyncio
import json
import math
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import affekt
from affekt.preprocessing.speech import PAD, PAUSE, SECOND
from affekt.sources.audio import RATE, open_audio
from machine import machine

SPEECH = Path(affekt.__file__).parent / "samples" / "train.ogg"
SILENCE = 1.0  # seconds between two times that the sample is said
PIECE = 0.04  # seconds of sound in one frame
DECIDED = (PAUSE - PAD) / SECOND  # seconds after an utterance's end, as readings give it, in which it is heard that it has ended
HEAD = struct.Struct("<Bd")


@dataclass(frozen=True)
class Drive:
    """How a server is driven.

    Args:
        url: of the server, as ws://127.0.0.1:8700.
        seconds: that each speaks.
        piece: seconds of sound in one frame.
        start: members of the first message, beside its sound.
        key: that is shown.
    """

    url: str
    streams: int
    seconds: float = 60.0
    piece: float = PIECE
    start: dict[str, Any] = field(default_factory=dict)
    key: str = ""


@dataclass
class Told:
    """What came of it. Args: late: seconds from when the sound that ends an utterance was sent until its reading came."""

    late: list[float] = field(default_factory=list)
    provisional: int = 0
    finals: int = 0
    refused: list[str] = field(default_factory=list)


def drive(given: Drive) -> dict[str, Any]:
    """So many people speak to a server that runs, each in real time; how late it is."""
    told = Told()
    asyncio.run(_everyone(given, told))
    late = 1000 * np.array(told.late or [math.nan])
    return {
        "streams": given.streams,
        "seconds": given.seconds,
        "piece_ms": round(1000 * given.piece),
        "finals": told.finals,
        "provisional_a_second_of_each": round(told.provisional / given.streams / given.seconds, 2),
        "late_ms": {f"p{at}": round(float(np.percentile(late, at))) for at in (50, 95, 99, 100)},
        "after_the_end_ms": {"p95": round(float(np.percentile(late, 95)) + 1000 * DECIDED)},
        "refused": told.refused,
        **machine(),
    }


async def _everyone(given: Drive, told: Told) -> None:
    """Each speaker is elsewhere in the sample, and begins at another moment."""
    samples = np.concatenate(list(open_audio(SPEECH).blocks()), axis=1)[0]
    whole = np.concatenate([samples, np.zeros(round(SILENCE * RATE), np.float32)])
    sound, random = np.round(np.clip(whole, -1, 1) * 32767).astype("<i2"), Random(0)
    speakers = [_speaker(given, told, np.roll(sound, -random.randrange(len(sound))), wait=random.random()) for _ in range(given.streams)]
    await asyncio.gather(*speakers)


async def _speaker(given: Drive, told: Told, sound: np.ndarray, *, wait: float) -> None:
    await asyncio.sleep(wait)
    headers = {"Authorization": f"Bearer {given.key}"} if given.key else None
    async with connect(f"{given.url}/v1/stream", additional_headers=headers, compression=None, max_size=None) as socket:
        await socket.send(json.dumps({"type": "start", "sound": {}, **given.start}))
        begun = json.loads(await socket.recv())
        if begun["type"] != "started":
            told.refused.append(begun["detail"])
            return
        sent = [(0.0, time.monotonic())]  # seconds of sound sent, and when
        feeding = asyncio.create_task(_feed(socket, sound, sent, seconds=given.seconds, piece=given.piece))
        try:
            async for text in socket:
                _note(text, told, sent)
        except ConnectionClosed as closed:
            told.refused.append(str(closed))
        finally:
            feeding.cancel()


async def _feed(socket: ClientConnection, sound: np.ndarray, sent: list[tuple[float, float]], *, seconds: float, piece: float) -> None:
    size, count = round(piece * RATE), 0
    began = time.monotonic()
    while count < seconds * RATE:
        data = np.take(sound, range(count, count + size), mode="wrap").tobytes()
        count += size
        await asyncio.sleep(max(began + count / RATE - time.monotonic(), 0))  # a piece can be sent when its last sample was heard
        sent.append((count / RATE, time.monotonic()))
        await socket.send(HEAD.pack(1, math.nan) + data)
    await socket.send('{"type":"end"}')


def _note(text: str | bytes, told: Told, sent: list[tuple[float, float]]) -> None:
    if not text.startswith('{"type":"reading"'):  # type: ignore[arg-type]
        return
    now = time.monotonic()
    reading = json.loads(text)["reading"]
    if reading["provisional"]:
        told.provisional += 1
        return
    told.finals += 1
    when = next((moment for position, moment in sent if position >= reading["end"] + DECIDED), None)
    if when is not None:  # else the end of the stream cut it off
        told.late.append(now - when)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("streams", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--piece", type=float, default=PIECE)
    parser.add_argument("--key", default="")
    parser.add_argument("--who", default="")
    parser.add_argument("--final", action="store_true", help="ask for no provisional readings")
    given = parser.parse_args()
    start = {**({"who": given.who} if given.who else {}), "provisional": not given.final}
    one = Drive(given.url, given.streams, seconds=given.seconds, piece=given.piece, start=start, key=given.key)
    print(json.dumps(drive(one)))


if __name__ == "__main__":
    main()
