"""Turns of talk: who said what, and when, on their way to clips."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from affekt.errors import EmptyInput
from affekt.results import Clip
from affekt.sources.opened import Opened
from affekt.sources.text import check_length, heal, is_blank, oddities


@dataclass(frozen=True, slots=True)
class Turn:
    """What one person said at one time; `time` is its start and end in seconds, where both are known."""

    who: str | None
    text: str
    time: tuple[float, float] | None = None


def open_turns(turns: Sequence[Turn], *, name: str) -> Opened:
    """One clip a turn; the transcript is the turns' texts, one after the other.

    The unit is seconds where every turn has its time, else characters.

    Raises:
        EmptyInput: no turn holds text.
        InputTooLarge: the transcript is longer than a text may be.
    """
    spoken = [turn for turn in turns if not is_blank(turn.text)]
    if not spoken:
        raise EmptyInput(f"{name} holds no turns of talk; a turn has a text and, where known, a speaker and times")
    raw = "\n".join(turn.text.strip() for turn in spoken)
    check_length(raw, name)
    transcript = heal(raw)  # one character for one, so that spans hold for both
    untimed = sum(turn.time is None for turn in spoken)
    clips, at = [], 0
    for turn in spoken:
        span = (at, at + len(turn.text.strip()))
        start, end = turn.time if turn.time and not untimed else span
        who = heal(turn.who).strip() if turn.who else None
        clips.append(Clip("text", transcript[slice(*span)], start, end, who=who or None, span=span))
        at = span[1] + 1
    warnings = (*oddities(raw), *_left_out(len(turns) - len(spoken), untimed if untimed < len(spoken) else 0))
    return Opened(
        name=name,
        unit="characters" if untimed else "seconds",
        duration=max(clip.end for clip in clips),
        clips=tuple(clips),
        transcript=transcript,
        warnings=warnings,
        talk=True,
    )


def _left_out(blank: int, untimed: int) -> list[str]:
    said = []
    if blank:
        said.append(f"{blank} turn{'s' * (blank > 1)} without text left out")
    if untimed:
        said.append(f"{untimed} turn{'s' * (untimed > 1)} without times: all turns are placed by character, not by second")
    return said


def is_stretch(start: float, end: float) -> bool:
    """Whether the two can be the start and end of a turn."""
    return math.isfinite(start) and math.isfinite(end) and 0 <= start <= end
