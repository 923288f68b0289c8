"""What of a live stream has come and waits to be read: put by the event loop, taken by a thread; bounded."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from affekt.errors import InputError, InputTooLarge
from affekt.sources.pictures import LARGEST

HEARD_AT_ONCE = 0.1  # seconds of sound that a thread is woken for: as much as is listened to at once
FORMATS = ("JPEG", "PNG", "WEBP")


class Inlet:
    """A queue from the loop into a thread.

    Args:
        room: size of all that may wait; one item may be larger where nothing else waits.
        least: size from which the thread is woken.
        told: is told the seconds for which what is taken had been ready.
    """

    def __init__(self, *, room: float, least: float = 0.0, told: Callable[[float], object] = lambda _: None) -> None:
        self.room, self.least, self.told = room, least, told
        self.size = 0.0
        self.open = True
        self._items: deque[tuple[Any, float]] = deque()
        self._ready = 0.0  # when there was enough to be taken
        self._came = threading.Condition()
        self._loop, self._emptier = asyncio.get_running_loop(), asyncio.Event()
        self._awaited = False

    async def wait(self, size: float) -> None:
        """Waits until there is room for so much."""
        while self.open and self.size and self.size + size > self.room:
            self._emptier.clear()
            self._awaited = True
            if self.size and self.size + size > self.room:  # else it was taken in between
                await self._emptier.wait()

    def put(self, item: Any, size: float) -> None:
        """Has an item wait."""
        with self._came:
            if not self.open:
                return
            before = self.size
            self._items.append((item, size))
            self.size += size
            if before < self.least <= self.size or not before:
                self._ready = time.monotonic()
            if self.size >= self.least:
                self._came.notify()

    def put_newest(self, item: Any, size: float) -> int:
        """Has an item wait in any case; the number of the oldest ones that are left out for it."""
        left = 0
        with self._came:
            while self._items and self.size + size > self.room:
                self.size -= self._items.popleft()[1]
                left += 1
            self.size = self.size if self._items else 0.0
        self.put(item, size)
        return left

    def take(self) -> list[Any] | None:
        """All that waits, as soon as it is enough; None: nothing more will come."""
        with self._came:
            while self.open and (not self._items or self.size < self.least):
                self._came.wait()
            if not self._items:
                return None
            items = [item for item, _ in self._items]
            self._items.clear()
            self.size = 0.0
            waited = time.monotonic() - self._ready
        if self._awaited:
            self._awaited = False
            self._wake()
        self.told(waited)
        return items

    def close(self, *, discard: bool = False) -> None:
        """Takes nothing more. Args: discard: nor is what waits read."""
        with self._came:
            self.open = False
            if discard:
                self._items.clear()
            self._came.notify()
        self._emptier.set()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            self._loop.call_soon_threadsafe(self._emptier.set)


def pieces_of(inlet: Inlet) -> Iterator[Any]:
    """Sound as `Reader.stream` takes it: what follows on is joined to what came before, which spares work for each piece."""
    while (taken := inlet.take()) is not None:
        begin, joined = taken[0][0], [taken[0][1]]
        for at, data in taken[1:]:
            if at is not None:
                yield b"".join(joined) if begin is None else (begin, b"".join(joined))
                begin, joined = at, []
            joined.append(data)
        yield b"".join(joined) if begin is None else (begin, b"".join(joined))


def frames_of(inlet: Inlet, *, most: int, damaged: Callable[[str], object]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Pictures as `Reader.stream` takes them.

    Args:
        most: pixels of one.
        damaged: is told why one cannot be decoded; it is left out.

    Raises:
        InputTooLarge: one has more pixels.
    """
    while (taken := inlet.take()) is not None:
        for at, data in taken:
            try:
                yield at, decoded(data, most=most)
            except InputTooLarge:
                raise
            except InputError as error:
                damaged(str(error))


def lines_of(inlet: Inlet) -> Iterator[tuple[float, float, str, str | None]]:
    """Words as `Reader.stream` takes them."""
    while (taken := inlet.take()) is not None:
        yield from taken


def decoded(data: bytes, *, most: int) -> NDArray[np.uint8]:
    """The pixels of a JPEG, PNG or WebP, (height, width, 3) RGB, upright.

    Raises:
        InputTooLarge: it has more than `most` pixels.
        InputError: it is none of these, or damaged.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > most:
                raise InputTooLarge(f"a picture of {image.width} x {image.height} pixels; at most {most:,} are read: make it smaller")
            image.draft("RGB", (LARGEST, LARGEST))
            upright = ImageOps.exif_transpose(image.convert("RGB"))
    except InputTooLarge:
        raise
    except Image.DecompressionBombError as error:
        raise InputTooLarge(f"a picture of too many pixels; at most {most:,} are read: make it smaller") from error
    except Exception as error:  # Pillow's decoders raise many types, and say things of bytes
        raise InputError("a picture could not be decoded; it is a JPEG, PNG or WebP") from error
    upright.thumbnail((LARGEST, LARGEST))
    return np.asarray(upright)
