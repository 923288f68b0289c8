"""The notes under a person of the figure of several modalities: what is felt, which modality says otherwise, the words."""

from collections.abc import Sequence

from affekt.formats._behind import sides
from affekt.formats._cells import width, wrap
from affekt.formats._fused_page import LANES, RIGHT, Page
from affekt.formats._marks import SIGN, Disc, Mark, Words, unequal
from affekt.formats._palette import NEUTRAL
from affekt.formats._svg import EM
from affekt.results import Reading

APART = 104  # units from one note to the next, at least
WIDEST = 240  # of a note; longer lines are hard to read
LINES = 3  # of words
CONSIDERED = 200  # readings that deserve a note most; no page has room for more


def notes(fused: Sequence[Reading], page: Page, *, top: float) -> tuple[list[Mark], float]:
    """The notes that there is room for: (marks, where they end)."""
    chosen = _chosen(fused, page)
    marks: list[Mark] = []
    end = top
    for at, one in enumerate(chosen):
        x = _place(one, page)
        after = _place(chosen[at + 1], page) if at + 1 < len(chosen) else RIGHT
        room = min(max(after - x - 12, APART - 12), WIDEST)
        against = _against(one, page)
        lines = [*against, *wrap(page.words(one), int(room / (11.5 * EM)), lines=LINES)]
        marks += unequal(x + SIGN, top + 15) if one.disagrees else [Disc(x + 4.5, top + 15, 4.5, _fill(one, page))]
        marks.append(Words(x + 17, top + 19, _verdict(one, room - 17), 12, room - 17, bold=True))
        for row, line in enumerate(lines):
            marks.append(Words(x, top + 36 + 15 * row, line, 11.5, room + 8, "ink" if row < len(against) else "soft"))
        end = max(end, top + 24 + 15 * len(lines))
    return marks, end


def _place(one: Reading, page: Page) -> float:
    """Where the note begins: with the reading, or as far right as it fits."""
    return min(page.scale.x(one.start), RIGHT - APART + 12)


def _chosen(fused: Sequence[Reading], page: Page) -> list[Reading]:
    """The readings that deserve a note most, far enough apart, in order of time."""

    def weight(one: Reading) -> tuple[bool, bool, float]:
        sure = 0.0 if one.abstained or one.top is None else one.top[1] * (0.3 if one.top[0] == NEUTRAL else 1.0)
        return one.disagrees, bool(page.words(one)), sure

    chosen: list[Reading] = []
    telling = [one for one in fused if one.disagrees or page.words(one) or (one.top and one.top[0] != NEUTRAL and not one.abstained)]
    for one in sorted(telling, key=weight, reverse=True)[:CONSIDERED]:
        if all(abs(_place(one, page) - _place(other, page)) >= APART for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.start)


def _verdict(one: Reading, room: float) -> str:
    """The label with its score, or alone where both need more room."""
    if one.abstained or one.top is None:
        return "unsure"
    whole = f"{one.top[0]} {one.top[1]:.0%}"
    return whole if width(whole) * 12 * EM <= room else one.top[0]


def _against(one: Reading, page: Page) -> list[str]:
    """What each of the two says, on a line of its own, where they disagree."""
    if not one.disagrees:
        return []
    return [f"{LANES.get(side.modality, side.modality)}: {side.label or 'unsure'}" for side in sides(one, page.found)]


def _fill(one: Reading, page: Page) -> str:
    return "unsure" if one.abstained or one.top is None else page.fills[one.top[0]]
