"""Sound as it comes: a microphone, or samples from a socket or a pipe; and one clock for several devices that are live.

On that clock a moment is a number of seconds from the begin of the stream; of sound it is samples / 16,000.
"""

import asyncio
import math
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from affekt.errors import EmptyInput, InputError
from affekt.sources.audio import RATE, Audio, Floats, audio_of, av_library, decoded, finite, frame_of, open_audio, resampled, scaled
from affekt.sources.pictures import Frame, is_time

# Which of FFmpeg's devices records on a platform, and what it calls the default microphone.
ALSA = Path("/usr/share/alsa/alsa.conf")  # PyAV brings an ALSA of its own, which looks for its settings where it was built
DEVICES = {"linux": ("alsa", "default"), "darwin": ("avfoundation", ":default"), "win32": ("dshow", "audio=default")}
SLACK = 0.1  # seconds by which a chunk's time may differ from where it follows on: arrival jitters less, an ear hears no less
LONGEST = 3600.0  # seconds of silence at once: they take a detector 20 s; after more, as where a clock counts from 1970, it would hang
STARTING = 1.0  # seconds that a device may take to start, which is no fault
AWAY = 1.0  # seconds by which arrival falls behind at once where a device was away, or its pieces waited somewhere
WINDOW = 10.0  # seconds whose promptest piece tells how a device's time stands: clocks drift 1000 ppm at worst, 0.01 s in that time


def open_sound(source: Any, *, rate: int = RATE) -> Audio:
    """Whatever is sound, opened: None is the microphone, a string or path a file, an array samples, any other iterable pieces of samples.

    Args:
        rate: samples a second, of samples.

    Raises:
        InputError: there is no such file or microphone, or it is no sound.
    """
    if source is None:
        return microphone()
    if isinstance(source, Audio):
        return source
    if isinstance(source, (str, Path)):
        return open_audio(source)
    if isinstance(source, np.ndarray):
        return audio_of(source, rate=rate)
    if not isinstance(source, Iterable) or isinstance(source, (bytes, dict)):
        raise InputError(f"a sound is a path, an array or an iterable of pieces of samples, not {type(source).__name__}")
    return incoming(source, rate=rate)


def microphone(name: str | None = None) -> Audio:
    """What a microphone hears, without end.

    Args:
        name: as FFmpeg calls it: "hw:1" on Linux (`arecord -l` lists cards), ":1" on macOS, "audio=Headset" on Windows; None: the
            default one.

    Raises:
        InputError: there is no such microphone, or it cannot be used.
        MissingExtra: PyAV is not installed.
    """
    av = av_library()
    device, default = DEVICES.get(sys.platform, ("", ""))
    if not device:
        raise InputError(f"no microphone can be used on {sys.platform}; pipe samples into `affekt listen -` instead")
    if device == "alsa" and ALSA.is_file():
        os.environ.setdefault("ALSA_CONFIG_PATH", str(ALSA))
    try:
        container = av.open(name or default, format=device)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"the microphone {name or default!r} cannot be used ({error}); name another, do without (affekt watch --no-microphone), or "
            "pipe samples: arecord -t raw -f S16_LE -r 16000 -c 1 | affekt listen -"
        ) from error
    warnings: list[str] = []

    def blocks() -> Iterator[Floats]:
        with closing(container):
            yield from finite(decoded(av, container, 1, []), warnings)

    return Audio("microphone", 1, None, blocks, warnings)


def incoming(chunks: Iterable[Any], *, rate: int = RATE, name: str = "stream") -> Audio:
    """Samples that come piece by piece, as a sound; it can be read once.

    A chunk may say when it was heard. Where it begins more than 0.1 s after the end of what came before, there is silence between; where
    it begins more than 0.1 s before that end, what was given already is left out; `warnings` counts both. Else it follows on. So a
    device whose clock drifts is put right in steps of 0.1 s.

    Args:
        chunks: each (n,) floats with full scale at 1, or whole numbers with theirs, or bytes of 16-bit samples, low byte first; one
            channel. Or a pair of that with, before it, the seconds from the begin of the stream at which its first sample was heard;
            an empty one says that nothing was heard up to then.
        rate: samples a second.

    Raises:
        InputError: later, when it is read: a chunk is no such thing, or begins more than an hour after what came before.
    """
    if not 4000 <= rate <= 384_000:
        raise InputError(f"a rate of {rate} samples a second; it lies between 4,000 and 384,000")
    warnings: list[str] = []

    def blocks() -> Iterator[Floats]:
        samples = _placed(chunks, rate, name=name, warnings=warnings)
        first = next(samples, None)
        if first is None:
            raise EmptyInput(f"{name} ended before its first sample")
        everything = chain([first], samples)
        if rate == RATE:
            yield from everything
            return
        av = av_library()
        yield from resampled(av, (frame_of(av, piece, rate) for piece in everything), 1)

    return Audio(name, 1, None, lambda: finite(blocks(), warnings), warnings)


