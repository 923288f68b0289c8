"""What is worth knowing of labelled data before a model is trained on them: balance, leaks, contradictions, doubtful labels."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from affekt.datasets._labelled import Labelled
from affekt.errors import MissingExtra
from affekt.parts import LabelSet, Row
from affekt.training.near import plain
from affekt.training.split import PARTS, Split
from affekt.training.suspects import Suspect, find_suspects
from affekt.training.ties import Integers, crossing, ties_of

FEW = 5  # rows of a label in train, under which it is hardly learned
UNEVEN = 100  # the most frequent label has so many times the rows of the rarest
BROKEN = 0.1  # share of broken rows from which the file is worth mending
SHOWN = 50  # rows or labels that are listed
UNKNOWN = "unknown"  # the language of a row that does not say


@dataclass(frozen=True, slots=True)
class Checks:
    """What was found. Rows are named by their place in the file, from 1; 0: not known. No text is quoted.

    Args:
        balance: part -> label -> rows; of a multi-label set with its word for "no label".
        leaks: kind of tie -> rows of dev and test that share it with another part.
        leaking: some of these rows.
        conflicts: rows of the same text with different labels, of some such texts; `conflicting` counts all.
        suspects: some of the rows whose label is doubtful, the most doubtful first; `suspected` counts all.
        lengths: of the texts, in characters: least, median, 95 % (that many have at most so much), most.
        broken: rows that could not be used, and why.
    """

    labels: str
    rows: Mapping[str, int]
    balance: Mapping[str, Mapping[str, int]]
    leaks: Mapping[str, int]
    leaking: tuple[int, ...]
    conflicts: tuple[tuple[int, ...], ...]
    conflicting: int
    suspects: tuple[Suspect, ...]
    suspected: int
    languages: Mapping[str, int]
    lengths: Mapping[str, int]
    broken: tuple[tuple[int, str], ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The same in words."""
        said = [", ".join(f"{part} {n:,} rows" for part, n in self.rows.items() if n), *_table(self.balance)]
        if len(self.languages) > 1 or UNKNOWN not in self.languages:
            said.append("languages: " + ", ".join(f"{name} {n:,}" for name, n in self.languages.items()))
        if self.lengths:
            said.append("characters of a text: " + ", ".join(f"{name} {n:,}" for name, n in self.lengths.items()))
        if self.broken:
            problems = [f"row {line}: {why}" for line, why in self.broken]
            said.append(f"{len(self.broken)} rows could not be used: {_some(problems, '; ', 5)}")
        if self.conflicts:
            same = [" and ".join(map(str, one[:5])) for one in self.conflicts]
            said.append(f"{self.conflicting} texts are there more than once, with different labels: rows {_some(same, '; ', 10)}")
        if self.suspects:
            doubted = [f"row {one.line} ({one.given}, likelier {one.likelier})" for one in self.suspects]
            said.append(f"a simple model would give {self.suspected} rows another label; the most doubtful: {_some(doubted, ', ', 10)}")
        return [*said, *(f"warning: {one}" for one in self.warnings)]


def check(split: Split, labels: LabelSet, *, read: Labelled | None = None) -> Checks:
    """What there is to know of split rows whose labels are in the words of a label set.

    Args:
        read: what the rows come from; its broken rows are reported.
    """
    parts = {"train": split.train, "dev": split.dev, "test": split.test}
    rows = [row for part in PARTS for row in parts[part]]
    part_of = [part for part in PARTS for _ in parts[part]]
    ties = ties_of(rows)
    broken = read.broken if read else ()
    names = _names(rows, labels)
    balance = {part: _counts(some, names, labels) for part, some in parts.items() if some}
    kinds = {"group": ties.groups, "speaker": (ties.people,), "text or file": (ties.same,), "near-duplicate": (ties.near,)}
    leaking = {kind: _leaking(keys, part_of) for kind, keys in kinds.items()}
    conflicts = _conflicts(rows)
    suspects, doubt = _suspects(rows, labels)
    return Checks(
        labels=labels.name,
        rows={part: len(some) for part, some in parts.items()},
        balance=balance,
        leaks={kind: len(found) for kind, found in leaking.items()},
        leaking=_lines(rows, sorted(set().union(*leaking.values())))[:SHOWN],
        conflicts=conflicts[:SHOWN],
        conflicting=len(conflicts),
        suspects=suspects[:SHOWN],
        suspected=len(suspects),
        languages=dict(Counter(row.lang or UNKNOWN for row in rows).most_common()),
        lengths=_lengths(rows),
        broken=broken,
        warnings=(*split.notes, *_unbalanced(balance), *_leaks(leaking), *_many_broken(len(broken), len(rows)), *doubt),
    )


