"""One row of a picture: a band of colour, the expressions that come and go, and the curves of valence and arousal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from affekt.formats._columns import CURVES, NOTHING, UNSURE, Columns, stretches
from affekt.formats._png import GRID, HATCH, INK, LINES, MARGIN, SOFT, TRACK, WIDTH, length_of, pale, strip, words
from affekt.results import Event, Reading

BAND = 46  # pixels from top to bottom
CURVE = 120
LANE = 30  # of one lane of events
LANES = 3  # with names; what finds no place there is drawn without one, in a lane of its own
GAP = 10
SCALE = 46  # left of the curves, for their scale
APART = 8  # of the bar of an event and its name
SHARP = 2  # the curves are drawn so many times larger and made smaller, which smooths them


@dataclass(frozen=True, slots=True)
class Mark:
    """An event, placed.

    Args:
        begin, apex, end: x in pixels.
        named: x of its name, after the bar or, where the page ends, before it; None: there is no room for it.
    """

    label: str
    begin: float
    apex: float
    end: float
    lane: int
    named: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """What one row shows.

    Args:
        below: what stands under the title: the modality, where there are several.
    """

    title: str
    below: str
    readings: Sequence[Reading]
    events: Sequence[Event]

    @property
    def curves(self) -> bool:
        """Whether anything is known of valence or arousal."""
        return any(getattr(reading, name) is not None for reading in self.readings for name in CURVES)

    @property
    def band(self) -> bool:
        """Whether there are labels; a row is never empty."""
        return not self.curves or any(reading.scores for reading in self.readings)


def draw_row(row: Row, columns: Columns, fills: dict[str, str], *, left: int, per_unit: float, marks: Sequence[float]) -> Image.Image:
    """The row as a strip of the picture.

    Args:
        fills: label -> colour, in the order in which the columns count labels.
        left: pixels left of the band.
        marks: x of the ticks of the time axis.
    """
    events = _placed(row.events, left=left, per_unit=per_unit)
    lanes = 1 + max((mark.lane for mark in events), default=-1)
    high = (BAND + GAP) * row.band + (LANE * lanes + GAP * bool(lanes)) + (CURVE + GAP) * row.curves
    image, pen = strip(WIDTH, max(high, 70) + 24)
    if row.title:
        words(pen, (MARGIN, 30), row.title, size=28, room=left - MARGIN - SCALE)
        words(pen, (MARGIN, 58), row.below or _usual(columns, list(fills)), size=20, room=left - MARGIN - SCALE, fill=SOFT)
    top = 0
    if row.band:
        image.paste(_band(columns, fills), (left, top))
        _names(pen, columns, list(fills), left=left)
        top += BAND + GAP
    for mark in events:
        _event(pen, mark, fills[mark.label], top=top + mark.lane * LANE)
    top += LANE * lanes + GAP * bool(lanes)
    if row.curves:
        image.paste(_curves(columns, [x - left for x in marks]), (left, top))
        for value, name in ((1, "+1"), (0, "0"), (-1, "-1")):
            words(pen, (left - 8, top + 7 + _height(value)), name, size=18, fill=SOFT, anchor="rs")
    return image


def _usual(columns: Columns, labels: Sequence[str]) -> str:
    """What the row mostly says."""
    said = columns.label[columns.label >= 0]
    return f"mostly {labels[int(np.bincount(said).argmax())]}" if len(said) else ""


def _band(columns: Columns, fills: dict[str, str]) -> Image.Image:
    colours = list(fills.values())
    pixels = np.empty((BAND, len(columns.label), 3), np.uint8)
    pixels[:] = ImageColor.getrgb(TRACK)
    for x in np.flatnonzero(columns.label >= 0):
        pixels[:, x] = pale(colours[columns.label[x]], float(columns.score[x]))
    y, x = np.mgrid[:BAND, : len(columns.label)]
    unsure = np.broadcast_to(columns.label == UNSURE, y.shape)
    pixels[unsure] = ImageColor.getrgb(HATCH[0])
    pixels[unsure & ((x + y) % 8 < 2)] = ImageColor.getrgb(HATCH[1])
    return Image.fromarray(pixels)


def _names(pen: ImageDraw.ImageDraw, columns: Columns, labels: Sequence[str], *, left: int) -> None:
    """Writes the label into each stretch of the band that has room for it."""
    for at, first, last in stretches(columns.label):
        name = "unsure" if at == UNSURE else "" if at == NOTHING else labels[at]
        if name and length_of(name, 20) + 20 <= last - first:
            if at == UNSURE:  # letters do not read on hatching
                pen.rectangle((left + first + 6, 10, left + first + 14 + length_of(name, 20), BAND - 10), fill=HATCH[0])
            words(pen, (left + first + 10, BAND / 2 + 7), name, size=20)


def _placed(events: Sequence[Event], *, left: int, per_unit: float) -> list[Mark]:
    """Each event in the first lane that has room for it and its name; what finds none lies in the last lane, without its name."""
    free, placed = [0.0] * LANES, []
    for event in sorted(events, key=lambda event: event.onset):
        begin, apex, end = (left + at * per_unit for at in (event.onset, event.apex, event.offset))
        end, wide = max(end, begin + 4), length_of(event.label, 20)
        after = end + APART + wide <= WIDTH
        lane = next((lane for lane in range(LANES) if free[lane] <= (begin if after else begin - wide - APART)), LANES)
        if lane < LANES:
            free[lane] = end + 3 * APART + wide * after
        named = None if lane == LANES else end + APART if after else begin - APART - wide
        placed.append(Mark(event.label, begin, apex, end, lane, named))
    return placed


def _event(pen: ImageDraw.ImageDraw, mark: Mark, fill: str, *, top: float) -> None:
    """A bar from onset to offset, with a line at the apex where the bar is long enough to be seen behind it."""
    pen.rounded_rectangle((mark.begin, top + 8, mark.end, top + 20), radius=4 if mark.end - mark.begin > 16 else 0, fill=fill)
    if mark.end - mark.begin > 16:
        pen.line((mark.apex, top + 4, mark.apex, top + 24), fill=INK, width=2)
    if mark.named is not None:
        words(pen, (mark.named, top + 21), mark.label, size=20)


def _height(value: float) -> float:
    """Pixels from the top of the curves to a value in [-1, 1]."""
    return 8 + (1 - value) / 2 * (CURVE - 16)


def _curves(columns: Columns, marks: Sequence[float]) -> Image.Image:
    image, pen = strip(len(columns.label) * SHARP, CURVE * SHARP)
    for x in marks:
        pen.line((x * SHARP, 0, x * SHARP, CURVE * SHARP), fill=TRACK, width=2 * SHARP)
    for value in (1, 0, -1):
        pen.line((0, _height(value) * SHARP, image.width, _height(value) * SHARP), fill=GRID, width=SHARP * (2 if value == 0 else 1))
    for name, values in reversed(list(zip(CURVES, columns.curves, strict=True))):
        for known, first, last in stretches(np.isfinite(values).astype(np.int64)):
            if known:
                points = [(x * SHARP, _height(values[x]) * SHARP) for x in range(first, last)]
                pen.line([*points, (last * SHARP, points[-1][1])], fill=LINES[name], width=4 * SHARP, joint="curve")
    return image.resize((len(columns.label), CURVE), Image.Resampling.LANCZOS)
