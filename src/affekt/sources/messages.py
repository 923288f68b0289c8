"""Talk as JSON: chat messages, turns, or the segments that a speech recogniser writes."""

import json
from typing import Any

from affekt.errors import InputError
from affekt.sources.turns import Turn, is_stretch

LISTS = ("turns", "messages", "segments", "utterances", "conversation")
WHO = ("who", "speaker", "name", "role")  # a chat message may have both: its name says more than its role
TEXT = ("text", "content", "utterance")
SHAPE = '[{"who": …, "text": …, "start": …, "end": …}, …], or such a list under ' + ", ".join(f'"{name}"' for name in LISTS)


def turns_in(text: str, *, name: str) -> list[Turn]:
    """The turns of a JSON file.

    Raises:
        InputError: it is not JSON, not a list of turns, or a turn is broken; says where.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except (RecursionError, ValueError) as error:  # nested too deep; a number of more digits than Python reads
        raise InputError(f"{name} is JSON that cannot be read: {error}") from error
    listed = given
    if isinstance(given, dict):
        listed = next((given[key] for key in LISTS if isinstance(given.get(key), list)), None)
    if not isinstance(listed, list):
        has = (
            f"an object with {', '.join(map(repr, list(given)[:8])) or 'nothing in it'}"
            if isinstance(given, dict)
            else type(given).__name__
        )
        raise InputError(f"{name} holds no list of turns but {has}; a conversation is {SHAPE}")
    return [_turn(turn, f"{name}, turn {number}") for number, turn in enumerate(listed, 1)]


def _turn(given: Any, where: str) -> Turn:
    if not isinstance(given, dict):
        raise InputError(f"{where}: a turn is an object with a text, not {str(given)[:60]!r}")
    if not any(key in given for key in TEXT):
        raise InputError(f"{where} has no {', '.join(TEXT[:-1])} or {TEXT[-1]}, only {', '.join(map(repr, list(given)[:8])) or 'nothing'}")
    who = next((given[key] for key in WHO if given.get(key) is not None), None)
    if isinstance(who, (dict, list)):
        raise InputError(f"{where}: a speaker is a name or a number, not {str(who)[:60]}")
    return Turn(None if who is None else str(who), _text(given, where), _time(given, where))


def _text(given: dict[str, Any], where: str) -> str:
    text = next((given[key] for key in TEXT if given.get(key) is not None), "")  # a message that only calls a tool has none
    if isinstance(text, list):  # chat messages may come in parts, some of them pictures
        text = "\n".join(str(part.get("text", "")) for part in text if isinstance(part, dict))
    if isinstance(text, (dict, bool)):
        raise InputError(f"{where}: a text is a string, not {str(text)[:60]}")
    return str(text)


def _time(given: dict[str, Any], where: str) -> tuple[float, float] | None:
    raw = given.get("start"), given.get("end")
    if None in raw:
        return None
    try:
        start, end = (float(value) for value in raw if value is not None)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: start and end are seconds, not {raw[0]!r} and {raw[1]!r}") from error
    if not is_stretch(start, end):
        raise InputError(f"{where} runs from {start} to {end}; a turn starts at 0 s or later and does not end before it starts")
    return start, end
