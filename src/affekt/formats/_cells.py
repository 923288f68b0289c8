"""How wide text is where it is shown: in cells, of which a Latin letter takes one and a Chinese character two."""

import re
import unicodedata

_NO_START = frozenset("，。、；：！？）》」』】’”…％,.;:!?)]}%")  # no line begins with these
# Escape codes with them; XML cannot hold the last ones.
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]+")


def flat(text: str) -> str:
    """The text on one line, without characters that could steer a terminal or break an XML file."""
    return " ".join(_UNSHOWN.sub(" ", text).split())


def width(text: str) -> int:
    r"""Cells that a text takes (Unicode Standard Annex 11).

    >>> width("joy"), width("喜悦"), width("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):  # accents, joiners: they sit on the character before
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, cells: int) -> str:
    """The text, at most so many cells wide; "…" stands for what was cut."""
    if width(text) <= cells:
        return text
    kept, taken = 0, 1  # the ellipsis
    for character in text:
        taken += _cell(character)
        if taken > cells:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """The text, exactly so many cells wide."""
    text = cut(text, cells)
    blank = " " * (cells - width(text))
    return blank + text if right else text + blank


def wrap(text: str, cells: int, *, lines: int) -> list[str]:
    """The text in at most so many lines; words stay whole where they fit, wide characters break anywhere."""
    wrapped: list[str] = []
    rest = flat(text)
    while rest and len(wrapped) < lines - 1 and width(rest) > cells:
        room, at, gap = cells, 0, 0
        while (room := room - _cell(rest[at])) >= 0:
            at += 1
            if rest[at] not in _NO_START and (rest[at] == " " or _cell(rest[at]) == 2 or _cell(rest[at - 1]) == 2):
                gap = at
        at = max(gap or at, 1)
        wrapped.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*wrapped, cut(rest, cells)] if rest else wrapped
