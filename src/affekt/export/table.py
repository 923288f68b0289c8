"""What export measured, as text."""

from collections.abc import Mapping
from typing import Any

COLUMNS = {  # key -> heading, and how its numbers are written
    "megabytes": ("MB", ".1f"),
    "alone": ("1 a time", ".1f"),
    "batched": ("32 a time", ".1f"),
    "figure": ("", ".3f"),
    "lost": ("lost", ".2f"),
    "ece": ("ECE", ".3f"),
    "raw": ("raw", ".2g"),
    "probability": ("score", ".2g"),
}
FIGURES = {"macro_f1": "macro-F1", "pearson": "Pearson"}
EXPLAINED = """
MB: of the graph, in torch of the numbers in fp32. 1 a time, 32 a time: sentences a second, so many at once.
lost: points of {figure} against {first}. ECE: calibration error.
raw, score: largest difference of raw outputs, and of calibrated scores, against {first}."""


def text_of(told: Mapping[str, Any]) -> str:
    """The table, and what is to be known of it.

    Args:
        told: as `affekt.export.export.Exported.as_json` has it.
    """
    figure, variants = FIGURES[told["figure"]], told["variants"]
    headings = [heading or figure for heading, _ in COLUMNS.values()]
    rows = [["variant", *headings], *([_name(one), *_cells(one)] for one in variants)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    if told["torch"]:
        lines.insert(1, f"{'torch':<{widths[0]}}  {told['torch']}")
    return "\n".join([*lines, EXPLAINED.format(figure=figure, first=variants[0]["variant"]), *_notes(told)])


def _name(one: Mapping[str, Any]) -> str:
    return f"{one['variant']} *" if one["ships"] else str(one["variant"])


def _cells(one: Mapping[str, Any]) -> list[str]:
    return ["-" if one[key] is None else f"{one[key]:{form}}" for key, (_, form) in COLUMNS.items()]


def _line(row: list[str], widths: list[int]) -> str:
    return "  ".join([f"{row[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))])


def _notes(told: Mapping[str, Any]) -> list[str]:
    rows, threads = told["rows"], told["threads"]
    notes = [
        f"* is what was asked for. {rows['calibrate']} rows calibrate, {rows['judge']} others judge, "
        f"of which one is {100 / rows['judge']:.2f} points of accuracy.",
        f"{threads or 'All'} thread{'' if threads == 1 else 's'}.",
    ]
    if pieces := told.get("pieces"):
        notes += [
            f"The vocabulary goes from {pieces['before']} to {pieces['after']} pieces, those that these rows need.",
            f"With those of one half, {pieces['respelt']:.0%} of the texts of the other would be spelt otherwise, as new texts may be.",
        ]
    return notes
