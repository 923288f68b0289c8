"""A text model against labelled texts: JSON lines in our own format, any table, or a Hugging Face dataset."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from affekt.datasets import make_row, read_objects
from affekt.datasets._labelled import read_labelled
from affekt.datasets._opened import open_data
from affekt.datasets._where import chosen, values_of
from affekt.errors import NoColumn
from affekt.evaluation.answers import Answers
from affekt.evaluation.run import answer_rows
from affekt.parts import Row

Cells = Mapping[int, Mapping[str, str]]  # line -> what stands in some of its columns


def answer_texts(
    data: Any,
    *,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    where: Sequence[str] = (),
    by: Sequence[str] = (),
    limit: int | None = None,
) -> Answers:
    """What a text model says of labelled texts.

    JSON lines in our own format must be whole; of other data broken rows are counted, as long as most are sound.

    Args:
        data: as the source of `read_labelled`.
        model, labels, label_map: as in `evaluate_file`.
        text_column, label_column, where, limit: as in `read_labelled`.
        by: columns by which to count; "a.b" looks inside the object in column a.

    Raises:
        NoColumn: there is no such column.
        InputError: data, labels and model do not fit together; the message says where.
    """
    if _is_ours(data) and text_column is None and label_column is None:
        rows, cells = _read_ours(Path(data), where=where, by=by, limit=limit)
        return answer_rows(rows, model=model, labels=labels, label_map=label_map, cells=cells, by=by)
    found = read_labelled(data, text=text_column, label=label_column, where=where, limit=limit)
    cells = _cells_of(data, {row.line for row in found.rows}, by=by) if by else {}
    answers = answer_rows(found.rows, model=model, labels=labels, label_map=label_map, cells=cells, by=by)
    return replace(answers, heading={**answers.heading, "broken": len(found.broken)})


def _is_ours(data: Any) -> bool:
    """Whether the first line of a file is in the format of `affekt.datasets`."""
    if not isinstance(data, (str, Path)) or not str(data).lower().endswith((".jsonl", ".jsonl.gz")):
        return False
    _, first = next(read_objects(Path(data)), (0, {}))
    return "text" in first and bool({"labels", "vad"} & first.keys())


def _read_ours(path: Path, *, where: Sequence[str], by: Sequence[str], limit: int | None) -> tuple[list[Row], Cells]:
    rows, numbered = list[Row](), list[tuple[int, dict[str, Any]]]()
    for number, given in islice(chosen(read_objects(path), source=path, where=where), limit):
        turn = given.get("turn")
        rows.append(replace(make_row(given, path.name, number), line=number, turn=turn if isinstance(turn, int) else None))
        numbered.append((number, given if by else {}))
    there = dict.fromkeys(name for _, given in numbered for name in given)
    return rows, _cells(numbered, by=by, source=str(path), there=there)


def _cells_of(data: Any, lines: set[int | None], *, by: Sequence[str]) -> Cells:
    """The cells of the rows with these numbers."""
    opened = open_data(data, modality="text")
    numbered = ((number, values) for number, (values, _) in enumerate(opened.records, 1) if number in lines)
    return _cells(numbered, by=by, source=opened.name, there=opened.columns)


def _cells(numbered: Iterable[tuple[int, Mapping[str, Any]]], *, by: Sequence[str], source: str, there: Iterable[str]) -> Cells:
    """What stands in the columns; several values are joined.

    Raises:
        NoColumn: no row has one of them.
    """
    cells = {number: {name: value for name in by if (value := ", ".join(_told(given, name)))} for number, given in numbered}
    absent = [name for name in by if not any(name in one for one in cells.values())]
    if absent:
        raise NoColumn(source, absent[0], there)
    return cells


def _told(given: Any, column: str) -> Iterator[str]:
    return (value for value in values_of(given, column) if value not in ("", "null"))
