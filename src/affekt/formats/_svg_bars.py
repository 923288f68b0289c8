"""A picture of one reading: a bar for each of its labels, a needle for each of its dimensions."""

from affekt.formats import _svg
from affekt.formats._cells import width
from affekt.formats._palette import NEUTRAL, colours
from affekt.formats._svg import MARGIN, WIDTH
from affekt.results import DIMENSIONS, Reading

SHOWN = 8  # labels
ROW = 30  # pixels from one bar to the next
_NAMES = 128  # pixels for a label's name
_PANEL = 250  # pixels for the dimensions


def draw(reading: Reading, *, top: float) -> tuple[list[str], float]:
    """The reading, from `top` down: (marks, where they end)."""
    marks: list[str] = []
    if reading.abstained:
        marks.append(_svg.text(MARGIN, top + 10, f"Unsure: {reading.reason or 'no label is likely enough'}", size=13, style="soft"))
        top += 30
    known = [(name, value) for name in DIMENSIONS if (value := getattr(reading, name)) is not None]
    right = WIDTH - MARGIN - (_PANEL + 32 if known and reading.scores else 0)
    bars, left_end = _bars(reading, top=top, right=right)
    needles, right_end = _needles(known, top=top, x=right + 32 if reading.scores else MARGIN)
    return marks + bars + needles, max(left_end, right_end) + 12


def _bars(reading: Reading, *, top: float, right: float) -> tuple[list[str], float]:
    marks = []
    ranked = sorted(reading.scores.items(), key=lambda item: -item[1])[:SHOWN]
    fills = colours(list(reading.scores), reading.labels)
    x = MARGIN + min(_NAMES, max((width(name) for name, _ in ranked), default=0) * 14 * _svg.EM) + 14
    for name, score in ranked:
        weight = 600 if name in reading.present and not reading.abstained else 400
        marks += [
            _svg.text(x - 14, top + 15, _svg.clipped(name, _NAMES, 14), size=14, weight=weight, anchor="end"),
            _svg.rect(x, top + 2, right - x - 52, 18, fill="track", round_by=4),
            _svg.rect(x, top + 2, (right - x - 52) * score, 18, fill=fills.get(name, NEUTRAL), round_by=min(4, 90 * score)),
            _svg.text(right, top + 15, f"{score:.0%}" if score >= 0.005 else "<1%", size=14, style="soft", weight=weight, anchor="end"),
        ]
        top += ROW
    hidden = len(reading.scores) - len(ranked)
    if hidden:
        marks.append(_svg.text(x, top + 12, f"and {hidden} less likely labels", size=12, style="faint"))
        top += 20
    return marks, top


def _needles(known: list[tuple[str, float]], *, top: float, x: float) -> tuple[list[str], float]:
    marks = []
    for name, value in known:
        fill = colours([name], "vad")[name]
        middle, half = x + _PANEL / 2, _PANEL / 2
        marks += [
            _svg.text(x, top + 12, name, size=13, style="soft"),
            _svg.text(x + _PANEL, top + 12, f"{value:+.2f}", size=13, anchor="end"),
            _svg.rect(x, top + 22, _PANEL, 6, fill="track", round_by=3),
            _svg.rect(middle + min(value, 0) * half, top + 22, abs(value) * half, 6, fill=fill, round_by=3),
            _svg.rect(middle - 0.75, top + 19, 1.5, 12, fill="faint"),
            f'<circle cx="{middle + value * half:.1f}" cy="{top + 25:.1f}" r="6" {_svg.paint(fill)}/>',
        ]
        top += 48
    return marks, top