def _placed(chunks: Iterable[Any], rate: int, *, name: str, warnings: list[str]) -> Iterator[Floats]:
    """The samples, (1, n), of chunks, each where its time says."""
    count = end = 0  # samples given out; the one after the last chunk's last, by that chunk's own time
    slack, faults, half = round(SLACK * rate), _Faults(rate, warnings), b""
    for number, chunk in enumerate(chunks):
        seconds, samples = chunk if isinstance(chunk, tuple) and len(chunk) == 2 else (None, chunk)
        begin = end if seconds is None else _begin(seconds, rate, last=count, what=f"chunk {number} of {name}")
        late, early = begin > count + slack, begin < count - (slack if end >= count else 0)  # once behind, it catches up wholly
        found, half = _whole(samples, b"" if late or early else half)  # the other half of a sample is not beyond a gap
        if late:
            faults.away(count, begin)
            yield from (np.zeros((1, min(rate, begin - at)), np.float32) for at in range(count, begin, rate))
            count = begin
        elif not found.size:
            continue
        elif early:
            faults.overlaps(min(count - begin, found.shape[1]), new=end >= count)
        else:
            begin = count
        end = begin + found.shape[1]
        found = found[:, count - begin :]
        count += found.shape[1]
        if found.size:
            yield found


def _begin(seconds: Any, rate: int, *, last: int, what: str) -> int:
    """Where a chunk begins, in samples from the begin of the stream."""
    if not is_time(seconds):
        raise InputError(f"{what} is of {seconds!r}; a time is a number of seconds from 0 on")
    if seconds > last / rate + LONGEST:
        raise InputError(
            f"{what} is of {float(seconds):.1f} s, and what came before ended at {last / rate:.1f} s; seconds count from the begin of "
            "the stream, and after more than an hour without sound a new stream begins"
        )
    return round(float(seconds) * rate)


def _whole(chunk: Any, half: bytes) -> tuple[Floats, bytes]:
    """A chunk as (1, n), and the half of a sample that is left over where the end of a chunk of bytes cuts one in two."""
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        given = half + bytes(chunk)
        whole = len(given) // 2 * 2
        chunk, half = np.frombuffer(given[:whole], "<i2"), given[whole:]
    found = scaled(chunk)
    if found.shape[0] != 1:
        raise InputError(f"a chunk of shape {np.shape(chunk)}; a stream has one channel, (n,)")
    return found, half


class _Faults:
    """What was wrong with the times of chunks: one sentence a kind in `warnings`, kept up to date.

    Args:
        rate: samples a second; all else is counted in samples.
    """

    def __init__(self, rate: int, warnings: list[str]) -> None:
        self.rate, self.warnings = rate, warnings
        self.gaps = self.silence = self.filled = self.pieces = self.twice = 0

    def away(self, begin: int, end: int) -> None:
        if not begin and end <= STARTING * self.rate:
            return
        self.gaps += begin != self.filled or not begin  # silence that goes on is one gap
        self.filled = end
        self.silence += end - begin
        self._say("the sound was away", self.gaps, self.silence, "read as silence")

    def overlaps(self, count: int, *, new: bool) -> None:
        self.pieces += new
        self.twice += count
        self._say("the sound overlapped what came before it", self.pieces, self.twice, "what came twice was left out")

    def _say(self, what: str, count: int, samples: int, then: str) -> None:
        at = next((at for at, warning in enumerate(self.warnings) if warning.startswith(what)), len(self.warnings))
        times = "once" if count == 1 else f"{count} times"
        self.warnings[at : at + 1] = [f"{what} {times}, {samples / self.rate:.1f} s in all; {then}"]


