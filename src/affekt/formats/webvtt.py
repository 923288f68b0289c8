"""WebVTT (.vtt, https://www.w3.org/TR/webvtt1/): one cue a reading, with who speaks as its voice; for HTML players.

What a cue cannot hold stands in one NOTE block at the end, which players skip: the timeline as JSON lines. `read` takes it from
there, so changes to the cues are not read.
"""

from html import escape

from affekt.errors import BadResult, InputError
from affekt.formats import jsonl
from affekt.formats._cues import Cue, clock, subtitles
from affekt.parts import Format
from affekt.results import Timeline

_NOTE = "\n\nNOTE affekt\n"


def write(timeline: Timeline) -> str:
    """The readings as cues in order of time, and the note that `read` reads.

    Raises:
        InputError: the timeline has no clock.
    """
    cues = "".join(f"\n\n{_written(cue)}" for cue in subtitles(timeline, name="webvtt"))
    # No line of a block may hold the arrow of a time line; in JSON only a string can, and a string can escape it.
    note = jsonl.write(timeline).replace("-->", "--\\u003e")
    return f"WEBVTT{cues}{_NOTE}{note}"


def _written(cue: Cue) -> str:
    voice = f"<v {escape(cue.who, quote=False)}>" if cue.who else ""
    return f"{clock(cue.start, point='.')} --> {clock(cue.end, point='.')}\n{voice}{escape(cue.line, quote=False)}"


def read(text: str) -> Timeline:
    """The timeline that `write` wrote, from its note.

    Raises:
        InputError: there is no such note, or it is broken.
        BadResult: a number in it is out of its range.
    """
    _, found, rest = text.replace("\r\n", "\n").partition(_NOTE)
    if not found:
        raise InputError("no 'NOTE affekt' in this WebVTT, so it is no timeline; read subtitles as a source: affekt.read('talk.vtt')")
    try:
        return jsonl.read(rest.partition("\n\n")[0])
    except BadResult:
        raise
    except InputError as error:
        raise InputError(f"the 'NOTE affekt' of this WebVTT is no timeline, counted from its first line: {error}") from error


PART = Format(name="webvtt", ending="vtt", write=write, read=read)
