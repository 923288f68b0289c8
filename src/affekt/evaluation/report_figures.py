"""The figures of a report, as SVG that takes its colours from the page."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from affekt.evaluation.report_words import count, decimal, spread
from affekt.formats._svg import line, paint, plain, rect, text

WIDE, HIGH = 400, 306  # of a whole figure
LEFT, RIGHT, TOP, BOTTOM = 46, 390, 12, 222  # of its axes
STRIP = 38  # height of the strip that shows how many rows there are
Z = 1.96  # standard deviations that hold 95 % of a normal distribution
PLOT = 190  # width of the plot of an interval in a table


def reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    """What was claimed beside what was true, by bins of confidence, and how many rows are in each."""
    there = [one for one in bins if one["n"]]
    most = max(one["n"] for one in there)
    marks = [*_axes("what the model claims", "share that is right", low=HIGH - 6), _stroke("dashed", LEFT, BOTTOM, RIGHT, TOP)]
    points = [(_x(one["claimed"]), _y(one["right"])) for one in there]
    for one, (x, y) in zip(there, points, strict=True):
        low, high = _wilson(one["right"], one["n"])
        marks.append(_stroke("whisker", x, _y(low), x, _y(high)))
        told = f"{count(one['n'])} rows claim {decimal(one['claimed'])} in the mean; {decimal(one['right'])} are right"
        marks.append(_dot(x, y, 3.5 + 5 * sqrt(one["n"] / most), told))
    base = BOTTOM + 26 + STRIP
    for one in there:
        tall = max(STRIP * one["n"] / most, 1)
        x, wide = _x(one["from"]) + 1, (RIGHT - LEFT) * (one["to"] - one["from"]) - 2
        marks.append(rect(x, base - tall, wide, tall, fill="accent", round_by=1.5, hint=f"{count(one['n'])} rows"))
    marks += [_stroke("axis", LEFT, base, RIGHT, base), text(LEFT - 8, base - 2, "rows", size=11, style="soft", anchor="end")]
    told = "; ".join(f"claimed {decimal(one['claimed'])}, right {decimal(one['right'])}, {count(one['n'])} rows" for one in there)
    return _figure(marks, title="Reliability diagram", description=f"A dot a bin of confidence: {told}.")


def risk_coverage(curve: Mapping[str, Any]) -> str:
    """The error among the surest rows, by how many of the rows these are."""
    pairs = sorted(zip(curve["coverage"], curve["risk"], strict=True))
    top = next(top for top in (0.1, 0.25, 0.5, 1.0) if top >= max(risk for _, risk in pairs) or top == 1.0)
    marks = _axes("share of rows answered, the surest first", "error", low=HIGH - STRIP - 6, top=top)
    points = [(_x(share), _y(risk / top)) for share, risk in pairs]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks.append(f'<polyline class="line" points="{path}"/>')
    for (share, risk), (x, y) in zip(pairs, points, strict=True):
        marks.append(_dot(x, y, 4.5, f"answering the surest {share:.0%}: error {decimal(risk)}"))
        if round(share, 1) in (0.1, 0.5, 1.0):
            marks.append(text(x, y - 11, decimal(risk), size=12, weight=600, anchor="end" if share == 1.0 else "middle"))
    told = "; ".join(f"{share:.0%} of rows, error {decimal(risk)}" for share, risk in pairs)
    return _figure(marks, title="Risk-coverage curve", description=f"{told}.", high=HIGH - STRIP)


def scale(value: float | None, ends: Sequence[float | None], *, top: float = 1.0) -> str:
    """A number and its interval on a scale from 0; it only repeats what stands beside it."""
    marks = [rect(0, 8, 200, 6, fill="track", round_by=3)]
    if value is not None and None not in ends:
        low, high = (min(max(end or 0.0, 0.0), top) for end in ends)
        marks.append(rect(200 * low / top, 8, max(200 * (high - low) / top, 2), 6, fill="band", round_by=3))
    if value is not None:
        marks.append(rect(min(200 * value / top, 200) - 1.5, 3, 3, 16, fill="accent", round_by=1.5))
    marks += [text(0, 32, "0", size=11, style="soft"), text(200, 32, f"{top:g}", size=11, style="soft", anchor="end")]
    return f'<svg viewBox="-2 0 204 36" aria-hidden="true">{"".join(marks)}</svg>'


def difference(value: float | None, ends: Sequence[float | None], *, reach: float) -> str:
    """A difference and its interval around 0.

    Args:
        reach: what the plot holds on either side of 0.
    """
    middle = PLOT / 2
    marks = [_stroke("axis", middle, 2, middle, 26)]
    if value is not None and None not in ends:
        low, high = (middle + (end or 0.0) / reach * (middle - 8) for end in ends)
        marks += [rect(low, 11, max(high - low, 1), 6, fill="band", round_by=3), _dot(middle + value / reach * (middle - 8), 14, 5, "")]
    words = plain(f"{decimal(value, signed=True)}, {spread(ends, signed=True)}")
    return f'<svg viewBox="0 0 {PLOT} 28" role="img"><title>{words}</title>{"".join(marks)}</svg>'


def _figure(marks: Sequence[str], *, title: str, description: str, high: float = HIGH) -> str:
    head = f"<title>{plain(title)}</title><desc>{plain(description)}</desc>"
    return f'<svg viewBox="0 0 {WIDE} {high}" role="img">{head}{"".join(marks)}</svg>'


def _axes(across: str, up: str, *, low: float, top: float = 1.0) -> list[str]:
    """A grid from 0 to 1 across and from 0 to `top` up, with the names of both, one of them at the height `low`."""
    marks = []
    for at in range(6):
        share = at / 5
        marks += [
            line(LEFT, _y(share), RIGHT, _y(share)),
            text(LEFT - 8, _y(share) + 4, f"{share * top:.2g}", size=11, style="soft", anchor="end"),
            text(_x(share), BOTTOM + 17, f"{share:.1f}", size=11, style="soft", anchor="middle"),
        ]
    middle = (TOP + BOTTOM) / 2
    turned = text(0, 10, up, size=11.5, style="soft", anchor="middle")
    return [
        *marks,
        text((LEFT + RIGHT) / 2, low, across, size=11.5, style="soft", anchor="middle"),
        f'<g transform="translate(0 {middle:.0f}) rotate(-90)">{turned}</g>',
    ]


def _x(share: float) -> float:
    return LEFT + share * (RIGHT - LEFT)


def _y(share: float) -> float:
    return BOTTOM - share * (BOTTOM - TOP)


def _dot(x: float, y: float, r: float, hint: str) -> str:
    told = f"<title>{plain(hint)}</title>" if hint else ""
    return f'<circle {paint("dot")} cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}">{told}</circle>'


def _stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n (Wilson 1927)."""
    whole = 1 + Z * Z / n
    middle, half = (share + Z * Z / (2 * n)) / whole, Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / whole
    return max(middle - half, 0.0), min(middle + half, 1.0)
