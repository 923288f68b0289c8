"""One row of a table, with what was read from it, as a line of the output: CSV, TSV or JSON."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from affekt.sources.text import heal

Encode = Callable[[Mapping[str, Any], Mapping[str, Any]], bytes]  # (values of the input row, ours) -> one line


def delimited(columns: Sequence[str], ours: Sequence[str], *, tab: bool) -> Encode:
    """The encoder of a row with fixed columns: the input's, then ours."""

    def encode(values: Mapping[str, Any], read: Mapping[str, Any]) -> bytes:
        return csv_line([*(values.get(name) for name in columns), *(read.get(name) for name in ours)], tab=tab)

    return encode


def csv_line(cells: Iterable[Any], *, tab: bool) -> bytes:
    """One line of CSV or TSV."""
    line = io.StringIO()
    # Python below 3.13 quotes \\r and \\n only where the line's own end holds them; hence this end, which is then cut.
    csv.writer(line, delimiter="\t" if tab else ",", lineterminator="\r\n").writerow(map(_cell, cells))
    return (heal(line.getvalue().removesuffix("\r\n")) + "\n").encode()


def json_line(values: Mapping[str, Any], read: Mapping[str, Any]) -> bytes:
    """One line of JSON; where the input has one of our names after all, its value moves to "input_<name>"."""
    row = {**{f"input_{name}" if name in read else name: value for name, value in values.items()}, **read}
    try:
        line = json.dumps(row, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:  # JSON has no NaN and no infinity: null
        loose = json.dumps(row, ensure_ascii=False, default=_plain)
        line = json.dumps(json.loads(loose, parse_constant=lambda _: None), ensure_ascii=False)
    return (heal(line) + "\n").encode()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, dict, list)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return _plain(value)


def _plain(value: Any) -> str:
    """What JSON and CSV have no type for: dates, decimals, bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
