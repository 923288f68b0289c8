"""A video in pixels: frames, each at its own time, with the sound of the video that they come from, copied as it is."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from affekt.errors import EmptyInput, InputError
from affekt.sources.audio import av_library, moving
from affekt.sources.pictures import Bytes, Frame

TICKS = 60_000  # a second; MPEG-4 Part 2 takes at most 65,535
CODECS = {"libx264": {"crf": "23", "preset": "veryfast"}, "mpeg4": {"qmin": "4", "qmax": "4"}}  # the first that PyAV was built with
RATES = (1, 240)  # frames a second that are believed; the encoder only plans by them
SQUARE = 0.02  # a pixel that is wider or narrower than high by less is a square
BT709 = 1  # ITU-T H.273: primaries, transfer and matrix of high-definition television


def write_film(frames: Iterable[Frame], path: Path, *, kind: str, like: Path) -> None:
    """Writes a video, H.264 where there is an encoder for it, else MPEG-4 Part 2.

    Args:
        frames: in order of time; all are brought to the size of the first.
        kind: of the file, as FFmpeg names it.
        like: the video that has the sound, the rate and the shape of the pixels.

    Raises:
        MissingExtra: PyAV is not installed.
        EmptyInput: there is no frame.
        InputError: PyAV has no encoder for video.

    Warns:
        UserWarning: the sound cannot be copied into such a file, or is damaged.
    """
    av = av_library()
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise EmptyInput(f"{like} has no frame that could be written")
    begin, turned = _first(av, like)
    with closing(av.open(str(like), metadata_errors="ignore")) as given:
        output, video, sound = _opened(av, given, path, kind, first.pixels, turned)
        with closing(output):
            packets = _sound(av, given, sound, begin)
            waiting, last = next(packets, None), -1
            for frame in chain([first], frames):
                while waiting is not None and waiting[0] <= frame.time:
                    output.mux(waiting[1])
                    waiting = next(packets, None)
                last = max(round(frame.time * TICKS), last + 1)
                output.mux(video.encode(_encodable(av, frame.pixels, video, last)))
            output.mux(video.encode(None))
            for _, packet in chain([] if waiting is None else [waiting], packets):
                output.mux(packet)


def _first(av: Any, path: Path) -> tuple[float, bool]:
    """When the first frame that can be decoded is, which is where the times of frames begin, and whether it lies on its side."""
    with closing(av.open(str(path), metadata_errors="ignore")) as container:
        packets = container.demux(moving(container)[0])
        while True:
            try:
                for frame in next(packets).decode():
                    if frame.time is not None:
                        return frame.time, bool(round((frame.rotation or 0) / 90) % 2)
            except av.error.FFmpegError:  # damaged; `open_video` skips and counts it
                continue
            except StopIteration:
                return 0.0, False


def _opened(av: Any, given: Any, path: Path, kind: str, pixels: Bytes, turned: bool) -> tuple[Any, Any, Any]:
    """The file to write, its video, and its sound; None: there is none, or it cannot be copied."""
    sounds = [*given.streams.audio[:1], None]
    for sound in sounds:
        output = av.open(str(path), "w", format=kind)
        video = _video(av, output, moving(given)[0], pixels, turned)
        try:
            copied = None if sound is None else output.add_stream_from_template(sound)
            output.start_encoding()
            return output, video, copied
        except (av.error.FFmpegError, ValueError):  # the one tells at once what a file cannot hold, the other when its head is written
            output.close()
            if sound is None:
                raise
            name = sound.codec_context.name
            warnings.warn(f"sound of the kind {name!r} cannot be copied into {kind}, and was left out; .mkv takes any", stacklevel=4)
    raise AssertionError("the last turn returns or raises")


def _video(av: Any, output: Any, like: Any, pixels: Bytes, turned: bool) -> Any:
    codec = next((name for name in CODECS if name in av.codecs_available), None)
    if codec is None:
        raise InputError(f"PyAV was built without an encoder for video; it needs one of {', '.join(CODECS)}")
    rate = min(max(Fraction(like.average_rate or 25), Fraction(RATES[0])), Fraction(RATES[1]))
    video = output.add_stream(codec, rate=rate.limit_denominator(1001), options=CODECS[codec])
    video.height, video.width = (length + length % 2 for length in pixels.shape[:2])
    video.pix_fmt = "yuv420p"
    video.codec_context.time_base = Fraction(1, TICKS)
    video.codec_context.color_primaries = video.codec_context.color_trc = video.codec_context.colorspace = BT709
    shape = Fraction(like.width, like.height) * (like.sample_aspect_ratio or 1)  # as it is to be seen
    aspect = (1 / shape if turned else shape) / Fraction(pixels.shape[1], pixels.shape[0])
    if abs(aspect - 1) > SQUARE:
        video.codec_context.sample_aspect_ratio = aspect.limit_denominator(100)
    return video


def _encodable(av: Any, pixels: Bytes, video: Any, time: int) -> Any:
    """A frame as the encoder takes it: of even size, the last row and column repeated where need be."""
    odd = [(0, length % 2) for length in pixels.shape[:2]]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(pixels, (*odd, (0, 0)), mode="edge")), "rgb24")
    frame = frame.reformat(width=video.width, height=video.height, format="yuv420p", dst_colorspace="ITU709")
    frame.pts, frame.time_base = time, Fraction(1, TICKS)
    return frame


def _sound(av: Any, given: Any, sound: Any, begin: float) -> Iterator[tuple[float, Any]]:
    """(seconds, packet) of the sound, its times counted from the first frame."""
    if sound is None:
        return
    source, last = given.streams.audio[0], None
    packets = given.demux(source)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            warnings.warn(f"the sound is damaged ({error.strerror}); what comes after is left out", stacklevel=4)
            return
        if packet is None:
            return
        if packet.dts is None or packet.pts is None or (last is not None and packet.dts <= last):
            continue  # the end of the stream, or time that goes back, which no file may hold
        last, shift = packet.dts, round(begin / source.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if packet.dts < 0:
            continue
        packet.stream = sound
        yield float(packet.dts * source.time_base), packet
