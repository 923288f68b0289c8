"""A string: one clip, as long as it has characters."""

import re

from affekt.errors import EmptyInput, InputTooLarge
from affekt.results import Clip
from affekt.sources.opened import Opened

LIMIT = 10_000_000  # characters, about three times War and Peace; more than that is a table of texts
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a character: what a wrongly cut UTF-16 text or a bad byte leaves behind
_VISIBLE = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\ufffd\ud800-\udfff]")


def open_text(text: str, *, name: str = "text") -> Opened:
    """One clip that holds the whole text.

    Raises:
        EmptyInput: nothing in it can be seen.
        InputTooLarge: it has more than `LIMIT` characters.
    """
    check_length(text, name)
    if is_blank(text):
        raise EmptyInput(f"{name} holds no words, only {len(text)} blank or control characters; give some text to read")
    warnings = oddities(text)
    text = heal(text)
    clip = Clip(modality="text", data=text, start=0, end=len(text), span=(0, len(text)))
    return Opened(name=name, unit="characters", duration=len(text), clips=(clip,), transcript=text, warnings=warnings)


def check_length(text: str, name: str) -> None:
    """Nothing, for a text of at most `LIMIT` characters.

    Raises:
        InputTooLarge: it has more.
    """
    if len(text) > LIMIT:
        raise InputTooLarge(
            f"{name} has {len(text):,} characters; at most {LIMIT:,} are read at once: split it, or make it a table of texts"
        )


def is_blank(text: str) -> bool:
    """Whether nothing in the text can be seen."""
    return _VISIBLE.search(text) is None


def heal(text: str) -> str:
    r"""The text with U+FFFD for every lone surrogate, so that it can be written as UTF-8; all offsets stay as they are.

    >>> heal("half a \ud83d")
    'half a �'
    """
    return _SURROGATE.sub("\ufffd", text)


def oddities(text: str) -> tuple[str, ...]:
    """What the reader should know about the characters of a text, one sentence each."""
    found = []
    for pattern, what, so in (
        (_CONTROL, "control character", "read as a blank"),
        (_SURROGATE, "lone surrogate", "no character of its own: replaced by U+FFFD"),
    ):
        if first := pattern.search(text):
            count = sum(1 for _ in pattern.finditer(text))
            found.append(f"{count} {what}{'s' * (count > 1)} in the text, the first (U+{ord(first[0]):04X}) at {first.start()}: {so}")
    return tuple(found)
