"""TextGrid (.TextGrid): Praat's long text format, one interval tier a modality and person.

The format: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html. Praat takes a tier only where its intervals
follow one another without a gap from the grid's start to its end, so the time between readings is filled with empty ones.
"""

from collections.abc import Iterator

from affekt.formats._cues import Cue, milliseconds
from affekt.formats._tiers import tiers
from affekt.parts import Format
from affekt.results import Timeline


def write(timeline: Timeline) -> str:
    """The readings as intervals with the text "[joy 0.83] so happy!".

    Raises:
        InputError: the timeline has no clock.
    """
    found = tiers(timeline, name="textgrid") or {"no readings": []}  # Praat has no grid without a tier
    # The grid takes some time, and holds what ends after the duration.
    end = max([milliseconds(timeline.duration), 1, *(cue.end for cues in found.values() for cue in cues)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *_stretch(0, end)]
    lines += ["tiers? <exists>", f"size = {len(found)}", "item []:"]
    for number, (name, cues) in enumerate(found.items(), 1):
        lines += [f"    item [{number}]:", *(f"        {line}" for line in _tier(name, cues, end))]
    return "\n".join(lines) + "\n"


def _tier(name: str, cues: list[Cue], end: int) -> Iterator[str]:
    intervals = list(_intervals(cues, end))
    yield 'class = "IntervalTier"'
    yield f"name = {_quoted(name)}"
    yield from _stretch(0, end)
    yield f"intervals: size = {len(intervals)}"
    for number, (start, stop, text) in enumerate(intervals, 1):
        yield f"intervals [{number}]:"
        yield from (f"    {line}" for line in (*_stretch(start, stop), f"text = {_quoted(text)}"))


def _intervals(cues: list[Cue], end: int) -> Iterator[tuple[int, int, str]]:
    """(start, end, text) of the cues and of the gaps between them."""
    at = 0
    for cue in cues:
        if at < cue.start:
            yield at, cue.start, ""
        yield cue.start, cue.end, cue.line
        at = cue.end
    if at < end:
        yield at, end, ""


def _stretch(start: int, end: int) -> tuple[str, str]:
    return f"xmin = {_seconds(start)}", f"xmax = {_seconds(end)}"


def _seconds(at: int) -> str:
    return f"{at // 1000}.{at % 1000:03d}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


PART = Format(name="textgrid", ending="TextGrid", write=write)
