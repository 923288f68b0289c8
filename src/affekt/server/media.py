"""A file that somebody sent, read within limits: what it says of itself, and what is found while it is read."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from affekt.errors import InputError, InputTooLarge
from affekt.pipeline import Reader
from affekt.policy.deployment import BIOMETRIC
from affekt.results import Modality, Timeline
from affekt.scene import Scene
from affekt.server.problems import Problem, problem_of
from affekt.sources import Opened, is_picture, is_sound, is_video, open_source
from affekt.sources.audio import RATE, Floats, av_library, moving
from affekt.sources.pictures import Frame

# What Pillow and FFmpeg may take a file for, whatever its ending says. They know more: formats that run a program, and lists of other
# files, of this machine or elsewhere, which would be read in place of what was sent.
IMAGES = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "JPEG2000", "AVIF")
CONTAINERS = "wav,w64,mp3,aac,loas,flac,ogg,asf,amr,amrnb,amrwb,aiff,au,mov,matroska,avi,mpeg,mpegvideo,m4v,mpegts"
Report = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may hold.

    Args:
        seconds: of a sound or video.
        pixels: of an image, or of a frame.
        characters: of a text; None: as many as any text may have.
    """

    seconds: float
    pixels: int
    characters: int | None = None


def read_file(
    reader: Reader,
    path: Path,
    *,
    name: str,
    limits: Limits,
    kind: str | None = None,
    who: tuple[str, ...] = (),
    report: Report = lambda _: None,
) -> Timeline:
    """The timeline of a file, which calls it by the name that its sender gave it.

    Args:
        kind, who: as of `Reader.read`.
        report: is called with the share that has been read, in [0, 1]; what it raises stops the reading, and is raised.

    Raises:
        Problem: it is larger than may be, or cannot be read; does not name our path.
    """
    try:
        made = _read(reader, path, limits=limits, kind=kind, who=who, report=report)
    except InputError as error:
        raise told(error, path, name=name) from error
    warnings = tuple(warning.replace(str(path), name) for warning in made.warnings)
    return replace(made, source=name, warnings=warnings)


def _read(reader: Reader, path: Path, *, limits: Limits, kind: str | None, who: tuple[str, ...], report: Report) -> Timeline:
    if not _is_text(path, kind):
        examine(path, limits=limits, kind=kind)
    scene = reader.scene(path, kind=kind, who=who)
    if scene is None:
        (made,) = reader.sharing(report=report).read_opened([_opened(path, limits, kind)])
        return made
    _stop_after(scene, limits)
    scene.read(report=lambda: report(_share(scene)))
    return scene.timeline()


def told(error: Exception, path: Path, *, name: str) -> Problem:
    """What the sender of a file is told of an error: it calls the file by the name that they gave it."""
    problem = problem_of(error)
    detail = problem.detail.replace(str(path), name).replace(path.name, name)
    return Problem(problem.status, problem.kind, detail, headers=problem.headers, more=problem.more)


def examine(path: Path, *, limits: Limits, kind: str | None = None) -> tuple[Modality, ...]:
    """What there is to read in a file, by its head; of a text by all of it.

    Raises:
        InputTooLarge: it says that it holds more than it may.
        InputError: it is not what its ending says, or damaged, or there is nothing in it to read.
    """
    if is_picture(path, kind):
        _examine_image(path, limits)
        return ("face",)
    if not _is_text(path, kind):
        return _examine_container(path, limits)
    _opened(path, limits, kind)
    return ("text",)


def _is_text(path: Path, kind: str | None) -> bool:
    return not any(is_one(path, kind) for is_one in (is_picture, is_sound, is_video))


def _opened(path: Path, limits: Limits, kind: str | None) -> Opened:
    opened = open_source(path, kind=kind)
    if limits.characters is not None and (length := sum(len(clip.data) for clip in opened.clips)) > limits.characters:
        raise InputTooLarge(f"{path} has {length:,} characters; at most {limits.characters:,} are read while you wait, more in a job")
    return opened


def _examine_image(path: Path, limits: Limits) -> None:
    Image.init()
    try:
        with Image.open(path, formats=[kind for kind in IMAGES if kind in Image.OPEN]) as image:
            width, height = image.size
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no image that can be decoded; there are: {', '.join(IMAGES)}") from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, which counts where ours is higher
        raise InputTooLarge(f"{path} has more pixels than are decoded; make it smaller") from error
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError, MemoryError) as error:  # Pillow's decoders raise all of these
        raise InputError(f"{path} is damaged: {error}") from error
    _check_pixels(path, width * height, limits)


def _examine_container(path: Path, limits: Limits) -> tuple[Modality, ...]:
    av = av_library()
    try:
        with closing(av.open(str(path), metadata_errors="ignore", options={"format_whitelist": CONTAINERS})) as container:
            lengths = [float(one.duration * one.time_base) for one in container.streams if one.duration and one.time_base]
            seconds = max([(container.duration or 0) / av.time_base, *lengths])
            read = {"speech": container.streams.audio[:1], "face": moving(container)[:1]}
            codecs = {modality: stream.codec_context for modality, streams in read.items() for stream in streams}
            pixels = (codecs["face"].width or 0) * (codecs["face"].height or 0) if codecs.get("face") else 0
    except av.error.FFmpegError as error:
        raise InputError(f"{path} is no sound or video that can be decoded; was it sent whole, and is its ending right?") from error
    if not codecs:
        raise InputError(f"{path} has neither sound nor moving pictures; is it the right file?")
    if None in codecs.values():
        raise InputError(f"{path} is of a codec that is not known here; write it anew, say with: ffmpeg -i IN OUT.mp4")
    if seconds > limits.seconds:
        raise _too_long(path, f"lasts {seconds:,.0f} s", limits)
    _check_pixels(path, pixels, limits)
    return tuple(modality for modality in BIOMETRIC if modality in codecs)


def _check_pixels(path: Path, pixels: int, limits: Limits) -> None:
    if pixels > limits.pixels:
        raise InputTooLarge(f"{path} has {pixels:,} pixels; at most {limits.pixels:,} are decoded: make it smaller")


def _too_long(path: Any, what: str, limits: Limits) -> InputTooLarge:
    return InputTooLarge(f"{path} {what}; at most {limits.seconds:,.0f} s are read: longer ones are jobs, or are cut")


def _stop_after(scene: Scene, limits: Limits) -> None:
    """Has a scene end with an error where it holds more than it said."""
    if scene.hearing is not None:
        scene.hearing.blocks = _short(scene.hearing.blocks, scene.hearing.audio.name, limits)
    if scene.watching is not None:
        pictures = scene.watching.pictures
        scene.watching.pictures = replace(pictures, frames=lambda: _soon(pictures.frames(), pictures.name, limits))


def _short(blocks: Iterator[Floats], name: str, limits: Limits) -> Iterator[Floats]:
    samples = 0
    for block in blocks:
        samples += block.shape[1]
        if samples > limits.seconds * RATE:
            raise _too_long(name, "goes on for longer than it says", limits)
        yield block


def _soon(frames: Iterator[Frame], name: str, limits: Limits) -> Iterator[Frame]:
    for frame in frames:
        if frame.time > limits.seconds:
            raise _too_long(name, "goes on for longer than it says", limits)
        yield frame


def _share(scene: Scene) -> float:
    """How much of a scene has been read, in [0, 1]."""
    shares = [min(sense.position / sense.duration, 1.0) if sense.duration else 0.0 for sense in scene.senses]
    return sum(shares) / len(shares)
