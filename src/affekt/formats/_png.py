"""The sheet of a picture in pixels: strips that lie one under the other, with words and patches of colour."""

import io
from collections.abc import Iterable, Mapping, Sequence

from PIL import Image, ImageColor, ImageDraw

from affekt.formats._cells import flat
from affekt.formats._letters import fitted
from affekt.formats._palette import GREY, NEUTRAL, colours, paled
from affekt.results import Timeline

Colour = tuple[int, int, int]
WIDTH = 1600  # pixels, at most
MARGIN = 40
INK, SOFT, GRID, TRACK = "#1b2130", "#5a6473", "#d5dae1", "#f3f5f7"
HATCH = ("#e8ebef", "#b3bbc6")  # of what is unsure: ground and lines
LINES = {"valence": "#1b2130", "arousal": "#8a94a3", "dominance": "#c4cad3"}  # no colours: those are the labels'


def strip(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A white part of the sheet, and what draws on it."""
    image = Image.new("RGB", (width, height), "white")
    return image, ImageDraw.Draw(image)


def words(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, *, size: int, room: float = WIDTH, fill: str = INK, anchor: str = "ls"
) -> float:
    """Draws words on one line, cut to `room` pixels: the pixels that they take.

    Args:
        at: x, and y of the line that the letters stand on.
        anchor: "ls", "ms" or "rs": `at` is on their left, in their middle, on their right.
    """
    shown, font = fitted(flat(text), size, room=room)
    draw.text(at, shown, font=font, fill=fill, anchor=anchor)
    return font.getlength(shown)


def length_of(text: str, size: int) -> float:
    """The pixels that words take."""
    shown, font = fitted(flat(text), size, room=WIDTH)
    return font.getlength(shown)


def pale(colour: str, sure: float) -> Colour:
    """A colour, the nearer to white the less sure, in [0, 1], the label is."""
    red, green, blue = ImageColor.getrgb(paled(colour, sure))[:3]
    return red, green, blue


def fills_of(timeline: Timeline) -> dict[str, str]:
    """A colour for each label that has a score in the timeline, the same in every picture of one label set."""
    names = list(dict.fromkeys(name for reading in timeline.readings for name in reading.scores))
    names += [event.label for event in timeline.events if event.label not in names]
    return {**colours(names, timeline.labels), **({NEUTRAL: GREY} if NEUTRAL in names else {})}


def hatched(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float]) -> None:
    """Fills a box (left, top, right, bottom) as what is unsure is filled."""
    left, top, right, bottom = box
    draw.rectangle(box, fill=HATCH[0])
    for x in range(int(left), int(right + bottom - top), 8):  # each line goes down to the left and stays inside
        begin, end = max(x - right, 0), min(x - left, bottom - top)
        draw.line((x - begin, top + begin, x - end, top + end), fill=HATCH[1], width=2)


def legend(width: int, fills: Mapping[str, str], *, unsure: bool, lines: Sequence[str]) -> Image.Image:
    """Patches of colour with the names of what they stand for."""
    size, names = 22, [*fills, *(["unsure"] if unsure else []), *lines]
    places, x, y = [], float(MARGIN), 0
    for name in names:
        wide = 34 + length_of(name, size)
        if x + wide > width - MARGIN and x > MARGIN:
            x, y = float(MARGIN), y + 36
        places.append((x, y))
        x += wide + 34
    image, draw = strip(width, y + 40 if names else 1)
    for number, (name, (x, y)) in enumerate(zip(names, places, strict=True)):
        if number < len(fills):
            draw.rectangle((x, y + 6, x + 22, y + 28), fill=fills[name])
        elif number < len(names) - len(lines):
            hatched(draw, (x, y + 6, x + 22, y + 28))
        else:
            draw.line((x, y + 17, x + 24, y + 17), fill=LINES[name], width=5)
        words(draw, (x + 32, y + 25), name, size=size, fill=SOFT)
    return image


def page(strips: Iterable[Image.Image]) -> bytes:
    """The strips one under the other, as a PNG file."""
    parts = list(strips)
    sheet = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()
