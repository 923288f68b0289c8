"""The marks of a figure as SVG; the style sheet fills, so lines are drawn as thin areas."""

import math
from collections.abc import Iterable

from affekt.formats import _svg
from affekt.formats._marks import Disc, Mark, Rect, Stroke, Words

DARK = "#1b2130"  # words on a patch of colour, which is pale on light and dark pages alike
EDGE = 1.4  # of a line round a rectangle


def drawn(marks: Iterable[Mark], *, name: str) -> list[str]:
    """The marks, after the pattern that "unsure" is filled with.

    Args:
        name: prefix of ids.
    """
    stripes = '<path class="track" d="M0 0h6v6h-6z"/><path class="faint" d="M0 0h1.6v6h-1.6z"/>'
    size = 'width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"'
    return [f'<pattern id="{name}-unsure" {size}>{stripes}</pattern>', *(_one(mark, name) for mark in marks)]


def fill_of(fill: str, *, name: str) -> str:
    """A fill as `_svg.rect` takes it."""
    return f"url(#{name}-unsure)" if fill == "unsure" else fill


def _one(mark: Mark, name: str) -> str:
    match mark:
        case Words():
            ink, weight = (DARK if mark.fill == "dark" else mark.fill), (600 if mark.bold else 400)
            words = _svg.clipped(mark.text, mark.room, mark.size)
            return _svg.text(mark.x, mark.y, words, size=mark.size, style=ink, weight=weight, anchor=mark.anchor)
        case Disc():
            return f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.r:g}" {_svg.paint(fill_of(mark.fill, name=name))}/>'
        case Stroke(ink="grid"):
            return _svg.line(mark.x1, mark.y1, mark.x2, mark.y2)
        case Stroke():
            return _area(mark)
        case Rect(edge=True):
            return _frame(mark)
        case Rect():
            fill = fill_of(mark.fill, name=name)
            return _svg.rect(mark.x, mark.y, mark.wide, mark.high, fill=fill, round_by=mark.round_by, hint=mark.hint)


def _area(mark: Stroke) -> str:
    """A line as a thin area; the style sheet gives the card's colour an edge, which a line has not."""
    along = math.hypot(mark.x2 - mark.x1, mark.y2 - mark.y1) or 1.0
    dx, dy = ((mark.y1 - mark.y2) / along * mark.wide / 2, (mark.x2 - mark.x1) / along * mark.wide / 2)
    corners = [(mark.x1 + dx, mark.y1 + dy), (mark.x2 + dx, mark.y2 + dy), (mark.x2 - dx, mark.y2 - dy), (mark.x1 - dx, mark.y1 - dy)]
    return f'<path class="{mark.ink}" style="stroke:none" d="M{"L".join(f"{x:.2f} {y:.2f}" for x, y in corners)}z"/>'


def _frame(mark: Rect) -> str:
    left, top, right, bottom = mark.x, mark.y, mark.x + mark.wide, mark.y + mark.high
    outer = f"M{left - EDGE:.1f} {top - EDGE:.1f}H{right + EDGE:.1f}V{bottom + EDGE:.1f}H{left - EDGE:.1f}z"
    return f'<path class="ink" fill-rule="evenodd" d="{outer}M{left:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}H{left:.1f}z"/>'
