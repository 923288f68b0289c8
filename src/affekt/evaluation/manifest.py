"""A manifest of labelled recordings, read: a CSV file with the columns path (relative to its folder) and label, and any others.

Of the others, speaker, language, gender and corpus have a meaning: a corpus that Affekt knows brings its own label map.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt import catalog
from affekt.datasets._where import chosen
from affekt.errors import BadRow, EmptyInput, InputError
from affekt.evaluation.rows import translation
from affekt.parts import LabelSet

ALSO = "and where known speaker, language, gender, corpus"
MapOf = Callable[[str, Iterable[str]], Mapping[str, str | None]]  # (a corpus, its labels) -> its label map


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a manifest.

    Args:
        line: its number in the file.
        label: in the words of the label set that is judged on.
        columns: all that stands in it.
    """

    line: int
    path: Path
    label: str
    columns: Mapping[str, str]


def is_manifest(path: Path) -> bool:
    """Whether a data file is read as a manifest: a .csv with a column "path". One that cannot be read is taken for it too, and refused."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return "path" in next(csv.reader(file), ())
    except (OSError, UnicodeDecodeError, csv.Error):
        return True


def read_manifest(
    path: Path,
    labels: LabelSet,
    *,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    limit: int | None = None,
) -> tuple[list[Entry], int]:
    """The recordings that can be judged on a label set, and how many were left out, for want of a label or by the map.

    Args:
        label_map: the data's name -> ours, or None to leave out the recordings that have it; without one the corpus's own.
        where: conditions "column=value".
        limit: how many lines to take, from the first; None: all.

    Raises:
        InputError: the file is no manifest, or has a label that is not in the set.
        BadRow: a line is broken, or names a file that is not there.
        EmptyInput: no recording is left.
    """

    def map_of(corpus: str, _: Iterable[str]) -> Mapping[str, str | None]:
        return own_map(corpus, labels) if label_map is None else label_map

    return read_entries(path, labels, map_of=map_of, where=where, limit=limit, what="recordings")


def read_entries(
    path: Path, labels: LabelSet, *, map_of: MapOf, where: Sequence[str], limit: int | None, what: str
) -> tuple[list[Entry], int]:
    """As `read_manifest`, of any files.

    Args:
        map_of, what: as in `labelled`.
    """
    lines = list(islice(chosen(lines_of(path), source=path, where=where), limit))
    kept, dropped = labelled(lines, labels, map_of=map_of, what=what)
    entries = list[Entry]()
    for number, ours, line in kept:
        file = path.parent / line["path"]
        if not file.is_file():
            raise BadRow(path.name, number, f"no file {file}; paths are relative to the folder of the manifest")
        entries.append(Entry(number, file, ours, line))
    return entries, dropped


def labelled(
    lines: Sequence[tuple[int, Mapping[str, str]]], labels: LabelSet, *, map_of: MapOf, what: str
) -> tuple[list[tuple[int, str, Mapping[str, str]]], int]:
    """The lines that can be judged on a label set, each with its label in the set between its number and itself; and how many cannot.

    Args:
        lines: numbered; each has a "label", which is "" where there is none, and perhaps a "corpus".
        map_of: a corpus and its labels -> its label map.
        what: the lines are of, for errors.

    Raises:
        InputError: a label is not in the set.
        EmptyInput: no line is left.
    """
    if labels.kind == "dimensions":
        raise InputError(f"{what} are judged on labels, and {labels.name} has none; choose another label set with --labels")
    named: dict[str, set[str]] = {}  # corpus -> its labels
    for _, line in lines:
        named.setdefault(line.get("corpus", ""), set()).update({line["label"]} - {""})
    to_ours = {corpus: translation(names, labels, label_map=map_of(corpus, names)) for corpus, names in named.items()}
    kept, dropped = list[tuple[int, str, Mapping[str, str]]](), Counter[str]()
    for number, line in lines:
        ours = to_ours[line.get("corpus", "")][line["label"]] if line["label"] else None
        if ours is None:
            dropped[line["label"]] += 1
        else:
            kept.append((number, ours, line))
    if not kept:
        why = ", ".join(f"{n} have {name!r}, which maps to null" if name else f"{n} have no label" for name, n in dropped.items())
        raise EmptyInput(f"none of {len(lines)} {what} can be judged on {labels.name}: {why}")
    return kept, dropped.total()


def own_map(corpus: str, labels: LabelSet) -> Mapping[str, str | None]:
    """How a known corpus's labels read in a label set, directly or by way of a finer one; nothing for an unknown corpus."""
    maps = catalog.find("datasets", corpus).label_maps if corpus in catalog.names("datasets") else {}
    if labels.name in maps:
        return maps[labels.name]
    for finer, mapping in maps.items():
        onto = catalog.find("labels", finer).projections.get(labels.name)
        if onto is not None:
            return {theirs: ours and onto.get(ours, ours) for theirs, ours in mapping.items()}
    return {}


def speakers_of(entries: Sequence[Entry], path: Path, *, needed_by: str | None) -> NDArray[np.str_]:
    """Who speaks in each recording, (n,); speakers of different corpora are different people.

    Args:
        path: the manifest that an error names.
        needed_by: what cannot do without; None: "" where it is not known.

    Raises:
        BadRow: a line does not say.
    """
    for entry in entries:
        if needed_by and not entry.columns.get("speaker"):
            raise BadRow(path.name, entry.line, f"no speaker, and {needed_by} must know who speaks; fill the column speaker")
    return np.array([f"{entry.columns.get('corpus', '')}/{entry.columns.get('speaker', '')}" for entry in entries])


def lines_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines under the heading of a manifest, by column, with their numbers.

    Raises:
        InputError: the file is no manifest.
        BadRow: a line is broken.
    """
    if not path.is_file():
        raise InputError(f"no file {path}; a manifest is a CSV file with the columns path and label, {ALSO}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = csv.DictReader(file, strict=True)
            columns = rows.fieldnames or ()
            absent = [name for name in ("path", "label") if name not in columns]
            if absent:
                has = ", ".join(columns) or "nothing"
                raise InputError(f"{path} lacks the column {' and '.join(absent)}; a manifest has path and label, {ALSO}; it has: {has}")
            for row in rows:
                if None in row or None in row.values():
                    raise BadRow(path.name, rows.line_num, f"more or fewer fields than the {len(columns)} of the heading")
                if not row["path"]:
                    raise BadRow(path.name, rows.line_num, "no path; name the file, relative to the folder of the manifest")
                yield rows.line_num, row
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path} cannot be read as UTF-8 CSV: {error}; save it as CSV with commas, in UTF-8") from error
