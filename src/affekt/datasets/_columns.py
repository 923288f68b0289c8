"""Which column of a user's data holds what: named by the user, else found by what such columns are usually called."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from affekt.errors import InputError, NoColumn

TEXTS = ("text", "sentence", "comment", "content", "utterance", "message", "review", "tweet", "post", "body", "document")
FILES = ("path", "file", "filename", "file_name", "filepath", "file_path", "audio", "recording", "wav", "image", "picture")
LABELS = (  # the first that there is: words before numbers, emotion before sentiment
    *("label_text", "label_name", "labels", "label", "emotions", "emotion", "sentiment"),
    *("class", "category", "target"),
)
DIALOGUES = tuple(f"{name}{end}" for name in ("dialogue", "dialog", "conversation", "thread", "session", "group") for end in ("", "_id"))
PEOPLE = tuple(f"{name}{end}" for name in ("speaker", "subject", "actor", "person", "user", "author") for end in ("", "_id", "name"))
LANGUAGES, SPLITS = ("lang", "language"), ("split", "partition")
TURNS = ("turn", "turn_id", "turn_index", "utterance_id", "utterance_index")
SEPARATORS = ("|", ";")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that are read.

    Args:
        text: of the text; of the file, where the data are recordings or pictures.
        label: None: there are none, only dimensions in our own format.
        separator: between the labels in one cell.
        groups: rows that share a value in any of them belong together; dialogues first.
        named: whether the user named them.
    """

    text: str
    label: str | None
    separator: str | None = None
    groups: tuple[str, ...] = ()
    named: bool = False
    who: str | None = None
    turn: str | None = None
    lang: str | None = None
    split: str | None = None

    def __str__(self) -> str:
        found = {"text": self.text, "label": self.label, "group": ", ".join(self.groups), "language": self.lang, "split": self.split}
        return ", ".join(f"{what} from {column!r}" for what, column in found.items() if column)


def find_columns(
    there: Sequence[str],
    *,
    source: str,
    files: bool,
    text: str | None = None,
    label: str | None = None,
    group: str | Sequence[str] | None = None,
    lang: str | None = None,
    split: str | None = None,
) -> Columns:
    """The columns that are named, and for the others those that are usually called so; case and blanks do not matter for these.

    Args:
        there: all columns.
        source: the data that an error names.
        files: whether `text` is the column of a file's path.
        text, label, lang, split: a column; "" for lang and split: none. A label that ends in "|" or ";" after the column's name
            says that this stands between several labels in one cell.
        group: one column or more; () or "": none. By default all of dialogues and people; of texts, dialogues alone if there are any.

    Raises:
        NoColumn: a column that is named is not there.
        InputError: there is only one column, or no text or no label is found.
    """
    _check_several(there, source, files=files)
    label, separator = _separated(label, there)
    groups = None if group is None else tuple(name for name in ((group,) if isinstance(group, str) else group) if name)
    named = [name for name in (text, label, lang, split, *(groups or ())) if name]
    for name in named:
        if name not in there:
            raise NoColumn(source, name, there)
    free = [name for name in there if name not in named]
    found_text = text or _first(free, FILES if files else TEXTS)
    found_label = label or _first(free, LABELS)
    if found_text is None:
        _refuse("path of the files" if files else "text", FILES if files else TEXTS, source, there)
    if found_label is None and "vad" not in there:
        _refuse("label", LABELS, source, there)
    people = _all(free, PEOPLE)
    dialogues = _all(free, DIALOGUES)
    if groups is None:  # one agent speaks in hundreds of dialogues: kept apart as well, nearly all texts would hang together
        groups = dialogues + people if files or not dialogues else dialogues
    return Columns(
        text=found_text,
        label=found_label,
        separator=separator,
        groups=groups,
        named=group is not None,
        who=next(iter([*people, *_all(groups, PEOPLE), *(groups if files else ())]), None),
        turn=_first(free, TURNS),
        lang=_first(free, LANGUAGES) if lang is None else lang or None,
        split=_first(free, SPLITS) if split is None else split or None,
    )


def _check_several(there: Sequence[str], source: str, *, files: bool) -> None:
    if len(there) < 2:
        raise InputError(
            f"{source} has one column only, {there[0]!r}, and needs two, a {'file' if files else 'text'} and its label; "
            "check what stands between the fields: commas in .csv, tabs in .tsv"
        )


def _separated(label: str | None, there: Sequence[str]) -> tuple[str | None, str | None]:
    """(column, separator) of what a user calls the label's column."""
    if label and label not in there and label[-1] in SEPARATORS:
        return label[:-1], label[-1]
    return label, None


def _first(there: Sequence[str], names: Iterable[str]) -> str | None:
    return next(iter(_all(there, names)), None)


def _all(there: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """The columns that have one of the names, in the order of the names."""
    plain = [(re.sub(r"\W+", "_", name.strip().casefold()), name) for name in there]
    return tuple(column for name in names for called, column in plain if called == name)


def _refuse(what: str, names: Sequence[str], source: str, there: Sequence[str]) -> NoReturn:
    raise InputError(
        f"no column of {source} is called as one with the {what} usually is ({', '.join(names)}); "
        f"say which it is; there are: {', '.join(map(repr, there[:50]))}"
    )
