"""The notes under a lane: what its surest readings say, and the words they were read from."""

from collections.abc import Mapping, Sequence

from affekt.formats import _svg
from affekt.formats._cells import wrap
from affekt.formats._moments import excerpt
from affekt.formats._palette import NEUTRAL, colours
from affekt.formats._svg import MARGIN, WIDTH
from affekt.formats._svg_ribbon import Scale
from affekt.results import Reading, Timeline

APART = 100  # pixels from one note to the next, at least
WIDEST = 260  # pixels of a note; longer lines are hard to read
LINES = 3  # of words


def notes(
    readings: Sequence[Reading], timeline: Timeline, scale: Scale, *, top: float, stack: Mapping[str, str]
) -> tuple[list[str], float]:
    """The notes that there is room for: (marks, where they end)."""
    chosen = _chosen(readings, scale)
    marks: list[str] = []
    deepest = 0
    for at, reading in enumerate(chosen):
        x = min(scale.x(reading.start), WIDTH - MARGIN - APART + 8)
        after = scale.x(chosen[at + 1].start) if at + 1 < len(chosen) else WIDTH - MARGIN
        room = min(max(after - x - 12, APART - 12), WIDEST)
        words = wrap(excerpt(reading, timeline), int(room / (11.5 * _svg.EM)), lines=LINES)
        marks += [
            f'<circle cx="{x + 4:.1f}" cy="{top + 14:.1f}" r="4" {_svg.paint(_fill(reading, stack))}/>',
            _svg.text(x + 13, top + 18, _verdict(reading, room - 13), size=12, weight=600),
            *(_svg.text(x, top + 35 + 15 * row, line, size=11.5, style="soft") for row, line in enumerate(words)),
        ]
        deepest = max(deepest, len(words))
    return marks, top + 24 + 15 * deepest


def _chosen(readings: Sequence[Reading], scale: Scale) -> list[Reading]:
    """The readings that deserve a note most, far enough apart, in order of time."""
    chosen: list[Reading] = []
    for reading in sorted(readings, key=_weight, reverse=True)[:100]:
        if all(abs(scale.x(reading.start) - scale.x(other.start)) >= APART for other in chosen):
            chosen.append(reading)
    return sorted(chosen, key=lambda reading: reading.start)


def _weight(reading: Reading) -> float:
    """Neutral and unsure readings say little."""
    if reading.top is None:
        return abs(reading.valence or 0.0)
    return 0.0 if reading.abstained else reading.top[1] * (0.3 if reading.top[0] == NEUTRAL else 1.0)


def _verdict(reading: Reading, room: float) -> str:
    """The top label with its score, or alone where both need more room."""
    if reading.abstained:
        return "unsure"
    if reading.top is None:
        return "" if reading.valence is None else f"{reading.valence:+.2f}"
    whole = f"{reading.top[0]} {reading.top[1]:.0%}"
    return whole if _svg.clipped(whole, room, 12) == whole else _svg.clipped(reading.top[0], room, 12)


def _fill(reading: Reading, stack: Mapping[str, str]) -> str:
    if reading.abstained:
        return "rest"
    return stack.get(reading.top[0], "rest") if reading.top else colours(["valence"], "vad")["valence"]
