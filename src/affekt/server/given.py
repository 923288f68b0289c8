"""A timeline that a caller sends: read strictly, and checked before it is kept."""

import re
from itertools import chain
from typing import Self

from pydantic import ConfigDict, RootModel, model_validator

from affekt.parts import LabelSet
from affekt.policy.deployment import READ
from affekt.results import Modality, Timeline
from affekt.server.problems import Problem

LONGEST = 1e9  # seconds or characters; sums and drawings of longer ones would overflow
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # JSON can only say it so, and PostgreSQL keeps no such character


class GivenTimeline(RootModel[Timeline]):
    """A timeline as `Timeline.to_dict` gives it; without `marks`, where there are none."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        whole = self.root
        read = (one.end for one in (*whole.readings, *whole.fused))
        times = (whole.duration, *read, *(one.offset for one in whole.events), *(one.time for one in whole.marks))
        if wrong := [one for one in times if not 0 <= one <= LONGEST]:
            raise ValueError(f"a time of {wrong[0]:g}; times lie between 0 and {LONGEST:g}")
        return self


def check_labels(timeline: Timeline, labels: LabelSet) -> None:
    """Nothing, where all of a timeline speaks one label set.

    Raises:
        Problem: 422, it has a label of another.
    """
    readings = (*timeline.readings, *timeline.fused)
    if other := {one.labels for one in readings if one.scores} - {labels.name}:
        raise _unusable(f"readings of {', '.join(sorted(other))} in a timeline of {labels.name}; give all of one label set")
    said = chain((event.label for event in timeline.events), *((*one.scores, *one.present) for one in readings))
    if unknown := sorted(set(said) - set(labels.labels)):
        raise _unusable(f"no {', '.join(map(repr, unknown[:10]))} in {labels.name}; there are: {', '.join(labels.labels)}")


def check_keepable(timeline: Timeline, body: bytes) -> None:
    """Nothing, where a timeline can be kept as a session.

    Raises:
        Problem: 422, it holds a character that no database keeps, or readings that later ones replace.
    """
    if rb"\u0000" in body and NUL.search(body):  # which is slow, and lets nothing else run
        raise _unusable("the character U+0000 in a text, which is not kept; leave it out")
    if any(one.provisional for one in (*timeline.readings, *timeline.fused)):
        raise _unusable("a provisional reading, which a later one replaces; give the final ones alone")


def modalities_in(timeline: Timeline) -> tuple[Modality, ...]:
    """What was read for a timeline, also where only what was fused of it is left; where that does not say of what, all may have been."""
    read = (*timeline.readings, *timeline.fused)
    found = {one.modality for one in read}
    shares: set[str] = {name for one in read if one.modality == "fused" for name in one.shares or READ}
    return tuple(one for one in READ if one in found or one in shares or (one == "face" and timeline.events))


def _unusable(detail: str) -> Problem:
    return Problem(422, "invalid-request", f"the timeline cannot be used: it has {detail}")
