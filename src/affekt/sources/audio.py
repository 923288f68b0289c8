"""Sound: any audio file, or the sound of a video, through PyAV, as blocks of samples; a file is never held whole.

Inside Affekt sound has 16,000 samples a second, one row a channel, full scale at 1.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.errors import EmptyInput, InputError, MissingExtra

Floats = NDArray[np.float32]
RATE = 16_000  # samples a second
BLOCK = 10 * RATE  # samples of an array that are given out at once
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp", ".mpg", ".mpeg", ".ts")
ENDINGS = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".oga", ".opus", ".wma", ".amr", ".aif", ".aiff", ".au", *VIDEOS)


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound, opened.

    Args:
        channels: 1, or 2 for stereo; a file with more is mixed down to 2, an array to 1.
        duration: seconds that the container promises, where it does.
        blocks: the samples, (channels, n), read anew with every call.
        warnings: made anew while blocks are read: where the file is damaged, what was no number.
    """

    name: str
    channels: int
    duration: float | None
    blocks: Callable[[], Iterator[Floats]]
    warnings: list[str] = field(default_factory=list)


def open_audio(path: str | Path) -> Audio:
    """The sound in a file; nothing but its head is read yet.

    Raises:
        MissingExtra: PyAV is not installed.
        InputError: there is no such file, nothing decodes it, or it has no sound.
    """
    av = av_library()
    if not Path(path).is_file():
        raise InputError(f"no file {path}")
    with closing(_container(av, path)) as container:
        if not container.streams.audio:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            raise InputError(f"{path} has no sound: it holds {kinds}")
        stream = container.streams.audio[0]
        channels = min(stream.codec_context.channels or 1, 2)
        length = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / av.time_base
    warnings: list[str] = []
    audio = Audio(str(path), channels, length or None, lambda: finite(_decode(av, path, channels, length, warnings), warnings), warnings)
    return audio


def tracks(path: str | Path) -> tuple[bool, bool]:
    """Whether a file has sound, and whether it has moving pictures; the cover of a record is none.

    Raises:
        MissingExtra, InputError: as of `open_audio`.
    """
    av = av_library()
    if not Path(path).is_file():
        raise InputError(f"no file {path}")
    with closing(_container(av, path)) as container:
        return bool(container.streams.audio), bool(moving(container))


def moving(container: Any) -> list[Any]:
    """The streams of moving pictures in an open container; the cover of a record is none."""
    return [stream for stream in container.streams.video if not stream.disposition & stream.disposition.attached_pic]


def audio_of(samples: Any, *, rate: int = RATE, name: str = "samples") -> Audio:
    """An array as a sound.

    Args:
        samples: (n,) or (channels, n); floats with full scale at 1, or whole numbers with theirs.
        rate: samples a second.

    Raises:
        EmptyInput: there are no samples.
        InputError: the array has a shape or a kind of number that is no sound, or the rate is out of range.
        MissingExtra: the rate is not 16,000 and PyAV, which resamples, is not installed.
    """
    found = scaled(samples)
    if not found.size:
        raise EmptyInput(f"{name} has no samples")
    if not 4000 <= rate <= 384_000:
        raise InputError(f"a rate of {rate} samples a second; it lies between 4,000 and 384,000")
    if found.shape[0] > 2:
        found = found.mean(0, keepdims=True)
    if rate != RATE:
        av = av_library()
        found = np.concatenate(list(resampled(av, [frame_of(av, found, rate)], found.shape[0])), axis=1)
    warnings: list[str] = []
    duration = found.shape[1] / RATE
    return Audio(name, found.shape[0], duration, lambda: finite(_blocks(found), warnings), warnings)


def scaled(samples: Any) -> Floats:
    """An array as (channels, n) with full scale at 1.

    Raises:
        InputError: its shape, or its kind of number, is that of no sound.
    """
    found = np.atleast_2d(np.asarray(samples))
    if found.ndim != 2 or found.shape[0] > 8:
        raise InputError(f"samples of shape {np.shape(samples)}; a sound is (n,) or (channels, n) with at most 8 channels")
    if found.dtype.kind in "iu":
        limits = np.iinfo(found.dtype)
        middle = 0 if found.dtype.kind == "i" else (limits.max + 1) // 2
        return np.asarray((found.astype(np.float32) - middle) / (limits.max - middle + 1), np.float32)
    if found.dtype.kind != "f":
        raise InputError(f"samples of type {found.dtype}; a sound is floats with full scale at 1, or whole numbers")
    return found.astype(np.float32)


