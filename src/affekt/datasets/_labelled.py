"""A user's labelled data, read into rows: texts of a table, or the recordings or pictures that a table or folder holds.

Broken rows are set aside and counted, as long as most rows are sound.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from affekt.datasets import make_row
from affekt.datasets._answers import told
from affekt.datasets._columns import Columns, find_columns
from affekt.datasets._opened import SPLITS, Data, open_data
from affekt.datasets._where import chosen
from affekt.errors import BadRow, EmptyInput, InputError
from affekt.parts import LabelSet, Row
from affekt.sources.table import text_of

NONE = "none"  # the word for "no label applies" in a label set made of the data's labels
SHOWN = 3  # broken rows that an error names


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was read.

    Args:
        broken: rows that could not be used: (place among the rows, from 1, what is wrong).
        columns: what was read from where.
    """

    rows: tuple[Row, ...]
    broken: tuple[tuple[int, str], ...]
    source: str
    columns: str = ""


def read_labelled(
    source: Any,
    *,
    modality: str = "text",
    text: str | None = None,
    label: str | None = None,
    group: str | Sequence[str] | None = None,
    lang: str | None = None,
    split: str | None = None,
    where: Sequence[str] = (),
    limit: int | None = None,
) -> Labelled:
    """The rows of a user's data that have a label, and those that are broken.

    A label is what `affekt.datasets._answers.told` takes: in .csv and .tsv a cell is one label, unless it is a list or
    mapping in JSON or as Python prints one, or `label` ends in what stands between several labels: "emotions|". An empty
    cell says nothing, and its row counts as broken; "[]" says that no label applies. JSON lines may also be in our own
    format (`affekt.datasets`), and rows with "vad" need no label there.

    Args:
        source: path of a .csv, .tsv, .jsonl (each plain or gzip) or .parquet file, or a Hugging Face `Dataset` or
            `DatasetDict`. For speech and face the rows name files, relative to the folder of the table; a folder with one
            sub-folder of files a label is data as well, with "train", "dev" and "test" above these or not.
        modality: "text", "speech" or "face".
        text: column of the text, or of the path of a file; None: found by what it is usually called, as are the others.
        group: columns whose values must not be shared between splits: dialogue, speaker, …; (): none. None: those of
            dialogues and people that are found; for texts, of people only where there are no dialogues.
        lang, split: "": none.
        where: conditions "column=value", as in `affekt.evaluation.rows`.
        limit: how many rows to take, from the first; None: all.

    Raises:
        NoColumn: a column that is named is not there.
        InputError: the data cannot be opened, or more than half of the rows are broken; names the first three.
        EmptyInput: there is no row.
        MissingExtra: it is Parquet, and pyarrow is not installed.
    """
    data = open_data(source, modality=modality)
    if not data.columns:  # JSON lines, none of which is an object
        _refuse([(number, problem or "an empty object") for number, (_, problem) in enumerate(data.records, 1)], data, 0)
    columns = find_columns(data.columns, source=data.name, files=data.files, text=text, label=label, group=group, lang=lang, split=split)
    unparsed, unfit = list[tuple[int, str]](), list[tuple[int, str]]()
    rows, groups = list[Row](), list[tuple[str | None, ...]]()
    for number, values in islice(chosen(_parsed(data, unparsed), source=data.name, where=where), limit):
        try:
            rows.append(_row(values, number, columns, data))
        except ValueError as error:
            unfit.append((number, str(error)))
        else:
            groups.append(tuple(_plain(values, name) for name in columns.groups))
    broken = sorted([*unparsed, *unfit])
    if len(unfit if where else broken) > len(rows):  # whether a row that cannot be parsed would fit a condition is not known
        _refuse(broken, data, len(rows), columns)
    return Labelled(_grouped(rows, groups, columns), tuple(broken), data.name, str(columns))


def labels_of(rows: Sequence[Row], *, name: str, least: int = 2) -> LabelSet:
    """The label set that the data themselves use: the most frequent label first, equals by name.

    Exactly one label applies where each row has one; else any number, and the word "none" stands for no label. Rows that are not
    annotated with labels, and labels that have votes but are no row's label, do not count.

    Args:
        least: how many rows each label must have.

    Raises:
        InputError: there is only one label, or one has too few rows.
        EmptyInput: no row has a label.
    """
    told_labels = [row.labels for row in rows if row.labels is not None]
    single = all(len(labels) == 1 for labels in told_labels)
    counts = Counter(one for labels in told_labels for one in dict.fromkeys(labels) if single or one != NONE)
    if not counts:
        raise EmptyInput(f"none of {len(rows)} rows has a label; a model needs rows with two labels or more")
    if len(counts) == 1 and single:
        raise InputError(
            f"all {len(told_labels)} rows say {next(iter(counts))!r}; a model needs rows with two labels or more: "
            "check which column holds the label, or add rows with another"
        )
    few = sorted((n, label) for label, n in counts.items() if n < least)
    if few:
        named = ", ".join(f"{label!r} has {n}" for n, label in few[:10]) + (f" and {len(few) - 10} more" if len(few) > 10 else "")
        raise InputError(
            f"each label needs {least} rows or more, and {named}: "
            "give more examples, or leave these out with a label map that sends them to null"
        )
    return LabelSet(
        name=name,
        labels=tuple(sorted(counts, key=lambda label: (-counts[label], label))),
        kind="single" if single else "multi",
        paper="none: the labels of the data that it was trained on",
        none=None if single else NONE,
    )


