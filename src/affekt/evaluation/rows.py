"""From a data file to rows that a label set can be judged on: choose rows, map their labels, choose the set."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from affekt import catalog
from affekt.datasets import make_row, read_objects
from affekt.datasets._where import chosen
from affekt.errors import EmptyInput, InputError
from affekt.parts import LabelSet, Row


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that were left out, and why."""

    unlabelled: int = 0  # no annotation of the kind that the label set needs
    by_label: Mapping[str, int] = field(default_factory=dict)  # label that the map sends to null -> rows

    @property
    def rows(self) -> int:
        """All rows that were left out."""
        return self.unlabelled + sum(self.by_label.values())


def labelled_rows(path: Path, *, where: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a JSON-lines file that fit every condition, one at a time.

    Args:
        where: conditions "column=value". The value is compared as text ("true" and "null" as JSON has them); a list
            fits if one of its members does; "a.b" looks inside the object in column a.

    Raises:
        InputError: a condition is not "column=value", or no row has its column.
        BadRow: a line is broken.
        EmptyInput: no row fits.
    """
    for number, given in chosen(read_objects(path), source=path, where=where):
        yield make_row(given, path.name, number)


def map_rows(rows: Iterable[Row], labels: LabelSet, *, label_map: Mapping[str, str | None] | None = None) -> tuple[list[Row], Dropped]:
    """The rows with their labels in the words of a label set, and what was left out on the way.

    Args:
        label_map: the data's name -> ours, or None to leave out every row that has it. A name that is not in the map
            must be one of ours.

    Raises:
        InputError: a label, or what the map makes of one, is not in the set.
        EmptyInput: no row is left.
    """
    rows = list(rows)
    if not rows:
        raise EmptyInput("there are no rows to judge")
    if labels.kind == "dimensions":
        kept, dropped = [row for row in rows if row.vad is not None], Counter[str]()
        unlabelled = len(rows) - len(kept)
    else:
        to_ours = translation((name for row in rows for name in row.labels or ()), labels, label_map=label_map)
        annotated = [row for row in rows if row.labels is not None]
        unlabelled = len(rows) - len(annotated)
        refused = [next((name for name in row.labels or () if to_ours[name] is None), None) for row in annotated]
        dropped = Counter(name for name in refused if name is not None)
        kept = [_mapped(row, to_ours) for row, name in zip(annotated, refused, strict=True) if name is None]
    if not kept:
        why = f"{unlabelled} have no annotation for it" + "".join(f", {n} have {name!r}, which maps to null" for name, n in dropped.items())
        raise EmptyInput(f"none of {len(rows)} rows can be judged on {labels.name}: {why}")
    return kept, Dropped(unlabelled, dict(dropped))


def translation(names: Iterable[str], labels: LabelSet, *, label_map: Mapping[str, str | None] | None = None) -> dict[str, str | None]:
    """Every label that data have -> its name in the set, or None where rows with it are left out.

    Args:
        names: the data's labels.
        label_map: as in `map_rows`.

    Raises:
        InputError: a label, or what the map makes of one, is not in the set.
    """
    label_map = label_map or {}
    ours = {*labels.labels, *([labels.none] if labels.none else [])}
    there_are = f"{labels.name} has: {', '.join((*labels.labels, *([labels.none] if labels.none else [])))}"
    wrong = sorted({to for to in label_map.values() if to is not None} - ours)
    if wrong:
        raise InputError(f"the label map speaks of {', '.join(wrong)}; {there_are}")
    to_ours: dict[str, str | None] = {**{name: name for name in ours}, **label_map}
    unknown = sorted(set(names) - set(to_ours))
    if unknown:
        raise InputError(f"the data have labels that {labels.name} lacks: {', '.join(unknown)}; {there_are}. Pass --label-map to map them")
    return to_ours


def choose_set(rows: Iterable[Row], labels: LabelSet) -> LabelSet:
    """The set that mapped rows can be judged on: `labels`, or its multi-label counterpart where a row has not exactly one.

    Raises:
        InputError: the rows need a multi-label set, and this one has no counterpart.
    """
    if labels.kind != "single":
        return labels
    for number, row in enumerate(rows, 1):
        if row.labels is None or len(row.labels) != 1:
            if labels.several is None:
                raise InputError(
                    f"row {number} has {len(row.labels or ())} labels, and {labels.name} takes exactly one; "
                    "map or leave out such rows, or choose a multi-label set"
                )
            return catalog.find("labels", labels.several)
    return labels


def _mapped(row: Row, to_ours: Mapping[str, str | None]) -> Row:
    """The row in our words; two labels that map to one are one."""
    own = tuple(dict.fromkeys(to for name in row.labels or () if (to := to_ours[name]) is not None))
    space = row.space and tuple(dict.fromkeys(to for name in row.space if (to := to_ours.get(name)) is not None))
    return replace(row, labels=own, space=space)
