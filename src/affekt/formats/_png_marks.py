"""The marks of a figure in pixels; shapes are drawn larger and made smaller, which smooths them, and words over them."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from affekt.formats import _png
from affekt.formats._marks import Disc, Mark, Rect, Stroke, Words
from affekt.formats._svg import MARGIN, WIDTH

SCALE = (_png.WIDTH - 2 * _png.MARGIN) / (WIDTH - 2 * MARGIN)  # pixels a unit: what lies between the margins is as wide
SHIFT = _png.MARGIN / SCALE - MARGIN  # units from the margin of the one page to that of the other
SHARP = 2  # shapes are drawn so many times larger
EDGE = 5  # pixels of a line round a rectangle, drawn larger
COLOURS = {
    **{"ink": _png.INK, "dark": _png.INK, "soft": _png.SOFT, "faint": "#7d8694"},
    **{"grid": "#e2e6eb", "track": _png.TRACK, "card": "#ffffff"},
}
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def drawn(marks: Sequence[Mark], *, high: float) -> Image.Image:
    """The marks on a strip as wide as the page.

    Args:
        high: units of the figure.
    """
    size = (_png.WIDTH, round(high * SCALE))
    image, pen = _png.strip(size[0] * SHARP, size[1] * SHARP)
    for mark in marks:
        _shape(pen, mark)
    image = image.resize(size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(image)
    for mark in marks:
        if isinstance(mark, Words):
            _words(pen, mark)
    return image


def _words(pen: ImageDraw.ImageDraw, mark: Words) -> None:
    x, y, size, room = (mark.x + SHIFT) * SCALE, mark.y * SCALE, round(mark.size * SCALE), mark.room * SCALE
    for at in (x, x + 1) if mark.bold else (x,):  # Pillow's font has no bold letters
        _png.words(pen, (at, y), mark.text, size=size, room=room, fill=COLOURS[mark.fill], anchor=ANCHORS[mark.anchor])


def _shape(pen: ImageDraw.ImageDraw, mark: Mark) -> None:
    match mark:
        case Disc():
            fill = _png.HATCH[1] if mark.fill == "unsure" else COLOURS.get(mark.fill, mark.fill)
            pen.ellipse(_placed(mark.x - mark.r, mark.y - mark.r, mark.x + mark.r, mark.y + mark.r), fill=fill)
        case Stroke():
            pen.line(_placed(mark.x1, mark.y1, mark.x2, mark.y2), fill=COLOURS[mark.ink], width=round(mark.wide * SCALE * SHARP))
        case Rect():
            box = _placed(mark.x, mark.y, mark.x + mark.wide, mark.y + mark.high)
            if mark.fill == "unsure":
                _png.hatched(pen, box)
            elif mark.fill != "none":
                pen.rounded_rectangle(box, radius=mark.round_by * SCALE * SHARP, fill=COLOURS.get(mark.fill, mark.fill))
            if mark.edge:
                pen.rectangle((box[0] - EDGE, box[1] - EDGE, box[2] + EDGE, box[3] + EDGE), outline=_png.INK, width=EDGE)


def _placed(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float, float, float]:
    """Two corners, in the pixels of the larger picture."""
    unit = SCALE * SHARP
    return (x1 + SHIFT) * unit, y1 * unit, (x2 + SHIFT) * unit, y2 * unit
