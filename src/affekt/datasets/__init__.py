"""The corpora: one file each, with licence, checksums and splits.

Splits that corpora come with are kept as published; those made here share no series (CPED) and no text (XED, BRIGHTER).

Speech corpora are split by speaker.

The corpora themselves are not part of Affekt: a data folder holds them as gzip JSON lines, one object a row
(`{"text", "labels": […], "lang"?, "vad"?, "label_space"?, "dialogue"?}`), the format of `read_rows`, and recordings as files
that a `manifest.csv` lists, the format of `read_recordings`.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from affekt.errors import BadRow, InputError
from affekt.parts import Recording, Row

VAD_SCALE = (3.0, 2.0)  # corpora rate on 1 to 5; (rating - 3) / 2 lies in [-1, 1]


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one JSON-lines file, plain or gzip, one at a time.

    Raises:
        InputError: the file is absent or not UTF-8.
        BadRow: a line is not JSON, or lacks what every row must have.
    """
    for number, given in read_objects(path):
        yield make_row(given, path.name, number)


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of one JSON-lines file with their line numbers, columns that a `Row` has no place for included.

    Raises:
        InputError: the file is absent or not UTF-8.
        BadRow: a line is not a JSON object.
    """
    if not path.is_file():
        raise InputError(f"no file {path}; a data file holds one JSON object a line, plain or gzip")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as lines:
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _object(line, path.name, number)
        except (UnicodeDecodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"{path} cannot be read as UTF-8 JSON lines: {error}") from error


def read_recordings(folder: Path, corpus: str, split: str) -> Iterator[Recording]:
    """The recordings of one corpus and split that `folder/manifest.csv` lists.

    Columns: path (below the folder), corpus, label, speaker, language, split, duration in seconds, and where known sentence,
    gender, intensity.

    Raises:
        InputError: there is no such file, or it lacks a column.
    """
    path = folder / "manifest.csv"
    if not path.is_file():
        raise InputError(f"no file {path}; it lists the recordings of the speech corpora")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        absent = {"path", "corpus", "label", "speaker", "language", "split", "duration"} - set(rows.fieldnames or ())
        if absent:
            raise InputError(f"{path} lacks the columns {', '.join(sorted(absent))}; it has: {', '.join(rows.fieldnames or ())}")
        for row in rows:
            if (row["corpus"], row["split"]) == (corpus, split):
                yield Recording(
                    path=folder / row["path"],
                    label=row["label"],
                    speaker=row["speaker"],
                    lang=row["language"],
                    duration=float(row["duration"]),
                    sentence=row.get("sentence") or None,
                    gender=row.get("gender") or None,
                    intensity=row.get("intensity") or None,
                )


def share(text: str) -> float:
    """A number in [0, 1) fixed by the text alone: the same line falls on the same side of a split everywhere."""
    return zlib.crc32(text.strip().encode()) / 2**32


def make_row(given: Mapping[str, Any], source: str, number: int) -> Row:
    """The row in a JSON object.

    Args:
        source, number: the file and line that an error names.

    Raises:
        BadRow: it lacks what every row must have, or a field has a value of the wrong kind.
    """
    if not isinstance(given.get("text"), str):
        raise BadRow(source, number, 'a row needs a "text" that is a string')
    labels, vad = given.get("labels"), given.get("vad")
    if labels is not None and not _all(labels, str):
        raise BadRow(source, number, f'"labels" is a list of names, not {labels!r}')
    if vad is not None and not (_all(vad, (int, float)) and len(vad) == 3 and all(1 <= rating <= 5 for rating in vad)):
        raise BadRow(source, number, f'"vad" is [valence, arousal, dominance], each rated on 1 to 5, not {vad!r}')
    if given.get("label_space") is not None and not _all(given["label_space"], str):
        raise BadRow(source, number, f'"label_space" is a list of names, not {given["label_space"]!r}')
    return Row(
        text=given["text"],
        labels=None if labels is None else tuple(labels),
        lang=given.get("lang"),
        vad=None if vad is None else _scaled(vad),
        space=tuple(given["label_space"]) if given.get("label_space") else None,
        group=given.get("dialogue"),
        sentiment=given.get("sentiment"),
        who=given["speaker"] if isinstance(given.get("speaker"), str) else None,
        turn=given["turn"] if isinstance(given.get("turn"), int) else None,
    )


def _object(line: str, source: str, number: int) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadRow(source, number, f"not JSON: {error}") from error
    if not isinstance(given, dict):
        raise BadRow(source, number, f"a row is a JSON object, not {given!r}")
    return given


def _all(values: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _scaled(ratings: list[float]) -> tuple[float, float, float]:
    middle, half = VAD_SCALE
    valence, arousal, dominance = ((rating - middle) / half for rating in ratings)
    return valence, arousal, dominance
