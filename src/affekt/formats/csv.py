"""CSV (RFC 4180): one row a reading, one column a score, for a spreadsheet or a data frame; those of `fused` come last.

What only some readings have (clarity, shares, disagreement, …) gets a column only where a reading of the timeline has it.
"""

import csv
import io
import re
from typing import Any

from affekt.formats._behind import words_of
from affekt.parts import Format
from affekt.results import DIMENSIONS, Reading, Timeline

_SURROGATE = re.compile(r"[\ud800-\udfff]")
COLUMNS = (
    *("source", "fused", "modality", "who", "start", "end", "unit", "text", "top", "confidence", "abstained", "present"),
    *(*DIMENSIONS, "model"),
)


def write(timeline: Timeline) -> str:
    """The readings, one a row; what is not known is empty, labels that apply are joined by ";"."""
    readings = (*timeline.readings, *timeline.fused)
    names = tuple(dict.fromkeys(name for reading in readings for name in reading.scores))
    extras = [_extras(reading) for reading in readings]
    known = tuple(dict.fromkeys(name for extra in extras for name, value in extra.items() if value is not None))
    lines, words = io.StringIO(), words_of(timeline)
    rows = csv.writer(lines, lineterminator="\r\n")
    rows.writerow([*COLUMNS, *known, *(f"score_{name}" for name in names)])
    for at, (reading, extra) in enumerate(zip(readings, extras, strict=True)):
        first = (timeline.source, "true" if at >= len(timeline.readings) else "false")
        last = (*map(extra.get, known), *(reading.scores.get(name) for name in names))
        rows.writerow([*first, *_cells(reading, timeline.unit, words(reading)), *last])
    return _SURROGATE.sub("\ufffd", lines.getvalue())


def _cells(reading: Reading, unit: str, words: str) -> list[Any]:
    return [
        *(reading.modality, _harmless(reading.who), reading.start, reading.end, unit),
        _harmless(words) or None,
        reading.top[0] if reading.top else None,
        reading.confidence if reading.top else None,
        "true" if reading.abstained else "false",
        ";".join(reading.present),
        *(reading.valence, reading.arousal, reading.dominance, reading.model),
    ]


def _extras(reading: Reading) -> dict[str, Any]:
    return {
        "clarity": reading.clarity,
        **{f"spread_{name}": value for name, value in zip(DIMENSIONS, reading.spread or (None,) * 3, strict=True)},
        **{f"share_{name}": share for name, share in (reading.shares or {}).items()},
        "disagreement": reading.disagreement,
        "between": ";".join(reading.between) if reading.between else None,
    }


def _harmless(text: str | None) -> str | None:
    """The text; a spreadsheet would run one that begins like a formula, so that gets an apostrophe (OWASP, CSV injection)."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text


PART = Format(name="csv", ending="csv", write=write)
