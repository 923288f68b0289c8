"""Finds a part by name: our own in the rooms of this package, a plugin's by entry point.

A plugin offers a part under the entry-point group of its room, say `affekt.labels`, with the part's key as the name.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, overload

from affekt.errors import UnknownName
from affekt.parts import Corpus, Encoder, Format, Fusion, LabelSet, SpeechCorpus

Room = Literal["labels", "encoders", "fusion", "formats", "datasets"]
ROOMS: tuple[Room, ...] = ("labels", "encoders", "fusion", "formats", "datasets")


@cache
def names(room: Room) -> tuple[str, ...]:
    """The keys of all parts in a room, plugins' included, sorted."""
    ours = (file.stem for file in (Path(__file__).parent / room).glob("*.py") if not file.stem.startswith("_"))
    theirs = (point.name for point in entry_points(group=f"affekt.{room}"))
    return tuple(sorted({*ours, *theirs}))


@overload
def find(room: Literal["labels"], name: str) -> LabelSet: ...
@overload
def find(room: Literal["encoders"], name: str) -> Encoder: ...
@overload
def find(room: Literal["fusion"], name: str) -> Fusion: ...
@overload
def find(room: Literal["formats"], name: str) -> Format: ...
@overload
def find(room: Literal["datasets"], name: str) -> Corpus | SpeechCorpus: ...


@cache
def find(room: Room, name: str) -> LabelSet | Encoder | Fusion | Format | Corpus | SpeechCorpus:
    """The part of that name.

    Raises:
        UnknownName: there is none; the message lists what there is.
    """
    if name not in names(room):
        raise UnknownName(name, room, names(room))
    for point in entry_points(group=f"affekt.{room}"):
        if point.name == name:
            return point.load()  # type: ignore[no-any-return]
    return import_module(f"affekt.{room}.{name}").PART  # type: ignore[no-any-return]
