"""A picture or video again, with what was read drawn in, or with the faces made unrecognisable.

A face is hidden by a mosaic, whose cells are too few to know anybody by. Those that were read are hidden and no others: one that was
never found is still to be seen, and so is what else tells who somebody is, a voice or a name on a wall.
"""

import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from affekt.errors import InputError
from affekt.formats._film import write_film
from affekt.formats._letters import fitted
from affekt.formats._palette import GREY
from affekt.formats._png import fills_of, pale
from affekt.preprocessing.faces import SIDE, SMALLEST, overlap
from affekt.results import Reading, Timeline
from affekt.sources import is_picture
from affekt.sources.pictures import Frame, Pictures, open_image, open_video
from affekt.watching import SEARCH, SEARCH_FINELY

Bytes = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Progress = Callable[[float, int], object]  # share that is done, frames that are written
IMAGES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
VIDEOS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
NEAR = 0.3  # seconds from a reading to the frames that it is shown in, where there is none of their own
GAP = 1.0  # seconds without a reading that a face is taken to be there all the same, when it is hidden
AFTER = 0.5  # seconds that it is still hidden after the last reading
LARGER = 0.25  # share of its width and height by which a box that hides is larger than the face's
CELLS = 6  # of a mosaic in each direction; of 7 x 10 on the face itself half of the famous are still known (Sinha et al. 2006)
CELL = 4  # pixels of one at least
STILL = 0.5  # overlap of two boxes from which a face moved from one to the other; else the picture was cut
DARK = "#10131a"  # around lines and letters
PALE = 0.4  # how much of its colour is in a label's letters, that read on dark


def annotate(
    source: str | Path,
    timeline: Timeline,
    out: str | Path,
    *,
    blur_faces: bool = False,
    draw: bool = True,
    report: Progress | None = None,
) -> Path:
    """Writes an image or video again, with box, name and label of each face in it; its metadata are left out.

    Args:
        timeline: what was read in it.
        out: .png, .jpg or .webp for an image; .mp4, .mov or .mkv for a video, that gets every frame and the sound.
        blur_faces: hide whose faces they are; with `draw`, what was read stays.
        report: is called with the share that is done, in [0, 1], and the frames that are written.

    Raises:
        InputError: the source cannot be decoded, the ending of `out` is of another kind, or no face is in the timeline.
        MissingExtra: PyAV is not installed, and the source is a video.

    Warns:
        UserWarning: the sound could not be copied, or the source is damaged.
    """
    source, out = Path(source), Path(out)
    still = is_picture(source, None)
    _check(source, timeline, out, still)
    people = People(timeline)
    fills = fills_of(timeline)

    def changed(frame: Frame) -> Bytes:
        picture = Image.fromarray(frame.pixels)
        for box in people.hidden(frame.time) if blur_faces else ():
            _hide(picture, box)
        for reading, box in people.shown(frame.time) if draw else ():
            _draw(picture, reading, box, fills)
        return np.asarray(picture)

    part = out.with_name(f".{out.name}.part")
    try:
        (_image if still else _video)(source, part, out.suffix.lower(), changed, report or (lambda *_: None))
        return part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _image(source: Path, part: Path, ending: str, change: Callable[[Frame], Bytes], report: Progress) -> None:
    pictures = open_image(source)
    for frame in pictures.frames():
        Image.fromarray(change(frame)).save(part, IMAGES[ending], quality=92)
    _warn(pictures)
    report(1.0, 1)


def _video(source: Path, part: Path, ending: str, change: Callable[[Frame], Bytes], report: Progress) -> None:
    pictures, written = open_video(source), 0

    def frames() -> Iterator[Frame]:
        nonlocal written
        for frame in pictures.frames():
            yield Frame(frame.time, change(frame))
            written += 1
            report(min(frame.time / (pictures.duration or np.inf), 1.0), written)

    write_film(frames(), part, kind=VIDEOS[ending], like=source)
    _warn(pictures)
    report(1.0, written)


def _warn(pictures: Pictures) -> None:
    for warning in pictures.warnings:
        warnings.warn(f"{pictures.name}: {warning}", stacklevel=4)


def _check(source: Path, timeline: Timeline, out: Path, still: bool) -> None:
    kinds = IMAGES if still else VIDEOS
    if out.suffix.lower() not in kinds:
        kind = "an image" if still else "a video"
        raise InputError(f"{source.name} is {kind}, and is written as {', '.join(kinds)}, not {out.suffix or 'without an ending'!r}")
    if not out.parent.is_dir():
        raise InputError(f"no folder {out.parent} to write {out.name} to; make it first")
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError(f"{out} is what is read; name another file to write to")
    if not any(reading.box for reading in timeline.readings):
        raise InputError(f"no face is in the timeline of {timeline.source!r}; read the faces of {source.name} first")


@dataclass(frozen=True, slots=True)
class Track:
    """The readings of one face in order of time, each with a box."""

    readings: Sequence[Reading]

    def around(self, time: float) -> tuple[Reading | None, Reading | None]:
        """The last reading that has begun, and the first that has not."""
        at = bisect_right(self.readings, time, key=lambda reading: reading.start)
        return self.readings[at - 1] if at else None, self.readings[at] if at < len(self.readings) else None


