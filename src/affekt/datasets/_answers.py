"""What one cell says the label is: one name, several, or the share of annotators behind each."""

import ast
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from affekt.sources.text import heal, is_blank

Told = tuple[tuple[str, ...] | None, dict[str, float] | None]  # labels, None where nothing is said; label -> share


def told(value: Any, *, names: Sequence[str] = (), packed: bool = False, separator: str | None = None) -> Told:
    """The labels that a value names, and their shares where it has them.

    A string is one label, whatever blanks, commas or signs are in it. A list is several, and an empty one says that none
    applies. A mapping has the share of the annotators, or the number of those, behind each label: its labels are those
    of the largest share; where the shares sum to 1, each annotator chose one, and the first of equals is the label.

    Args:
        names: what numbers stand for; -1 for nothing, as Hugging Face has it.
        packed: whether a list or mapping is written as a string, in JSON or as Python prints it.
        separator: what stands between several labels in one string.

    Raises:
        ValueError: it is none of these.
    """
    if packed and isinstance(value, str):
        value = _unpacked(value)
    if separator and isinstance(value, str) and not is_blank(value):
        value = [piece for piece in value.split(separator) if not is_blank(piece)]
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or (names and value == -1):
        return None, None
    if isinstance(value, Mapping):
        return _voted({_name(name, ()): share for name, share in value.items() if share is not None})
    if isinstance(value, (list, tuple)):
        return tuple(dict.fromkeys(_name(one, names) for one in value)), None
    if isinstance(value, str) and is_blank(value):
        return None, None
    return (_name(value, names),), None


def _unpacked(cell: str) -> Any:
    """The list or mapping that a cell holds, else the cell."""
    if not cell.lstrip().startswith(("[", "{")):
        return cell
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(cell.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):  # a name that begins with a bracket; nested too deep
            continue
        if isinstance(value, (list, dict)):
            return value
    return cell


def _name(value: Any, names: Sequence[str]) -> str:
    """A label as text; composed, so that an accented letter is written in one way only."""
    if isinstance(value, str) and not is_blank(value):
        return unicodedata.normalize("NFC", heal(value)).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        raise ValueError(f"a label is a name or a whole number, not {'a blank string' if isinstance(value, str) else type(value).__name__}")
    if names and not 0 <= value < len(names):
        raise ValueError(f"the label is {value}, and there are names for 0 to {len(names) - 1}")
    return names[value] if names else str(value)


def _voted(shares: Mapping[str, Any]) -> Told:
    for share in shares.values():
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not math.isfinite(share) or share < 0:
            raise ValueError("the shares of the labels must be numbers of 0 or more")
    total, most = sum(shares.values()), max(shares.values(), default=0)
    if most == 0:
        return (), None
    if most > 1:  # counts of annotators
        shares, total, most = {name: share / total for name, share in shares.items()}, 1, most / total
    labels = tuple(name for name, share in shares.items() if share == most)
    votes = {name: float(share) for name, share in shares.items() if share > 0}
    return (labels[:1] if math.isclose(total, 1, abs_tol=1e-3) else labels), votes
