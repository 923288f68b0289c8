"""A picture of many readings: a lane for each person, time from left to right."""

from collections.abc import Mapping

from affekt.formats import _svg
from affekt.formats._cells import flat
from affekt.formats._moments import moment, ticks
from affekt.formats._svg import MARGIN, WIDTH
from affekt.formats._svg_notes import notes
from affekt.formats._svg_ribbon import HIGH, Scale, dimensions, stacked
from affekt.results import Reading, Timeline

NAMES = 116  # pixels to the left of the lanes, where they have names


def draw(timeline: Timeline, *, top: float, stack: Mapping[str, str], name: str) -> tuple[list[str], float]:
    """The lanes, from `top` down: (marks, where they end).

    Args:
        stack: label -> fill, from the bottom of a lane to its top; empty where the readings have only dimensions.
        name: prefix of ids.
    """
    lanes = _lanes(timeline)
    left = MARGIN + (NAMES if len(lanes) > 1 or timeline.people else 0)
    end = max(timeline.duration, *(reading.end for reading in timeline.readings), 1e-6)
    tallest = max(1.0, *(sum(reading.scores.values()) for reading in timeline.readings))
    scale = Scale(left, (WIDTH - MARGIN - left) / end, HIGH / tallest)
    marks: list[str] = []
    for number, ((title, modality), readings) in enumerate(lanes.items()):
        if left > MARGIN:
            marks.append(_svg.text(MARGIN, top + 29, _svg.clipped(title, NAMES - 14, 14), size=14, weight=600))
            marks.append(_svg.text(MARGIN, top + 47, modality or _usual(readings), size=11.5, style="faint"))
        marks.append(_svg.rect(left, top, WIDTH - MARGIN - left, HIGH, fill="track", round_by=5))
        marks += [_svg.line(scale.x(tick), top, scale.x(tick), top + HIGH) for tick in ticks(timeline, most=8)]
        if stack:
            marks += stacked(readings, timeline, scale, top=top, stack=stack, name=f"{name}-{number}")
        else:
            marks += dimensions(readings, scale, top=top)
        beneath, below = notes(readings, timeline, scale, top=top + HIGH, stack=stack)
        marks += beneath
        top = below + 18
    clock = [
        _svg.text(scale.x(tick), top + 6, moment(tick, timeline), size=11, style="faint", anchor="middle")
        for tick in ticks(timeline, most=8)
    ]
    return marks + clock, top + 10


def _lanes(timeline: Timeline) -> dict[tuple[str, str], list[Reading]]:
    """(name, modality) -> readings; the modality is told only where there are several."""
    several = len({reading.modality for reading in timeline.readings}) > 1
    lanes: dict[tuple[str, str], list[Reading]] = {}
    for who in (*timeline.people, None):
        for reading in timeline.readings:
            if reading.who == who:
                title = flat(who) if who else reading.modality if several else ""
                lanes.setdefault((title, reading.modality if several and who else ""), []).append(reading)
    return lanes


def _usual(readings: list[Reading]) -> str:
    """What a lane mostly says, weighted by length."""
    sums: dict[str, float] = {}
    for reading in readings:
        for label, score in reading.scores.items():
            sums[label] = sums.get(label, 0.0) + score * max(reading.end - reading.start, 1e-6)
    return _svg.clipped(f"mostly {max(sums, key=sums.__getitem__)}", NAMES - 14, 11.5) if sums else ""