class People:
    """Whose face is where at what time."""

    def __init__(self, timeline: Timeline) -> None:
        tracks: dict[object, list[Reading]] = {}
        for number, reading in enumerate(timeline.readings):
            if reading.box:  # faces without a name are not known to be one person's
                tracks.setdefault(number if reading.who is None else reading.who, []).append(reading)
        self.seconds: dict[int, list[Track]] = {}
        for readings in tracks.values():
            track = Track(readings)
            first, last = readings[0].start - SEARCH_FINELY - NEAR, max(reading.end for reading in readings) + AFTER
            for second in range(int(max(first, 0)), int(last) + 1):
                self.seconds.setdefault(second, []).append(track)

    def shown(self, time: float) -> Iterator[tuple[Reading, Box]]:
        """What holds at a time, or nearly, and where its face is then."""
        for track in self.seconds.get(int(time), ()):
            before, after = track.around(time)
            late = max(time - before.end, 0.0) if before else np.inf
            early = after.start - time if after else np.inf
            nearest = before if late <= early else after
            if nearest is not None and min(late, early) <= NEAR:
                boxes = _between(before, after, time)
                yield nearest, boxes[0] if len(boxes) == 1 else _box(nearest)

    def hidden(self, time: float) -> Iterator[Box]:
        """Where faces are or may be at a time: also between two readings, and where one is about to be found."""
        for track in self.seconds.get(int(time), ()):
            before, after = track.around(time)
            if boxes := _between(before, after, time):
                yield from boxes
                continue
            if before and time <= before.end + AFTER:
                yield _box(before)
            if after and after.start - time <= _lead(_box(after)):
                yield _box(after)


def _between(before: Reading | None, after: Reading | None, time: float) -> list[Box]:
    """Where a face is that was read a moment before and will be a moment after; at a cut it may be at either place."""
    if before is None or after is None or after.start - before.end > GAP:
        return []
    one, other = _box(before), _box(after)
    share = (time - before.start) / (after.start - before.start)
    left, top, right, bottom = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return [(left, top, right, bottom)] if overlap(one, other) >= STILL else [one, (left, top, right, bottom), other]


def _lead(box: Box) -> float:
    """Seconds that a face may have been there before it was found; the small ones are looked for less often."""
    return (SEARCH_FINELY if box[2] - box[0] < 2 * SMALLEST / SIDE else SEARCH) + 0.1


def _box(reading: Reading) -> Box:
    assert reading.box is not None
    return reading.box


def _hide(picture: Image.Image, box: Box) -> None:
    """Puts a coarse mosaic over a box and what is around it."""
    more = [LARGER * (box[2] - box[0]) / 2, LARGER * (box[3] - box[1]) / 2]
    left, top = (max(int((box[at] - more[at]) * picture.size[at]), 0) for at in (0, 1))
    right, bottom = (min(int(np.ceil((box[at + 2] + more[at]) * picture.size[at])), picture.size[at]) for at in (0, 1))
    if right <= left or bottom <= top:
        return
    cells = [max(min(CELLS, length // CELL), 1) for length in (right - left, bottom - top)]
    part = picture.crop((left, top, right, bottom))
    coarse = part.resize((cells[0], cells[1]), Image.Resampling.BOX)
    picture.paste(coarse.resize(part.size, Image.Resampling.NEAREST), (left, top))


def _draw(picture: Image.Image, reading: Reading, box: Box, fills: dict[str, str]) -> None:
    """Draws the box of a face, and above it, or below where there is no room, who it is and what was read."""
    wide, high = picture.size
    left, top, right, bottom = box[0] * wide, box[1] * high, box[2] * wide, box[3] * high
    fill = GREY if reading.abstained or reading.top is None else fills[reading.top[0]]
    thick = max(2, round((right - left) / 60))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((left - thick - 1, top - thick - 1, right + thick + 1, bottom + thick + 1), outline=DARK, width=thick + 2)
    pen.rectangle((left - thick, top - thick, right + thick, bottom + thick), outline=fill, width=thick)
    size = round(min(max((right - left) / 6, 14), max(high / 18, 14)))
    said, font = fitted(" · ".join(filter(None, (reading.who, _said(reading)))), size, room=wide - 8)
    long = font.getlength(said)
    y = top - thick - size * 0.5 if top - thick - size * 1.5 > 0 else min(bottom + thick + size * 1.2, high - size * 0.4)
    x = min(max(left - thick, 4), wide - long - 4)
    pen.text((x, y), said, font=font, fill=pale(fill, PALE), anchor="ls", stroke_width=max(2, size // 12), stroke_fill=DARK)


def _said(reading: Reading) -> str:
    if reading.abstained:
        return reading.reason or "unsure"
    if reading.top is None:
        return "" if reading.valence is None else f"valence {reading.valence:+.2f}"
    return f"{reading.top[0]} {reading.top[1]:.2f}"
