"""Which rows of a user's data belong together, so that no split may part them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.parts import Row
from affekt.training.joined import join, root
from affekt.training.near import near_pairs, plain

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ties:
    """What ties rows together: for each kind, a key a row, (rows,); rows with one key belong together, -1 with none.

    Args:
        groups: one for the group of the data, and one for each of its further columns.
        people: who speaks; ties nothing unless it is a group as well.
        same: the text as `plain` has it, or the content of the file.
        near: texts that are near-duplicates, one the next.
    """

    groups: tuple[Integers, ...]
    people: Integers
    same: Integers
    near: Integers

    def pieces(self, *, same: bool = True, near: bool = True) -> Integers:
        """The piece that each row is in, (rows,), named by its first row: rows of one piece hang together by any of the ties.

        Args:
            same, near: whether these ties count.
        """
        return together((*self.groups, *([self.same] if same else []), *([self.near] if near else [])), rows=len(self.same))


def ties_of(rows: Sequence[Row]) -> Ties:
    """What ties these rows together. Files are read where another has the same size; one that cannot be read ties nothing."""
    texts = [plain(row.text) if row.path is None else "" for row in rows]
    file_keys = _contents([row.path for row in rows])
    same = [("text", text) if text else ("file", key) if key else None for text, key in zip(texts, file_keys, strict=True)]
    columns: dict[str, list[str | None]] = defaultdict(lambda: [None] * len(rows))
    for at, row in enumerate(rows):
        for tie in row.ties:
            columns[tie.partition("=")[0]][at] = tie
    groups = (_numbered(row.group for row in rows), *(_numbered(column) for column in columns.values()))
    return Ties(groups, _numbered(row.who for row in rows), _numbered(same), _near(texts))


def together(keys: Sequence[Integers], *, rows: int) -> Integers:
    """The piece of each row, (rows,), by the first row of the piece.

    Args:
        keys: each (rows,); rows that have one of them in common are in one piece. -1 ties nothing.
    """
    parents = list(range(rows))
    for column in keys:
        first: dict[int, int] = {}
        for at, key in enumerate(column.tolist()):
            if key >= 0:
                join(parents, first.setdefault(key, at), at)
    return np.array([root(parents, at) for at in range(rows)], np.int64)


def _near(texts: Sequence[str]) -> Integers:
    """The near-duplicates that each text is one of, (texts,)."""
    different = sorted({text for text in texts if text})
    parents = list(range(len(different)))
    for a, b in near_pairs(different).tolist():
        join(parents, a, b)
    place = {text: at for at, text in enumerate(different)}
    return np.array([root(parents, place[text]) if text else -1 for text in texts], np.int64)


def _contents(paths: Sequence[Path | None]) -> list[str | None]:
    """What tells the content of each file apart: its SHA-256 where another file has its size, else None."""
    sizes = {path: _size(path) for path in set(paths) if path}
    often = Counter(sizes.values())
    digests = {path: _sha256(path) for path, size in sizes.items() if size is not None and often[size] > 1}
    # One file that is named twice is the same as itself, whatever its size.
    return [digests.get(path) or str(path) if path else None for path in paths]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:  # gone since its row was read; whoever decodes it says so
        return None


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # as above, or locked
        return None


def _numbered(values: Iterable[object]) -> Integers:
    """A number for each value, equal where the values are; -1 for None."""
    places: dict[object, int] = {}
    return np.array([-1 if value is None else places.setdefault(value, len(places)) for value in values], np.int64)


def crossing(key: Integers, parts: Sequence[str]) -> Iterator[Integers]:
    """The rows that share a value of a key, where these rows are in more than one part.

    Args:
        key: (rows,); -1 for none.
        parts: the part that each row is in.
    """
    members = defaultdict[int, list[int]](list)
    for at, value in enumerate(key.tolist()):
        if value >= 0:
            members[value].append(at)
    for rows in members.values():
        if len({parts[at] for at in rows}) > 1:
            yield np.array(rows)
