"""Pictures and moving pictures: an image through Pillow, a video or camera through PyAV, frames as they are pushed; one frame at a time."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from affekt.errors import EmptyInput, InputError, InputTooLarge
from affekt.sources.audio import av_library, moving, packets

Bytes = NDArray[np.uint8]
IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jp2", ".avif")
LARGEST = 4096  # pixels of the longer side; a larger picture is made smaller
MOST_PIXELS = 400_000_000  # of an image file; more is a bomb
BAND = 256  # rows of a large image that are worked on at once
USUAL = 25.0  # frames a second, where nothing says how many there are
CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}"), "win32": ("dshow", "video={}")}
_OPENING = Lock()


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture.

    Args:
        time: seconds from the begin.
        pixels: (height, width, 3) RGB.
    """

    time: float
    pixels: Bytes


@dataclass(frozen=True, slots=True)
class Pictures:
    """Something to be looked at, opened.

    Args:
        duration: seconds that the container promises, where it does; None for an image and for what is live.
        frames: the frames that are asked for, read anew with every call.
        still: it is one image, that has no clock.
        warnings: made anew while frames are read.
    """

    name: str
    duration: float | None
    frames: Callable[[], Iterator[Frame]]
    still: bool = False
    warnings: list[str] = field(default_factory=list)


def open_pictures(source: Any, *, rate: float = 0.0) -> Pictures:
    """Whatever can be looked at, opened: None or a number is a camera, a string or path a file, an array pixels, any other iterable frames.

    Args:
        rate: frames a second that are wanted of what moves; 0: all.

    Raises:
        InputError: there is no such file or camera, or it is no picture.
        MissingExtra: PyAV, which decodes videos, is not installed.
    """
    if isinstance(source, Pictures):
        return source
    if source is None or isinstance(source, int):
        return camera(source or 0, rate=rate)
    if isinstance(source, (str, Path)):
        return open_image(source) if Path(source).suffix.lower() in IMAGES else open_video(source, rate=rate)
    if isinstance(source, np.ndarray):
        return picture_of(source)
    if not isinstance(source, Iterable) or isinstance(source, (bytes, dict)):
        raise InputError(f"pictures are a path, pixels or an iterable of frames, not {type(source).__name__}")
    return pushed(source, rate=rate)


def open_image(path: str | Path) -> Pictures:
    """An image file, turned as its EXIF data say; of several images in it, as in an animated one, the first.

    Raises:
        InputError: there is no such file, or nothing decodes it.
        InputTooLarge: it has more than 400 million pixels.
    """
    if not Path(path).is_file():
        raise InputError(f"no file {path}")
    warnings: list[str] = []
    pixels = _decoded(Path(path), warnings)
    return Pictures(str(path), None, lambda: iter([Frame(0.0, pixels)]), still=True, warnings=warnings)


def _decoded(path: Path, warnings: list[str]) -> Bytes:
    try:
        with _opened(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise InputTooLarge(f"{path} has {image.width} x {image.height} pixels; at most {MOST_PIXELS:,} are read: make it smaller")
            several = getattr(image, "is_animated", False)  # to count them takes minutes where there are very many
            if several and image.format != "MPO":  # a camera's JPEG, which holds a small copy of the same picture
                warnings.append("there are several images in the file, as in an animated one; the first was read")
            if max(image.size) > LARGEST:
                warnings.append(f"the image has {image.width} x {image.height} pixels; it was read at {LARGEST} on its longer side")
                image.draft("RGB", (LARGEST, LARGEST))
            exif = image.getexif()
            whole = _plain(image)
        whole.thumbnail((LARGEST, LARGEST), Image.Resampling.BILINEAR, reducing_gap=2.0)
        whole.getexif().update(exif)
        return np.asarray(ImageOps.exif_transpose(whole))
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no image that can be decoded; there are: {', '.join(IMAGES)}") from error
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError, MemoryError) as error:  # Pillow's decoders raise all of these
        raise InputError(f"{path} is damaged: {error}") from error