def av_library() -> ModuleType:
    """PyAV, or the error that says how to install it."""
    try:
        import av
    except ImportError as error:
        raise MissingExtra("av", "speech") from error
    return av


def _container(av: ModuleType, path: str | Path) -> Any:
    try:
        return av.open(str(path), metadata_errors="ignore")  # titles in odd encodings are no reason to refuse the sound
    except av.error.FFmpegError as error:
        raise InputError(f"{path} is no sound or video that can be decoded: {error.strerror}") from error


def _decode(av: ModuleType, path: str | Path, channels: int, length: float, warnings: list[str]) -> Iterator[Floats]:
    """The file's first sound, (channels, n) a frame; what cannot be decoded becomes silence, with a warning."""
    count, problems = 0, list[str]()
    with closing(_container(av, path)) as container:
        for samples in decoded(av, container, channels, problems):
            count += samples.shape[1]
            yield samples
    if not count:
        why = f": {problems[0]}" if problems else ""
        raise EmptyInput(f"{path} has a track for sound, but not one sample in it{why}")
    if problems:
        warnings.append(f"{len(problems)} places in the file are damaged ({problems[0]}); they were read as silence")
    if count / RATE < 0.9 * length:
        warnings.append(f"the file promises {length:.1f} s and ends after {count / RATE:.1f} s; it may have been cut off")


def decoded(av: ModuleType, container: Any, channels: int, problems: list[str]) -> Iterator[Floats]:
    """The first sound in an open container, (channels, n) a frame; `problems` gets what could not be decoded."""
    return resampled(av, _frames(av, container, problems), channels)


def _frames(av: ModuleType, container: Any, problems: list[str]) -> Iterator[Any]:
    """The decoded frames; a number of seconds for what cannot be decoded."""
    for packet in packets(av, container, container.streams.audio[0], problems):
        try:
            yield from packet.decode()
        except av.error.FFmpegError as error:
            problems.append(error.strerror)
            yield float((packet.duration or 0) * packet.time_base)


def packets(av: ModuleType, container: Any, stream: Any, problems: list[str]) -> Iterator[Any]:
    """The packets of one stream up to where the container itself is broken, which `problems` gets."""
    coming = container.demux(stream)
    while True:
        try:
            packet = next(coming, None)
        except av.error.FFmpegError as error:
            problems.append(error.strerror)
            return
        if packet is None:
            return
        yield packet


def resampled(av: ModuleType, frames: Iterable[Any], channels: int) -> Iterator[Floats]:
    """Frames, or seconds of silence, as samples, (channels, n); the format may change between them, as in a broadcast."""
    layout = "stereo" if channels == 2 else "mono"
    resampler: Any = None
    shape = None
    for frame in frames:
        if isinstance(frame, float):
            yield from _silence(frame, channels)
            continue
        if shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            if resampler is not None:
                yield from (out.to_ndarray() for out in resampler.resample(None))
            resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        yield from (out.to_ndarray() for out in resampler.resample(frame))
    if resampler is not None:
        yield from (out.to_ndarray() for out in resampler.resample(None))


def _silence(seconds: float, channels: int) -> Iterator[Floats]:
    """Silence in pieces, for what is damaged may say that it lasts for years."""
    count = round(seconds * RATE)
    for begin in range(0, count, BLOCK):
        yield np.zeros((channels, min(BLOCK, count - begin)), np.float32)


def frame_of(av: ModuleType, samples: Floats, rate: int) -> Any:
    """Samples, (channels, n), as PyAV's frame."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo" if samples.shape[0] == 2 else "mono")
    frame.sample_rate = rate
    return frame


def _blocks(samples: Floats) -> Iterator[Floats]:
    for begin in range(0, samples.shape[1], BLOCK):
        yield samples[:, begin : begin + BLOCK]


def finite(blocks: Iterator[Floats], warnings: list[str]) -> Iterator[Floats]:
    """The blocks with 0 where a sample is no number; said once."""
    warnings.clear()
    said = False
    for block in blocks:
        good = np.isfinite(block)
        if not good.all():
            if not said:
                warnings.append("some samples are not numbers; they were read as silence")
                said = True
            block = np.where(good, block, np.float32(0))
        yield block