class Clock:
    """Seconds since it was first asked: one for all devices of a stream, each of which may be read in a thread of its own.

    Args:
        now: seconds from any moment on.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now, self.begin, self._beginning = now, float("nan"), Lock()

    def __call__(self) -> float:
        with self._beginning:
            now = self.now()
            if math.isnan(self.begin):
                self.begin = now
            return now - self.begin


def stamped(pieces: Iterable[Any], clock: Callable[[], float], *, rate: int = RATE) -> Iterator[tuple[float, Any]]:
    """What a live device gives, each piece with the seconds on a clock that several devices share, as `incoming` and `pushed` take it.

    A device's own time (samples by their rate, a frame's seconds) runs evenly, while pieces arrive unevenly; but none arrives before
    it was heard. So the smallest lag of the last 10 s tells how the device's time stands on the clock. Where a device was away for
    more than a second, its time is set anew at once. The lag is that of asking: read each device in a thread that does nothing else.

    Args:
        pieces: blocks of sound, as `incoming` takes them, each given when its last sample was heard; or frames with the seconds that the
            device gives them, as `Frame` or as pairs.
        clock: seconds from the begin of the stream, as a `Clock` counts them.
        rate: samples a second, of sound.

    Raises:
        InputError: a frame has no time.
    """
    clock()  # it begins before the first sample is heard
    lags = deque[tuple[float, float]]()  # arrival, and lag behind the device's time; from the smallest on, later and larger
    waiting: _Piece | None = None
    for begin, end, data in _timed(pieces, rate):
        piece = _Piece(begin, end, clock(), data)
        if waiting is not None:
            if piece.lag > waiting.lag - (end - waiting.end) / 2:  # else pieces that had waited come all at once
                lags.clear()
                _keep(lags, waiting)
            yield from _on_clock(waiting, lags)
            waiting = None
        if lags and piece.lag > lags[0][1] + AWAY:
            waiting = piece
        else:
            _keep(lags, piece)
            yield from _on_clock(piece, lags)
    if waiting is not None:
        yield from _on_clock(waiting, deque([(waiting.arrival, waiting.lag)]))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Sound or a frame. Args: begin, end: seconds, on the device's time. arrival: on the clock."""

    begin: float
    end: float
    arrival: float
    data: Any

    @property
    def lag(self) -> float:
        return self.arrival - self.end


def _keep(lags: deque[tuple[float, float]], piece: _Piece) -> None:
    """Remembers a piece's lag as long as it may become the smallest of the last 10 s."""
    while lags and lags[-1][1] >= piece.lag:
        lags.pop()
    lags.append((piece.arrival, piece.lag))
    while piece.arrival - lags[0][0] > WINDOW:
        lags.popleft()


def _on_clock(piece: _Piece, lags: deque[tuple[float, float]]) -> Iterator[tuple[float, Any]]:
    """A piece with its time; nothing, where that is before the clock's begin."""
    begin = piece.begin + lags[0][1]
    if begin > -SLACK:
        yield max(begin, 0.0), piece.data


def _timed(pieces: Iterable[Any], rate: int) -> Iterator[tuple[float, float, Any]]:
    """Begin and end of each piece in seconds of the device's own time."""
    count = 0.0  # samples; a chunk of bytes may end with half of one
    for piece in pieces:
        if isinstance(piece, Frame):
            yield piece.time, piece.time, piece.pixels
        elif isinstance(piece, tuple) and len(piece) == 2:
            if not is_time(piece[0]):
                raise InputError(f"a frame is of {piece[0]!r}; a time is a number of seconds from 0 on")
            yield float(piece[0]), float(piece[0]), piece[1]
        elif np.ndim(piece) > 2:
            raise InputError(f"a piece of shape {np.shape(piece)} without a time; a frame is a pair of seconds and pixels")
        else:
            begin = count
            count += memoryview(piece).nbytes / 2 if isinstance(piece, (bytes, bytearray, memoryview)) else np.size(piece)
            yield begin / rate, count / rate, piece


def blocking(pieces: AsyncIterable[Any], loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """The pieces, for another thread, which may wait for them while the loop goes on."""
    waiting = aiter(pieces)

    async def advance() -> tuple[Any, ...]:
        try:
            return (await anext(waiting),)
        except StopAsyncIteration:
            return ()

    while piece := asyncio.run_coroutine_threadsafe(advance(), loop).result():
        yield piece[0]
