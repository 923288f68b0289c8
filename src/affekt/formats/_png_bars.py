"""A picture of one moment: for each reading a block of bars, one a label, and a line for each dimension."""

from PIL import Image, ImageDraw

from affekt.formats._png import GRID, INK, LINES, MARGIN, SOFT, TRACK, fills_of, pale, strip, words
from affekt.formats._png_heading import heading, shown
from affekt.results import Reading, Timeline

SHOWN = 8  # labels of a reading
BLOCK = 480  # pixels from left to right
ALONE = 880  # of a block that is the only one
APART = 40  # pixels between two
ROW = 38  # pixels from one bar to the next
MOST = 60  # readings
NAMES, NUMBERS = 130, 76  # pixels left of the bars and right of them


def fits(timeline: Timeline) -> bool:
    """Whether there is nothing to be drawn over time: one reading, or all of them of one moment."""
    readings = shown(timeline).readings
    return len(readings) == 1 or (bool(readings) and len({(reading.start, reading.end) for reading in readings}) == 1)


def draw(timeline: Timeline) -> list[Image.Image]:
    """The strips of the picture."""
    timeline = shown(timeline)
    fills, readings = fills_of(timeline), timeline.readings[:MOST]
    columns = min(len(readings), 3)
    wide = ALONE if columns == 1 else BLOCK
    width = 2 * MARGIN + columns * wide + (columns - 1) * APART
    strips = [heading(timeline, width)]
    for first in range(0, len(readings), columns):
        blocks = [_block(reading, fills, wide) for reading in readings[first : first + columns]]
        row, _ = strip(width, max(block.height for block in blocks))
        for at, block in enumerate(blocks):
            row.paste(block, (MARGIN + at * (wide + APART), 0))
        strips.append(row)
    if len(timeline) > MOST:
        more, pen = strip(width, 50)
        words(pen, (MARGIN, 26), f"and {len(timeline) - MOST} more", size=22, fill=SOFT)
        strips.append(more)
    return strips


def _block(reading: Reading, fills: dict[str, str], wide: int) -> Image.Image:
    ranked = sorted(reading.scores.items(), key=lambda item: -item[1])[:SHOWN]
    known = [name for name in LINES if getattr(reading, name) is not None]
    image, pen = strip(wide, 100 + ROW * len(ranked) + (16 + ROW * len(known) if known else 0))
    words(pen, (0, 30), reading.who or reading.modality, size=26, room=wide)
    if reading.abstained:
        words(pen, (0, 60), f"unsure: {reading.reason or 'no label is likely enough'}", size=20, room=wide, fill=SOFT)
    top = 76 if reading.abstained else 50
    for name, score in ranked:
        words(pen, (NAMES - 12, top + 25), name, size=22, room=NAMES - 12, anchor="rs")
        room = wide - NAMES - NUMBERS
        pen.rectangle((NAMES, top + 4, NAMES + room, top + 30), fill=TRACK)
        if score > 0:
            pen.rectangle((NAMES, top + 4, NAMES + room * score, top + 30), fill=pale(fills[name], 0.25 if reading.abstained else 1.0))
        words(pen, (wide, top + 25), f"{score:.0%}" if score >= 0.005 else "<1%", size=22, fill=SOFT, anchor="rs")
        top += ROW
    top += 16
    for name in known:
        _dimension(pen, name, getattr(reading, name), top=top, wide=wide)
        top += ROW
    return image


def _dimension(pen: ImageDraw.ImageDraw, name: str, value: float, *, top: int, wide: int) -> None:
    """A value in [-1, 1] as a bar from the middle, which is 0."""
    half = (wide - NAMES - NUMBERS) / 2
    middle = NAMES + half
    words(pen, (NAMES - 12, top + 25), name, size=22, room=NAMES - 12, anchor="rs")
    pen.rectangle((NAMES, top + 12, NAMES + 2 * half, top + 22), fill=TRACK, outline=GRID)
    pen.rectangle((middle + min(value, 0) * half, top + 12, middle + max(value, 0) * half, top + 22), fill=LINES[name])
    pen.line((middle, top + 6, middle, top + 28), fill=INK, width=2)
    words(pen, (wide, top + 25), f"{value:+.2f}", size=22, fill=SOFT, anchor="rs")