def _opened(path: Path) -> Image.Image:
    """The head of an image file, however large the image."""
    with _OPENING:  # Pillow's own limit, which is the whole process's, is lower than ours, and it only warns of much that is above it
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _plain(image: Image.Image) -> Image.Image:
    """An image of any kind in RGB, a large one made smaller: 16 bits to 8, what is transparent on white; band by band, to save memory."""
    by = max(max(image.size) // LARGEST, 1)
    black, white = _range(image)
    whole = Image.new("RGB", (-(-image.width // by), -(-image.height // by)))
    for top in range(0, image.height, BAND * by):
        band = image.crop((0, top, image.width, min(top + BAND * by, image.height)))
        if white:
            values = (np.asarray(band, np.float32) - black) / (white - black) * 255
            band = Image.fromarray(np.uint8(np.clip(np.nan_to_num(values), 0, 255) + 0.5))
        elif band.mode in ("RGBA", "LA", "PA") or "transparency" in band.info:
            over = band.convert("RGBA")
            band = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
        whole.paste(band.convert("RGB").reduce(by), (0, top // by))
    return whole


def _range(image: Image.Image) -> tuple[float, float]:
    """What is black and what is white in an image of more than eight bits; 0 and 0: it has eight.

    Raises:
        ValueError: they are no numbers.
    """
    if not image.mode.startswith("I") and image.mode != "F":
        return 0.0, 0.0
    if image.mode.startswith("I;16") or image.format == "PNG":
        return 0.0, 65535.0
    black, white = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
    if not math.isfinite(white - black):
        raise ValueError("its pixels are no numbers")
    return black, white if white > black else black + 1


def picture_of(pixels: Any, *, name: str = "pixels") -> Pictures:
    """An array as a picture.

    Raises:
        InputError: it is no (height, width, 3) or (height, width) array of whole numbers in 0 … 255.
    """
    found = rgb(pixels)
    return Pictures(name, None, lambda: iter([Frame(0.0, found)]), still=True)


def rgb(pixels: Any) -> Bytes:
    """An array as (height, width, 3) RGB.

    Raises:
        InputError: it is no (height, width, 3) or (height, width) array of whole numbers in 0 … 255.
    """
    found = np.asarray(pixels)
    if found.ndim == 2:
        found = np.repeat(found[..., None], 3, axis=2)
    if found.ndim != 3 or found.shape[2] != 3 or 0 in found.shape or found.dtype != np.uint8:
        raise InputError(
            f"pixels of shape {np.shape(pixels)} and type {np.asarray(pixels).dtype}; a picture is (height, width, 3) RGB or "
            "(height, width) grey, uint8"
        )
    return found


def open_video(path: str | Path, *, rate: float = 0.0) -> Pictures:
    """A video file, turned as it says; nothing but its head is read yet.

    Args:
        rate: frames a second that are wanted, 0: all there are; the rest is not even converted.

    Raises:
        MissingExtra: PyAV is not installed.
        InputError: there is no such file, nothing decodes it, or it has no pictures.
    """
    av = av_library()
    if not Path(path).is_file():
        raise InputError(f"no file {path}")
    with closing(_container(av, path)) as container:
        if not moving(container):
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            raise InputError(f"{path} has no moving pictures: it holds {kinds}")
        stream = moving(container)[0]
        length = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / av.time_base
    warnings: list[str] = []

    def frames() -> Iterator[Frame]:
        warnings.clear()
        with closing(_container(av, path)) as container:
            yield from _frames(av, container, rate=rate, name=str(path), length=length, warnings=warnings)

    return Pictures(str(path), length or None, frames, warnings=warnings)


def camera(number: int | str = 0, *, rate: float = 0.0) -> Pictures:
    """What a camera sees, without end.

    Args:
        number: of the camera, or its name on Windows.
        rate: as of `open_video`.

    Raises:
        InputError: there is no such camera, or it cannot be used.
        MissingExtra: PyAV is not installed.
    """
    av = av_library()
    ready = [_camera(av, number)]  # opened at once, so that it is said at once where that fails
    warnings: list[str] = []

    def frames() -> Iterator[Frame]:
        warnings.clear()
        with closing(ready.pop() if ready else _camera(av, number)) as container:
            yield from _frames(av, container, rate=rate, name="camera", length=0.0, warnings=warnings)

    return Pictures("camera", None, frames, warnings=warnings)


def _camera(av: Any, number: int | str) -> Any:
    device, name = CAMERAS.get(sys.platform, ("", ""))
    if not device:
        raise InputError(f"no camera can be used on {sys.platform}; give frames as an iterable instead")
    try:
        return av.open(name.format(number), format=device)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(f"the camera {number!r} cannot be used ({error}); name another, or give frames as an iterable") from error


def pushed(frames: Iterable[Any], *, rate: float = 0.0, name: str = "stream", late: Literal["error", "skip"] = "error") -> Pictures:
    """Frames that come one by one: arrays, or pairs of seconds and an array; it can be read once.

    Args:
        rate: frames a second that are wanted; frames without a time are taken to come 25 a second.
        late: what becomes of a frame whose time is not after the one before: an error, as in what a program makes, or left out and
            counted in `warnings`, as of a live device.

    Raises:
        InputError: later, when it is read: a frame is no picture, or time goes back where that is an error.
    """
    warnings: list[str] = []

    def timed() -> Iterator[Frame]:
        warnings.clear()
        last, due, left = -1.0, 0.0, 0
        for count, given in enumerate(frames):
            time, pixels = given if isinstance(given, tuple) and len(given) == 2 else (count / USUAL, given)
            if not is_time(time):
                raise InputError(f"frame {count} of {name} is of {time!r}; a time is a number of seconds from 0 on")
            if time <= last and late == "skip":
                left += 1
                warnings[:] = [
                    f"{left} frames came late or twice and were left out" if left > 1 else "a frame came late or twice and was left out"
                ]
                continue
            if time <= last:
                raise InputError(f"frame {count} of {name} is of {time} s, and the one before of {last} s; time goes on")
            last, found = float(time), rgb(pixels)
            if last >= due:
                due = next_due(last, rate)
                yield Frame(last, found)

    return Pictures(name, None, timed, warnings=warnings)


def is_time(given: Any) -> bool:
    """Whether it is a number of seconds from 0 on."""
    return isinstance(given, (int, float, np.integer, np.floating)) and math.isfinite(given) and bool(given >= 0)


def next_due(time: float, rate: float) -> float:
    """When the next frame is wanted after one of `time`: a little before its turn, so that none is missed by a rounding."""
    return (math.floor(time * rate + 0.5) + 0.75) / rate if rate else 0.0


def _container(av: Any, path: str | Path) -> Any:
    try:
        return av.open(str(path), metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise InputError(f"{path} is no video that can be decoded: {error.strerror}") from error


def _frames(av: Any, container: Any, *, rate: float, name: str, length: float, warnings: list[str]) -> Iterator[Frame]:
    """The frames that are wanted, each with its own time, so that a rate that varies does no harm; what is damaged is skipped."""
    stream = moving(container)[0]
    stream.thread_type = "AUTO" if length else "SLICE"  # whole frames side by side are faster, but late
    if rate and stream.average_rate and stream.average_rate > 4 * rate:
        stream.codec_context.skip_frame = "NONREF"  # what no other frame rests on need not be decoded
    step = 1 / float(stream.average_rate or USUAL)
    problems, due, shift, time, count = list[str](), 0.0, 0.0, -step, 0
    for frame in _decode(av, container, stream, problems):
        now = time + step if frame.time is None else frame.time + shift
        if time < 0 or now < time - 1:  # the first one; or clips were put one after another, and each begins anew
            shift, now = shift + time + step - now, time + step
        if now <= time or now < due:
            continue
        time, due, count = now, next_due(now, rate), count + 1
        yield Frame(now, _pixels(frame, float(stream.sample_aspect_ratio or 1)))
    if not count:
        why = f": {problems[0]}" if problems else ""
        raise EmptyInput(f"{name} has a track for pictures, but not one frame in it{why}")
    if problems:
        warnings.append(f"{len(problems)} places in the video are damaged ({problems[0]}); they were skipped")
    if time < 0.9 * length - 1:
        warnings.append(f"the file promises {length:.1f} s and ends after {time:.1f} s; it may have been cut off")


def _decode(av: Any, container: Any, stream: Any, problems: list[str]) -> Iterator[Any]:
    for packet in packets(av, container, stream, problems):
        try:
            for frame in packet.decode():
                if frame.is_corrupt:
                    problems.append("a frame is incomplete")
                else:
                    yield frame
        except av.error.FFmpegError as error:
            problems.append(error.strerror)


def _pixels(frame: Any, aspect: float) -> Bytes:
    """RGB, upright, square pixels, at most LARGEST on the longer side.

    Args:
        aspect: width of a pixel by its height.
    """
    wide, high = frame.width * max(aspect, 1), frame.height / min(aspect, 1)
    by = min(LARGEST / max(wide, high), 1.0)
    pixels = frame.reformat(width=max(round(wide * by), 1), height=max(round(high * by), 1), format="rgb24").to_ndarray()
    turns = round((frame.rotation or 0) / 90) % 4  # counter-clockwise, as numpy turns
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
