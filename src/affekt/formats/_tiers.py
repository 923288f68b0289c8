"""Cues in tiers, as annotation tools show them: one a modality and person, and no two cues of a tier at one time."""

from collections.abc import Iterable

from affekt.formats._cues import Cue, check_clock, cues_of, disagreements, marks
from affekt.results import Timeline


def tiers(timeline: Timeline, *, name: str) -> dict[str, list[Cue]]:
    """The cues by modality and person, under distinct names; what would overlap goes to a further tier of the same.

    Those of `fused` have tiers of their own, whatever modality they come from, and so have disagreements and marks.

    Raises:
        InputError: the timeline has no clock.
    """
    check_clock(timeline, name)
    found: dict[str, list[Cue]] = {}
    names: dict[tuple[str, str], list[str]] = {}  # (kind, who) -> its tiers
    single, fused = cues_of(timeline, timeline.readings), cues_of(timeline, timeline.fused, modality="fused")
    for cue in (*single, *fused, *disagreements(timeline), *marks(timeline)):
        mine = names.setdefault((cue.kind, cue.who), [])
        free = next((tier for tier in mine if found[tier][-1].end <= cue.start), None)
        if free is None:
            free = unused(f"{cue.kind} {cue.who}".strip(), found)
            mine.append(free)
        found.setdefault(free, []).append(cue)
    return found


def unused(name: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it where it is taken.

    >>> unused("face", ["text"]), unused("face", ["face", "face 2"])
    ('face', 'face 3')
    """
    chosen, number = name, 1
    while chosen in taken:
        number += 1
        chosen = f"{name} {number}"
    return chosen
