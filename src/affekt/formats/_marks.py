"""The marks of a figure that is drawn both as vectors and in pixels, in units of a page that is 900 wide."""

from dataclasses import dataclass
from typing import Literal

Ink = Literal["ink", "soft", "faint", "track", "grid", "card"]  # colours of the page, which suit light and dark
SIGN = 6.5  # radius of the disc that says that two disagree


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle.

    Args:
        fill: "#rrggbb", an `Ink`, "unsure" for hatching, or "none".
        edge: whether a line of ink runs round it.
        hint: what a mouse that rests on it shows, where there is a mouse.
    """

    x: float
    y: float
    wide: float
    high: float
    fill: str
    round_by: float = 0.0
    edge: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """Words on one line, cut to `room`; `fill` is an `Ink`, or "dark" on a patch of colour."""

    x: float
    y: float
    text: str
    size: float
    room: float
    fill: str = "ink"
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"


@dataclass(frozen=True, slots=True)
class Stroke:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    ink: Ink
    wide: float = 1.0


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle; `fill` as of `Rect`."""

    x: float
    y: float
    r: float
    fill: str


Mark = Rect | Words | Stroke | Disc


def unequal(x: float, y: float) -> list[Mark]:
    """The sign that two modalities disagree: "≠" in a disc, drawn, for not every font has it."""
    bars = [Stroke(x - 3.2, y + at, x + 3.2, y + at, "card", 1.3) for at in (-1.5, 1.5)]
    return [Disc(x, y, SIGN, "ink"), *bars, Stroke(x - 1.9, y + 3.9, x + 1.9, y - 3.9, "card", 1.3)]
