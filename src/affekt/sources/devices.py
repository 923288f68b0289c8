"""A microphone and a camera on one clock, each read in a thread of its own, so that what takes time afterwards loses and delays nothing."""

import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from typing import Any

from affekt.sources.live import Clock, microphone, stamped
from affekt.sources.pictures import camera

WAITING = 2  # frames that may wait to be looked at; a face of half a second ago is of no use live


def microphone_pieces(name: bool | str, clock: Clock) -> Iterator[tuple[float, Any]]:
    """What a microphone hears, as `Reader.stream` takes sound; it is opened at once.

    Args:
        name: as of `microphone`; True or False: the default one.

    Raises:
        InputError, MissingExtra: as of `microphone`.
    """
    opened = microphone(name if isinstance(name, str) else None)
    return drained(stamped(opened.blocks(), clock))


def camera_frames(number: int | str | None, clock: Clock) -> Iterator[tuple[float, Any]]:
    """What a camera sees, as `Reader.stream` takes pictures; it is opened at once.

    Raises:
        InputError, MissingExtra: as of `camera`.
    """
    opened = camera(number or 0)
    return drained(stamped(opened.frames(), clock), most=WAITING)


def drained(pieces: Iterable[Any], *, most: int = 0) -> Iterator[Any]:
    """The pieces, taken in a thread of their own as soon as they come.

    Args:
        most: pieces that may wait; of more the oldest go. 0: all wait.

    Raises:
        Exception: whatever `pieces` raises.
    """
    waiting: Queue[tuple[Any, BaseException | None]] = Queue(most)
    over = threading.Event()

    def put(item: tuple[Any, BaseException | None]) -> None:
        while True:
            try:
                return waiting.put_nowait(item)
            except Full:
                try:
                    waiting.get_nowait()
                except Empty:
                    continue

    def drain() -> None:
        try:
            for piece in pieces:
                if over.is_set():
                    return
                put((piece, None))
        except Exception as error:  # it is raised where the pieces are used
            return put((None, error))
        put((None, StopIteration()))

    thread = threading.Thread(target=drain, daemon=True)

    def given() -> Iterator[Any]:
        thread.start()
        try:
            while True:
                piece, error = waiting.get()
                if isinstance(error, StopIteration):
                    return
                if error is not None:
                    raise error
                yield piece
        finally:
            over.set()

    return given()
