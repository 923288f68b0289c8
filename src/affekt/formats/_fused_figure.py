"""The figure of several modalities: of each person what all say together, under it each alone, where two disagree, and the words."""

from collections.abc import Sequence
from dataclasses import dataclass

from affekt.formats._behind import behind, fused_of, words_of
from affekt.formats._fused_block import block
from affekt.formats._fused_page import LEFT, RIGHT, Page
from affekt.formats._marks import SIGN, Mark, Words, unequal
from affekt.formats._moments import moment, ticks
from affekt.formats._palette import GREY, NEUTRAL, colours
from affekt.formats._svg import MARGIN, WIDTH
from affekt.formats._svg_ribbon import Scale
from affekt.results import Timeline

MOST = 20  # people
MEANING = "the two framed modalities, more likely than not, show different emotions"


@dataclass(frozen=True, slots=True)
class Figure:
    """Marks down to `end`, and label -> fill of what they show, "unsure" included."""

    marks: Sequence[Mark]
    end: float
    legend: dict[str, str]


def fits(timeline: Timeline) -> bool:
    """Whether there are fused readings to draw over time."""
    return timeline.unit == "seconds" and any(one.end > one.start for one in fused_of(timeline))


def draw(timeline: Timeline) -> Figure:
    """The figure: a block for each person, the clock, and what the sign of a disagreement means."""
    readings = (*timeline.readings, *timeline.fused)
    names = list(dict.fromkeys(name for reading in readings for name in reading.scores))
    fills = {**colours(names, timeline.labels), **({NEUTRAL: GREY} if NEUTRAL in names else {})}
    scale = Scale(LEFT, (RIGHT - LEFT) / max(timeline.duration, *(reading.end for reading in readings)), 1.0)
    clock = ticks(timeline, most=8)
    page = Page(timeline, scale, fills, [scale.x(at) for at in clock], words_of(timeline), behind(timeline))
    marks: list[Mark] = []
    seen: set[str] = set()
    top = 0.0
    people = _people(timeline)
    for who in people[:MOST]:
        part = block(who, page, top=top)
        marks += part.marks
        seen |= part.seen
        top = part.end + 18
    for at, x in zip(clock, page.ticks, strict=True):
        marks.append(Words(x, top + 2, moment(at, timeline), 11, 60, "faint", anchor="middle" if x < RIGHT - 14 else "end"))
    top += 8
    if len(people) > MOST:
        top += 20
        marks.append(Words(MARGIN, top, f"and {len(people) - MOST} more people", 12, WIDTH / 2, "soft"))
    if timeline.disagreements():
        top += 24
        marks += [*unequal(MARGIN + SIGN, top - 4), Words(MARGIN + 3 * SIGN, top, MEANING, 12, WIDTH - 3 * MARGIN, "soft")]
    legend = {name: fill for name, fill in fills.items() if name in seen and name != NEUTRAL}
    legend |= {name: fill for name, fill in ((NEUTRAL, GREY), ("unsure", "unsure")) if name in seen}
    return Figure(marks, top, legend)


def _people(timeline: Timeline) -> list[str | None]:
    """Those with fused readings first, each in order of appearance; what has no name comes last."""
    fused = [one.who for one in fused_of(timeline)]
    known = dict.fromkeys((*timeline.people, *fused, *(reading.who for reading in timeline.readings)))
    return sorted(known, key=lambda who: (who not in fused, who is None))
