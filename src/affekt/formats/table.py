"""A plain-text table for the terminal: one line a reading, or one line a label where there is but one reading.

Where several modalities make one reading together, that has the line; where two of them disagree, a line under it says how.
"""

from collections.abc import Sequence

from affekt.formats._behind import behind, sides, told, words_of
from affekt.formats._cells import cut, fit, flat, width
from affekt.formats._moments import excerpt, length, moment
from affekt.parts import Format
from affekt.results import DIMENSIONS, Reading, Timeline

WIDTH = 100  # cells of a line
BAR = 10  # cells of a bar
SHOWN = 8  # labels of one reading
CLASH = "≠"  # two modalities show different emotions
MARK = "⚑"  # a person marked this moment
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def write(timeline: Timeline) -> str:
    """The table, with a line about the whole above it, and under it what people marked and the warnings."""
    found = told(timeline)
    lines = [_heading(timeline), ""]
    if not found:
        lines.append("no readings")
    elif len(timeline.readings or timeline.fused) == 1:
        lines += _one(found[0], timeline)
    else:
        lines += _many(found, timeline)
    lines += [f"{MARK} {moment(mark.time, timeline)} {flat(mark.note)}" for mark in timeline.marks]
    lines += [f"! {flat(warning)}" for warning in timeline.warnings]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _heading(timeline: Timeline) -> str:
    facts = [cut(flat(timeline.source), 40), *([length(timeline)] if timeline.duration or timeline.unit == "characters" else [])]
    if len(timeline.people) > 1:
        facts.append(f"{len(timeline.people)} people")
    facts.append(timeline.labels)
    if timeline.top and len(timeline) > 1:
        facts.append(f"in all {timeline.top[0]} {timeline.top[1]:.2f}")
    if clashes := len(timeline.disagreements()):
        facts.append(f"{clashes} disagreement{'s' * (clashes != 1)}")
    return " · ".join(facts)


def bar(score: float, *, cells: int = BAR) -> str:
    """A bar for a score in [0, 1].

    >>> bar(0.5, cells=4), bar(0.3, cells=4)
    ('██  ', '█▎  ')
    """
    full, eighths = divmod(round(score * cells * 8), 8)
    return fit("█" * full + _EIGHTHS[eighths].strip(), cells)


def _one(reading: Reading, timeline: Timeline) -> list[str]:
    text = flat(excerpt(reading, timeline))
    lines = [cut(text, WIDTH), ""] if text else []
    ranked = sorted(reading.scores.items(), key=lambda item: -item[1])[:SHOWN]
    dimensions = [(name, getattr(reading, name)) for name in DIMENSIONS]
    known = [(name, value) for name, value in dimensions if value is not None]
    column = max([width(name) for name, _ in (*ranked, *known)], default=0)
    lines += [f"{fit(name, column)}  {bar(score, cells=30)}  {score:.2f}{' *' * (name in reading.present)}" for name, score in ranked]
    lines += [f"{fit(name, column)}  {_needle(value)} {value:+.2f}" for name, value in known]
    if reading.abstained:
        lines.append(f"unsure: {flat(reading.reason or 'no label is likely enough')}")
    return lines


def _needle(value: float, *, cells: int = 30) -> str:
    """Where a number in [-1, 1] lies, with its middle marked."""
    line = ["─"] * (cells + 1)
    line[cells // 2] = "┼"
    line[round((value + 1) / 2 * cells)] = "●"
    return "".join(line)


def _many(readings: Sequence[Reading], timeline: Timeline) -> list[str]:
    rows = [(_when(reading, timeline), flat(reading.who or ""), reading.modality, _what(reading)) for reading in readings]
    several = len({reading.modality for reading in readings}) > 1
    heads = ("when" if timeline.duration else "", "who" if timeline.people else "", "from" if several else "", "what")
    shown = [tuple(cell if head else "" for cell, head in zip(row, heads, strict=True)) for row in rows]
    widths = [min(max(width(row[at]) for row in (heads, *shown)), most) for at, most in enumerate((17, 16, 6, 24))]

    def line(cells: Sequence[str], score: str, text: str) -> str:
        left = "  ".join(fit(cell, wide) for cell, wide in zip(cells, widths, strict=True) if wide)
        left = f"{left}  {score}  "
        return left + cut(text, max(WIDTH - width(left), 12))

    words, found = words_of(timeline), behind(timeline)
    lines = [line(heads, fit("", BAR + 5), "text" if timeline.transcript else "")]
    for cells, reading in zip(shown, readings, strict=True):
        lines.append(line(cells, _score(reading), flat(words(reading))))
        if reading.disagrees:
            blank = [""] * len(cells)
            lines.append(line(blank, fit("", BAR + 5), f"{CLASH} {', '.join(map(str, sides(reading, found))) or 'modalities disagree'}"))
    return lines


def _when(reading: Reading, timeline: Timeline) -> str:
    if reading.modality in ("face", "fused") and timeline.unit == "seconds":  # expressions are short
        return "–".join(f"{int(at // 60)}:{at % 60:04.1f}" for at in (reading.start, reading.end))
    return f"{moment(reading.start, timeline)}–{moment(reading.end, timeline)}"


def _what(reading: Reading) -> str:
    if reading.abstained:
        return "unsure"
    if reading.top is None:
        return "valence" if reading.valence is not None else "nothing"
    return ", ".join(reading.present) or (reading.top[0] if reading.single else "none")


def _score(reading: Reading) -> str:
    if reading.top is None and reading.valence is not None:
        return f"{_needle(reading.valence, cells=BAR - 2)} {reading.valence:+.2f}"
    return f"{bar(reading.confidence)} {reading.confidence:.2f}"


PART = Format(name="table", ending="txt", write=write)
