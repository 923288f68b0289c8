"""JSON lines, one object at a time."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from affekt.errors import EmptyInput, InputError
from affekt.sources.table_lines import BAD_BYTE, Lines, Record

SAMPLE = 1000  # rows that are looked at for the columns
KEYS = 10_000  # different keys that the rows may have together


class JsonLines:
    """JSON lines: one object a line; its columns are the keys of the first rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: Lines | None = None
        with Lines(path) as lines:
            sample = list(islice(_objects(lines), SAMPLE))
        if not sample:
            raise EmptyInput(f"{path} is empty; JSON lines have one object a line")
        self.columns = tuple(dict.fromkeys(key for values, _ in sample for key in values))

    @property
    def done(self) -> float:
        """How much of the file has been read, in [0, 1]."""
        return self._lines.done if self._lines else 0.0

    def every_column(self) -> tuple[str, ...]:
        """The keys of all rows, in order of appearance: reads the whole file.

        Raises:
            InputError: there are more than `KEYS`.
        """
        keys: dict[str, None] = {}
        with Lines(self.path) as lines:
            for values, _ in _objects(lines):
                keys.update(dict.fromkeys(values))
                if len(keys) > KEYS:
                    raise InputError(
                        f"the rows of {self.path} have more than {KEYS:,} different keys; write them to .jsonl, not to columns"
                    )
        return tuple(keys)

    def records(self, *, skip: int = 0) -> Iterator[Record]:
        """The objects; a blank line is no row."""
        with Lines(self.path) as lines:
            self._lines = lines
            yield from islice(_objects(lines), skip, None)


def _objects(lines: Lines) -> Iterator[Record]:
    for line in lines:
        if line.strip():
            values, problem = _object(line)
            yield values, lines.problem() or problem


def _object(line: str) -> Record:
    values, problem = _parsed(line)
    if bad := BAD_BYTE.search(line):
        problem = f"not UTF-8: byte 0x{ord(bad[0]) - 0xDC00:02x} at column {bad.start() + 1}"
    return values, problem


def _parsed(line: str) -> Record:
    try:
        values = json.loads(line.rstrip("\r\n"))  # else an error at the line's end is placed in the next one
    except json.JSONDecodeError as error:
        return {}, f"not JSON: {error.msg} at column {error.colno}"
    except (RecursionError, ValueError) as error:  # nested too deep; a number of more digits than Python reads
        return {}, f"JSON that cannot be read: {error}"
    return (values, None) if isinstance(values, dict) else ({}, f"a row is an object, not {type(values).__name__}")