def _parsed(data: Data, broken: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows that can be parsed; the others are put with the broken ones."""
    found = False
    for number, (values, problem) in enumerate(data.records, 1):
        if problem:
            broken.append((number, problem))
        else:
            found = True
            yield number, values
    if broken and not found:
        _refuse(broken, data, 0)


def _refuse(broken: list[tuple[int, str]], data: Data, sound: int, columns: Columns | None = None) -> NoReturn:
    first = "; ".join(f"row {number}: {problem}" for number, problem in sorted(broken)[:SHOWN])
    used = f" ({columns})" if columns else ""
    raise InputError(f"{len(broken)} of {sound + len(broken)} rows of {data.name} are broken{used}, the first: {first}; mend the rows")


def _row(values: Mapping[str, Any], number: int, columns: Columns, data: Data) -> Row:
    """The row, without its groups.

    Raises:
        ValueError: it is broken.
    """
    given = values.get(columns.label) if columns.label else None
    labels, votes = told(given, names=data.names.get(columns.label or "", ()), packed=data.packed, separator=columns.separator)
    row = _file(values, columns, data) if data.files else _text_row(values, number, columns, data)
    if labels is None and row.vad is None:
        raise ValueError(f"no label in {columns.label!r}")
    split = _plain(values, columns.split)
    if split is not None and split.lower() not in SPLITS:
        raise ValueError(f"the split in {columns.split!r} is {split!r}; there are: train, dev, test")
    return replace(
        row,
        labels=labels,
        votes=votes,
        lang=_plain(values, columns.lang),
        who=_plain(values, columns.who),
        turn=_place(values, columns.turn),
        split=SPLITS[split.lower()] if split else None,
        line=number,
    )


def _text_row(values: Mapping[str, Any], number: int, columns: Columns, data: Data) -> Row:
    text, problem = text_of(values, columns.text)
    if text is None:
        raise ValueError(problem)
    if not data.ours or columns.text != "text" or columns.label not in ("labels", None):
        return Row(text)
    labels = values.get("labels")
    try:
        row = make_row({**values, "text": text, "labels": labels if isinstance(labels, list) else None}, data.name, number)
    except BadRow as error:
        raise ValueError(error.problem) from error
    return row if row.sentiment is None or isinstance(row.sentiment, str) else replace(row, sentiment=None)


def _file(values: Mapping[str, Any], columns: Columns, data: Data) -> Row:
    given = values.get(columns.text)
    if isinstance(given, Mapping):  # Hugging Face's Audio and Image, not decoded
        given = given.get("path")
    if not isinstance(given, (str, Path)) or not str(given).strip():
        raise ValueError(f"no path of a file in {columns.text!r}")
    path = data.base / given
    try:
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError) as error:  # a name that is too long, or has a null in it
        raise ValueError(f"the path in {columns.text!r} cannot be a file's: {error}") from error
    if size is None:
        raise ValueError(f"no file {path}; paths are relative to the folder of the table")
    if not size:
        raise ValueError(f"{path} is empty")
    return Row("", path=path)


def _grouped(rows: Sequence[Row], groups: Sequence[tuple[str | None, ...]], columns: Columns) -> tuple[Row, ...]:
    """The rows with their groups; a column that nobody named and that says the same everywhere tells no rows apart.

    Args:
        groups: of each row, its value in each of the columns' groups.
    """
    told_apart = [columns.named or len(set(values)) > 1 for values in zip(*groups, strict=True)]
    used = [at for at, one in enumerate(told_apart) if one]
    if not used:
        return tuple(replace(row, group=None) for row in rows)
    return tuple(
        replace(row, group=values[used[0]], ties=tuple(f"{columns.groups[at]}={values[at]}" for at in used[1:] if values[at] is not None))
        for row, values in zip(rows, groups, strict=True)
    )


def _plain(values: Mapping[str, Any], column: str | None) -> str | None:
    """A value as text; None where it says nothing."""
    given = values.get(column) if column else None
    return None if given is None or given != given else str(given).strip() or None


def _place(values: Mapping[str, Any], column: str | None) -> int | None:
    given = _plain(values, column)
    return int(given) if given and given.lstrip("-").isdecimal() else None
