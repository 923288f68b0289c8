"""CSV (RFC 4180): one row a reading, one column a score, for a spreadsheet or a data frame; those of the whole come last."""

import csv
import io
import re
from typing import Any

from affekt.parts import Format
from affekt.results import Reading, Timeline

_SURROGATE = re.compile(r"[\ud800-\udfff]")
COLUMNS = (
    *("source", "fused", "modality", "who", "start", "end", "unit", "text", "top", "confidence", "abstained", "present"),
    *("valence", "arousal", "dominance", "model"),
)


def write(timeline: Timeline) -> str:
    """The readings, one a row; what is not known is empty, labels that apply are joined by ";"."""
    readings = (*timeline.readings, *timeline.fused)
    names = tuple(dict.fromkeys(name for reading in readings for name in reading.scores))
    lines = io.StringIO()
    rows = csv.writer(lines, lineterminator="\r\n")
    rows.writerow([*COLUMNS, *(f"score_{name}" for name in names)])
    for at, reading in enumerate(readings):
        fused = "true" if at >= len(timeline.readings) else "false"
        rows.writerow([timeline.source, fused, *_cells(timeline, reading), *(reading.scores.get(name) for name in names)])
    return _SURROGATE.sub("\ufffd", lines.getvalue())


def _cells(timeline: Timeline, reading: Reading) -> list[Any]:
    begin, end = reading.span or (0, 0)
    return [
        *(reading.modality, _harmless(reading.who), reading.start, reading.end, timeline.unit),
        _harmless(timeline.transcript[begin:end]) if timeline.transcript and reading.span else None,
        reading.top[0] if reading.top else None,
        reading.confidence if reading.top else None,
        "true" if reading.abstained else "false",
        ";".join(reading.present),
        *(reading.valence, reading.arousal, reading.dominance, reading.model),
    ]


def _harmless(text: str | None) -> str | None:
    """The text; a spreadsheet would run one that begins like a formula, so that gets an apostrophe (OWASP, CSV injection)."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text


PART = Format(name="csv", ending="csv", write=write)
