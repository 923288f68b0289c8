"""What a subtitle says: when, who, the label with its score, and the words. For the formats that need a clock."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from affekt.errors import InputError
from affekt.formats._behind import behind, pair, sides, told, words_of
from affekt.formats._cells import flat
from affekt.results import DIMENSIONS, Modality, Reading, Timeline

UNSURE, NONE = "unsure", "none"  # the reading abstains; no label of a multi-label set applies
DISAGREEMENT, MARK = "disagreement", "mark"
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Cue:
    """One reading as a subtitle, in plain text on one line; each format escapes it its own way.

    Args:
        start, end: milliseconds; the end is later than the start.
        kind: the modality, `DISAGREEMENT` or `MARK`.
        who: empty where it is not known.
        label: the top label, `UNSURE`, `NONE`, the dimensions where there are no labels, who disagrees, or what was noted.
        line: the label with its score in brackets, then the words: "[joy 0.83; text and speech disagree] so happy!".
    """

    start: int
    end: int
    kind: str
    who: str
    label: str
    line: str


def subtitles(timeline: Timeline, *, name: str) -> list[Cue]:
    """The cues that are shown over a recording, in order of time: what `told` tells.

    Args:
        name: of the format, for the error.

    Raises:
        InputError: the timeline has no clock.
    """
    check_clock(timeline, name)
    shown = cues_of(timeline, told(timeline))
    # Without a single cue a SubRip file would be empty, which players take for a broken one.
    return shown or [Cue(0, max(milliseconds(timeline.duration), 1), "fused", "", "", "[no readings]")]


def milliseconds(seconds: float) -> int:
    """The time as subtitle formats count it."""
    return round(seconds * 1000)


def plain(text: str) -> str:
    """The text on one line; no character in it steers a terminal, breaks XML or cannot be encoded."""
    return flat(_SURROGATE.sub("\ufffd", text))


def clock(at: int, *, point: str) -> str:
    """Milliseconds as hours, minutes and seconds.

    >>> clock(3_723_004, point=",")
    '01:02:03,004'
    """
    seconds, rest = divmod(at, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def check_clock(timeline: Timeline, name: str) -> None:
    """Nothing, for a timeline in seconds.

    Raises:
        InputError: it is in characters; says what can be written of it.
    """
    if timeline.unit != "seconds":
        raise InputError(
            f"{name} says at what time each reading is, and those of {timeline.source!r} count {timeline.unit}, not seconds; "
            "a text without a clock can be written as csv, emotionml, json, jsonl, label_studio, png, svg or table"
        )


def cues_of(timeline: Timeline, readings: Iterable[Reading], *, modality: Modality | None = None) -> list[Cue]:
    """The readings as cues, in order of time; `modality` stands for their own where it is given."""
    made, words = [], words_of(timeline)
    for reading in readings:
        label, score = _verdict(reading)
        clash = f"; {pair(reading)} disagree" if reading.disagrees else ""
        line = f"[{label}{score}{clash}] {plain(words(reading))}".rstrip()
        made.append(Cue(*_times(reading), modality or reading.modality, plain(reading.who or ""), label, line))
    return sorted(made, key=lambda cue: (cue.start, cue.end))


def disagreements(timeline: Timeline) -> list[Cue]:
    """Where modalities disagree: who does, and "[0.71] text joy 0.80, speech sadness 0.65"."""
    found = behind(timeline)
    made = [
        Cue(
            *_times(reading),
            DISAGREEMENT,
            plain(reading.who or ""),
            pair(reading),
            plain(f"[{reading.disagreement:.2f}] {', '.join(map(str, sides(reading, found)))}"),
        )
        for reading in timeline.disagreements()
    ]
    return sorted(made, key=lambda cue: (cue.start, cue.end))


def marks(timeline: Timeline) -> list[Cue]:
    """What people marked, each as long as a cue is at least."""
    noted = [(milliseconds(mark.time), plain(mark.note) or MARK) for mark in timeline.marks]
    return [Cue(at, at + 1, MARK, "", note, note) for at, note in noted]


def _times(reading: Reading) -> tuple[int, int]:
    start = milliseconds(reading.start)
    return start, max(milliseconds(reading.end), start + 1)  # a cue that ends as it starts is refused, or never shown


def _verdict(reading: Reading) -> tuple[str, str]:
    """The label, and its score where it has one."""
    if reading.abstained:
        return UNSURE, ""
    if reading.top is None:
        known = [(name, getattr(reading, name)) for name in DIMENSIONS]
        return " ".join(f"{name} {value:+.2f}" for name, value in known if value is not None) or NONE, ""
    if not reading.single and not reading.present:
        return NONE, ""
    return plain(reading.top[0]), f" {reading.confidence:.2f}"
