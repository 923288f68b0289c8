"""JSON as text that any file can hold, and the errors of reading it back."""

import json
import re
from typing import Any

from affekt.errors import InputError

_SURROGATE = re.compile(r"[\ud800-\udfff]")  # no encoding can write half a character; JSON can escape it


def dump(value: Any, *, indent: int | None = None) -> str:
    """The value as JSON."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def load(text: str, *, line: int = 1) -> dict[str, Any]:
    """The object that some JSON text holds.

    Args:
        line: the number of the text's first line in its file.

    Raises:
        InputError: it is not JSON, and where; or not an object.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} at line {error.lineno + line - 1}, column {error.colno}") from error
    except (RecursionError, ValueError) as error:  # nested too deep; a number of more digits than Python reads
        raise InputError(f"JSON that cannot be read, from line {line} on: {error}") from error
    if not isinstance(given, dict):
        raise InputError(f"line {line} is the JSON of {type(given).__name__}, not of an object")
    return given
