"""What the routes of a server share: the reader, the store, the queues, and what the deployment declares."""

import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from affekt.parts import LabelSet
from affekt.pipeline import Reader
from affekt.server.batching import Batcher
from affekt.server.limits import Rate
from affekt.settings import ServerSettings
from affekt.sources import Opened
from affekt.store.database import Store

if TYPE_CHECKING:
    from pathlib import Path

    from affekt.results import Timeline
    from affekt.server.access import Caller

KEYS = 1000  # that are remembered, so that not every call asks the database
log = logging.getLogger("affekt.server")


@dataclass(frozen=True, slots=True)
class Text:
    """One text that waits to be read: in which label set, as a whole or by sentences."""

    opened: Opened
    labels: str
    whole: bool


@dataclass(frozen=True, slots=True)
class File:
    """One file that waits to be read, and how."""

    path: "Path"
    labels: str
    kind: str | None = None
    who: tuple[str, ...] = ()


@dataclass(slots=True)
class Service:
    """A running server.

    Args:
        open: no key is needed.
        ready: models are loaded.
        readers: one a label set that was asked for; they share their models.
        known_keys: hash of a key -> its caller, or None where it opens nothing, and when that was looked up.
    """

    settings: ServerSettings
    reader: Reader
    store: Store
    rate: Rate
    open: bool
    ready: bool = False
    texts: "Batcher[Text, Timeline | Exception]" = field(init=False)
    files: "Batcher[File, Timeline | Exception]" = field(init=False)
    readers: dict[str, Reader] = field(default_factory=dict)
    known_keys: "OrderedDict[str, tuple[Caller | None, float]]" = field(default_factory=OrderedDict)

    def speaking(self, labels: str | None) -> Reader:
        """The reader that speaks a label set.

        Raises:
            UnknownName: there is no such set.
        """
        name = labels or self.reader.labels.name
        if name not in self.readers:
            self.readers[name] = self.reader.speaking(name)
        return self.readers[name]

    def labels_of(self, labels: str | None) -> LabelSet:
        """The label set that a call asks for, or the server's own."""
        return self.speaking(labels).labels

    def read_texts(self, texts: Sequence[Text]) -> "list[Timeline | Exception]":
        """The timelines of texts; those of one label set go through the model together."""
        found: dict[int, Timeline | Exception] = {}
        for kind in dict.fromkeys((text.labels, text.whole) for text in texts):
            mine = [at for at, text in enumerate(texts) if (text.labels, text.whole) == kind]
            reader = self.speaking(kind[0])
            found |= dict(zip(mine, reader.read_opened([texts[at].opened for at in mine], whole=kind[1]), strict=True))
        return [found[at] for at in range(len(texts))]

    def read_files(self, files: Sequence[File]) -> "list[Timeline | Exception]":
        """The timelines of files, or what is wrong with them."""
        found: list[Timeline | Exception] = []
        for file in files:
            try:
                found.append(self.speaking(file.labels).read(file.path, kind=file.kind, who=file.who))
            except Exception as error:  # it is told to who gave this file; a path of ours is not theirs
                found.append(error)
        return found

    def remember_key(self, key: str, known: "tuple[Caller | None, float]") -> None:
        """Keeps what a key opens, for a moment."""
        self.known_keys[key] = known
        self.known_keys.move_to_end(key)
        if len(self.known_keys) > KEYS:
            self.known_keys.popitem(last=False)


def workers_of(settings: ServerSettings) -> int:
    """Model runs at a time."""
    return settings.workers or max(1, len(os.sched_getaffinity(0)) // max(1, settings.threads)) if hasattr(os, "sched_getaffinity") else 1


def service_of(connection: HTTPConnection) -> Service:
    """The service of the app that is called."""
    service: Service = connection.app.state.service
    return service


Serving = Annotated[Service, Depends(service_of)]
