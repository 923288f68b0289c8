"""The words of a report: what numbers are called and mean, how they are written, and text that is safe in a page."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from affekt.formats._cells import cut, flat

LONG = 60  # cells of a name out of the data; what is longer is cut
NAMES: Mapping[str, tuple[str, str]] = {  # number -> (what it is called, what it is)
    "macro_f1": ("Macro-F1", "mean F1 of the labels, each counting the same"),
    "accuracy": ("Accuracy", "share of rows that are wholly right"),
    "weighted_f1": ("Weighted F1", "mean F1 of the labels, by how frequent they are"),
    "ua": ("UA", "mean recall of the labels: unweighted average"),
    "ece": ("ECE", "calibration error: how far confidence is from being right"),
    "micro_f1": ("Micro-F1", "F1 of all labels together"),
    "pearson": ("Pearson", "correlation, mean of the dimensions"),
    "ccc": ("CCC", "concordance: correlation that also asks for the right level"),
}


def safe(text: Any) -> str:
    """Any text as a page can hold it: on one line, without control characters, escaped."""
    return escape(flat(str(text)))


def name(text: Any) -> str:
    """A name out of the data, cut where it is long, and set apart from the writing direction of what surrounds it."""
    return f"<bdi>{safe(cut(flat(str(text)), LONG))}</bdi>"


def called(number: str) -> str:
    """What a number is called."""
    return NAMES.get(number, (number, ""))[0]


def decimal(value: float | None, *, signed: bool = False) -> str:
    """A number with three digits after the point, the minus as long as the plus; "–" where it is not defined."""
    if value is None:
        return "–"
    return f"{value:+.3f}".replace("-", "−") if signed else f"{value:.3f}".replace("-", "−")


def count(value: int) -> str:
    """A whole number, in groups of three digits."""
    return f"{value:,}"


def spread(ends: Sequence[float | None], *, signed: bool = False) -> str:
    """The two ends of an interval."""
    low, high = ends
    return f"{decimal(low, signed=signed)} to {decimal(high, signed=signed)}"


def asked_of(asked: Mapping[str, Any]) -> str:
    """What was asked of an endpoint, and what that took."""
    tokens = f"{count(asked['tokens_in'])} tokens sent, {count(asked['tokens_out'])} answered"
    cost = f", {asked['cost']:.6g} {asked['currency']}" if "cost" in asked else ""
    texts = f"{count(asked['texts'])} texts, {count(asked['cached'])} of them cached"
    return f"{texts}; {count(asked['requests'])} requests, {tokens}; {asked['seconds']:.1f} s{cost}"