def _names(rows: Sequence[Row], labels: LabelSet) -> tuple[str, ...]:
    """What is counted: the labels, and the word for none where rows have none."""
    if labels.kind == "dimensions":
        return ()
    bare = labels.none is not None and any(labels.none in _words(row, labels) for row in rows)
    return (*labels.labels, str(labels.none)) if bare else labels.labels


def _counts(rows: Sequence[Row], names: Sequence[str], labels: LabelSet) -> dict[str, int]:
    found = Counter(word for row in rows for word in _words(row, labels))
    return {name: found[name] for name in names}


def _words(row: Row, labels: LabelSet) -> tuple[str, ...]:
    """The labels of a row; the word for none where it is annotated and has none."""
    return row.labels or ((labels.none,) if labels.none and row.labels is not None else ())


def _leaking(keys: Sequence[Integers], part_of: Sequence[str]) -> set[int]:
    """The rows of dev and test that share a key with another part."""
    return {at for key in keys for rows in crossing(key, part_of) for at in rows.tolist() if part_of[at] != "train"}


def _conflicts(rows: Sequence[Row]) -> tuple[tuple[int, ...], ...]:
    """The rows of each text that is there with different labels."""
    by_text = defaultdict[str, list[int]](list)
    for at, row in enumerate(rows):
        if row.text and row.labels is not None:
            by_text[plain(row.text)].append(at)
    apart = (same for same in by_text.values() if len({frozenset(rows[at].labels or ()) for at in same}) > 1)
    return tuple(sorted(_lines(rows, same) for same in apart))


def _lines(rows: Sequence[Row], places: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(rows[at].line or 0 for at in places))


def _suspects(rows: Sequence[Row], labels: LabelSet) -> tuple[tuple[Suspect, ...], list[str]]:
    """The suspects, and why they were not looked for where they could not be."""
    if labels.kind != "single":
        return (), []
    try:
        return find_suspects(rows), []
    except MissingExtra as error:
        return (), [f"labels were not checked for mistakes: {error}"]


def _lengths(rows: Sequence[Row]) -> dict[str, int]:
    lengths = [len(row.text) for row in rows if row.text]
    if not lengths:
        return {}
    least, median, long, most = np.quantile(lengths, [0, 0.5, 0.95, 1], method="nearest").tolist()
    return {"least": least, "median": median, "95 %": long, "most": most}


def _unbalanced(balance: Mapping[str, Mapping[str, int]]) -> list[str]:
    said, trained = [], balance.get("train", {})
    few = [f"{name!r} {n}" for name, n in trained.items() if n < FEW]
    if few:
        said.append(f"fewer than {FEW} rows in train, too few to learn from: {_some(few, ', ', SHOWN)}")
    if trained and max(trained.values()) > UNEVEN * max(min(trained.values()), 1):
        most, least = max(trained, key=trained.__getitem__), min(trained, key=trained.__getitem__)
        said.append(f"{most!r} has {trained[most]:,} rows in train and {least!r} {trained[least]:,}: more than {UNEVEN} to 1")
    for part, counts in balance.items():
        absent = [repr(name) for name, n in counts.items() if not n and part != "train"]
        if absent:
            said.append(f"no row of {part} has {_some(absent, ', ', SHOWN)}: how well it is read cannot be said")
    return said


def _leaks(leaking: Mapping[str, set[int]]) -> list[str]:
    found = {kind: len(rows) for kind, rows in leaking.items() if rows}
    return [f"{n} rows of dev and test share a {kind} with another part: they flatter the model" for kind, n in found.items()]


def _many_broken(broken: int, sound: int) -> list[str]:
    share = broken / max(broken + sound, 1)
    return [f"{share:.0%} of the rows could not be used: mend the file"] if share > BROKEN else []


def _table(balance: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A line for each of the first labels: its rows in each part, and their share of the rows of the part."""
    totals = {part: max(sum(counts.values()), 1) for part, counts in balance.items()}
    names = list(next(iter(balance.values()), {}))
    wide = max(map(len, names[:SHOWN]), default=0)
    said = []
    for name in names[:SHOWN]:
        shares = "   ".join(f"{part} {counts[name]:>6,} {counts[name] / totals[part]:>4.0%}" for part, counts in balance.items())
        said.append(f"  {name:<{wide}}  {shares}")
    return [*said, *([f"  and {len(names) - SHOWN} more labels"] if len(names) > SHOWN else [])]


def _some(said: Sequence[str], between: str, most: int) -> str:
    return between.join(said[:most]) + (f"{between}and {len(said) - most} more" if len(said) > most else "")
