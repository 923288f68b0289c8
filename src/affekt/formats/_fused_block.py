"""One person of the figure of several modalities: the fused lane, a thin one a modality, the signs of disagreement, the notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from affekt.formats._behind import fused_of, pair
from affekt.formats._cells import flat, width
from affekt.formats._columns import NOTHING, UNSURE, columns_of, stretches
from affekt.formats._fused_notes import notes
from affekt.formats._fused_page import LANES, LEFT, NAMES, RIGHT, Page
from affekt.formats._marks import SIGN, Mark, Rect, Stroke, Words, unequal
from affekt.formats._moments import hint
from affekt.formats._palette import paled
from affekt.formats._runs import runs
from affekt.formats._svg import EM, MARGIN
from affekt.results import Modality, Reading

COLUMNS = 2 * (RIGHT - LEFT)  # two to a unit: as fine as a screen of twice the usual density
BAND, LANE, GAP = 40, 13, 5  # how high the fused lane is and each of the others, and what lies between two
HINTS = 300  # fused readings up to which each has a hint of its own


@dataclass(frozen=True, slots=True)
class Block:
    """Marks down to `end`, and the labels that they show."""

    marks: Sequence[Mark]
    end: float
    seen: set[str]


def block(who: str | None, page: Page, *, top: float) -> Block:
    """One person, from `top` down."""
    fused = [one for one in fused_of(page.timeline) if one.who == who]
    mine = [one for one in page.timeline.readings if one.who == who]
    alone = {kind: [one for one in mine if one.modality == kind] for kind in LANES}
    named: list[Mark] = [Words(MARGIN, top + 17, who or "no name", 14, NAMES - 14, bold=True)]
    lanes: list[tuple[Sequence[Reading], float, float]] = []  # readings, top, height
    first = top
    if fused:
        named.append(Words(MARGIN, top + 33, _mostly(fused), 11.5, NAMES - 14, "faint"))
        lanes.append((fused, top, BAND))
    top += BAND + GAP if fused else 24
    tops: dict[Modality, float] = {}
    for kind, readings in alone.items():
        if any(one.scores for one in readings):
            named.append(Words(LEFT - 9, top + LANE - 3, LANES[kind], 11, NAMES - 14, "soft", anchor="end"))
            lanes.append((readings, top, LANE))
            tops[kind] = top
            top += LANE + GAP
    marks = [*named, *(Rect(LEFT, at, RIGHT - LEFT, high, "track", round_by=2) for _, at, high in lanes)]
    marks += [Stroke(x, lanes[0][1], x, top - GAP, "grid") for x in page.ticks if lanes]
    seen: set[str] = set()
    for shown, at, high in lanes:
        patches, labels = _patches(shown, page, top=at, high=high)
        marks += patches
        seen |= labels
    marks += _signs(fused, tops, page)
    long = runs(fused)
    if len(long) <= HINTS:
        marks += [_hint(one, page, top=first) for one in long]
    beneath, end = notes(long, page, top=top - GAP)
    return Block([*marks, *beneath], end, seen)


def _mostly(readings: Sequence[Reading]) -> str:
    """What they mostly say, weighted by length."""
    sums: dict[str, float] = {}
    for reading in readings:
        for label, score in reading.scores.items():
            sums[label] = sums.get(label, 0.0) + score * (reading.end - reading.start)
    return f"mostly {max(sums, key=sums.__getitem__)}" if sums else ""


def _patches(readings: Sequence[Reading], page: Page, *, top: float, high: float) -> tuple[list[Mark], set[str]]:
    """A patch of colour for each stretch of one label, the paler the less sure, with its name where there is room."""
    labels = list(page.fills)
    columns = columns_of(readings, labels, per_unit=2 * page.scale.per_unit, count=COLUMNS)
    marks: list[Mark] = []
    seen: set[str] = set()
    for at, first, last in stretches(columns.label):
        if at == NOTHING:
            continue
        x, wide = LEFT + first / 2, (last - first) / 2
        name = "unsure" if at == UNSURE else labels[at]
        fill = "unsure" if at == UNSURE else paled(page.fills[name], float(columns.score[first:last].mean()))
        marks.append(Rect(x, top, wide, high, fill))
        seen.add(name)
        size = next((size for size in (12, 10.5) if (width(name) + 2) * size * EM <= wide), None)
        if high == BAND and size and at != UNSURE:
            marks.append(Words(x + 5, top + high / 2 + 4.2, name, size, wide - 5, "dark", bold=True))
    return marks, seen


def _signs(fused: Sequence[Reading], tops: Mapping[Modality, float], page: Page) -> list[Mark]:
    """Frames round the stretches of the two modalities that disagree, and between them the sign, where it does not hide another."""
    frames: list[Mark] = []
    signs: list[Mark] = []
    free = 0.0
    for one in fused:
        rows = sorted(tops[kind] for kind in one.between or () if kind in tops)
        if not one.disagrees or len(rows) < 2:
            continue
        x, wide = page.scale.x(one.start), max((one.end - one.start) * page.scale.per_unit, 2.0)
        frames += [Rect(x, at, wide, LANE, "none", round_by=2, edge=True) for at in rows]
        middle = x + wide / 2
        frames += [Stroke(middle, above + LANE, middle, below, "ink", 1.5) for above, below in pairwise(rows)]
        if middle - SIGN >= free:
            signs += unequal(middle, (rows[0] + LANE + rows[-1]) / 2)
            free = middle + SIGN + 1
    return frames + signs


def _hint(one: Reading, page: Page, *, top: float) -> Rect:
    clash = f"{pair(one)} disagree" if one.disagrees else ""
    words = "" if one.span else page.words(one)[:200]  # with a span they stand in the hint already
    said = " · ".join(filter(None, (hint(one, page.timeline), words, clash)))
    return Rect(page.scale.x(one.start), top, (one.end - one.start) * page.scale.per_unit, BAND, "none", hint=flat(said))
