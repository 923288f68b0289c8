"""Sound as it comes: a microphone, or samples from a socket or a pipe."""

import asyncio
import os
import sys
from collections.abc import AsyncIterable, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from affekt.errors import EmptyInput, InputError
from affekt.sources.audio import RATE, Audio, Floats, audio_of, av_library, decoded, finite, frame_of, open_audio, resampled, scaled

# Which of FFmpeg's devices records on a platform, and what it calls the default microphone.
ALSA = Path("/usr/share/alsa/alsa.conf")  # PyAV brings an ALSA of its own, which looks for its settings where it was built
DEVICES = {"linux": ("alsa", "default"), "darwin": ("avfoundation", ":default"), "win32": ("dshow", "audio=default")}


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
            f"the microphone {name or default!r} cannot be used ({error}); name another, or pipe samples: "
            "arecord -t raw -f S16_LE -r 16000 -c 1 | affekt listen -"
        ) from error
    warnings: list[str] = []

    def blocks() -> Iterator[Floats]:
        with closing(container):
            yield from finite(decoded(av, container, 1, []), warnings)

    return Audio("microphone", 1, None, blocks, warnings)


def incoming(chunks: Iterable[Any], *, rate: int = RATE, name: str = "stream") -> Audio:
    """Samples that come piece by piece, as a sound; it can be read once.

    Args:
        chunks: each (n,) floats with full scale at 1, or whole numbers with theirs, or bytes of 16-bit samples, low byte first; one
            channel.
        rate: samples a second.

    Raises:
        InputError: later, when it is read: a chunk is no such thing.
    """
    if not 4000 <= rate <= 384_000:
        raise InputError(f"a rate of {rate} samples a second; it lies between 4,000 and 384,000")
    warnings: list[str] = []

    def blocks() -> Iterator[Floats]:
        samples = _samples(chunks)
        first = next(samples, None)
        if first is None:
            raise EmptyInput(f"{name} ended before its first sample")
        everything = chain([first], samples)
        if rate == RATE:
            yield from finite(everything, warnings)
            return
        av = av_library()
        yield from finite(resampled(av, (frame_of(av, piece, rate) for piece in everything), 1), warnings)

    return Audio(name, 1, None, blocks, warnings)


def _samples(chunks: Iterable[Any]) -> Iterator[Floats]:
    """Each chunk as (1, n); a sample may be cut in two by the end of a chunk of bytes."""
    half = b""
    for chunk in chunks:
        if isinstance(chunk, (bytes, bytearray, memoryview)):
            given = half + bytes(chunk)
            whole = len(given) // 2 * 2
            chunk, half = np.frombuffer(given[:whole], "<i2"), given[whole:]
        found = scaled(chunk)
        if found.shape[0] != 1:
            raise InputError(f"a chunk of shape {np.shape(chunk)}; a stream has one channel, (n,)")
        if found.size:
            yield found


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
