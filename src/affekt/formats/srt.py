"""SubRip (.srt): one cue a reading, "who: [label score] words"; for players and subtitle editors.

SubRip has no standard; this writes what VideoLAN's and FFmpeg's readers share: a number, a time line with decimal commas,
text, a blank line.
"""

import re

from affekt.formats._cues import Cue, clock, subtitles
from affekt.parts import Format
from affekt.results import Timeline

# SubRip cannot escape, so what a player would take for a time line or a tag is set in characters that look alike.
_TAG = re.compile(r"<(?=[A-Za-z/])")  # but not that of "<3"
_STYLE = re.compile(r"\{(?=\\)")  # {\an8}


def write(timeline: Timeline) -> str:
    """The readings as numbered cues in order of time.

    Raises:
        InputError: the timeline has no clock.
    """
    return "\n".join(_written(cue, number) for number, cue in enumerate(subtitles(timeline, name="srt"), 1))


def _written(cue: Cue, number: int) -> str:
    text = f"{cue.who}: {cue.line}" if cue.who else cue.line
    return f"{number}\n{clock(cue.start, point=',')} --> {clock(cue.end, point=',')}\n{_shown(text)}\n"


def _shown(text: str) -> str:
    return _STYLE.sub("(", _TAG.sub("‹", text.replace("-->", "→")))


PART = Format(name="srt", ending="srt", write=write)
