"""What the routes of a server share: the reader, the store, the queues, and what the deployment declares."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from affekt.parts import LabelSet
from affekt.pipeline import Reader
from affekt.server.batching import Batcher
from affekt.server.limits import Rate
from affekt.server.media import Limits, read_file
from affekt.server.spoken import Recording, Transcription, transcribe
from affekt.settings import ServerSettings
from affekt.sources import Opened
from affekt.store.audit import Counted
from affekt.store.database import Store

if TYPE_CHECKING:
    from pathlib import Path

    from affekt.results import Timeline
    from affekt.server.access import Caller
    from affekt.server.live import Streams
    from affekt.server.metrics import Metrics
    from affekt.server.working import Workers

KEYS = 1000  # that are remembered, so that not every call asks the database


@dataclass(frozen=True, slots=True)
class Text:
    """One text that waits to be read: in which label set, as a whole or by sentences."""

    opened: Opened
    labels: str
    whole: bool


@dataclass(frozen=True, slots=True)
class File:
    """One file that waits to be read, what its sender calls it, and how it is read."""

    path: "Path"
    name: str
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
        looked: when it was last looked up whether there is a key by now.
        saving: is held by whoever keeps a long timeline, so that the memory of one is taken at a time.
        counted: what may happen at every call and belongs into the audit log.
    """

    settings: ServerSettings
    reader: Reader
    store: Store
    rate: Rate
    open: bool
    ready: bool = False
    texts: "Batcher[Text, Timeline | Exception]" = field(init=False)
    files: "Batcher[File, Timeline | Exception]" = field(init=False)
    recordings: Batcher[Recording, Transcription | Exception] = field(init=False)
    streams: "Streams" = field(init=False)
    metrics: "Metrics" = field(init=False)
    jobs: "Workers" = field(init=False)
    readers: dict[str, Reader] = field(default_factory=dict)
    known_keys: "OrderedDict[str, tuple[Caller | None, float]]" = field(default_factory=OrderedDict)
    looked: float = 0.0
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    counted: Counted = field(init=False)

    def __post_init__(self) -> None:
        self.counted = Counted(self.store)

    @property
    def limits(self) -> Limits:
        """How much a file may hold whose sender waits."""
        return Limits(self.settings.most_seconds, self.settings.most_pixels, self.settings.most_characters)

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
        self.count(found.values())
        return [found[at] for at in range(len(texts))]

    def read_files(self, files: Sequence[File]) -> "list[Timeline | Exception]":
        """The timelines of files, or what is wrong with them."""
        found: list[Timeline | Exception] = []
        for file in files:
            try:
                reader = self.speaking(file.labels).sharing()  # what one caller calls a voice is not for another
                found.append(read_file(reader, file.path, name=file.name, limits=self.limits, kind=file.kind, who=file.who))
            except Exception as error:  # it is told to who gave this file; a path of ours is not theirs
                found.append(error)
        self.count(found)
        return found

    def write_down(self, recordings: Sequence[Recording]) -> list[Transcription | Exception]:
        """What is said in recordings, or what is wrong with them."""
        found: list[Transcription | Exception] = []
        for one in recordings:
            try:
                found.append(transcribe(self.speaking(one.labels), one, limits=self.limits))
            except Exception as error:  # it is told to who gave this recording
                found.append(error)
        self.count(one.timeline for one in found if isinstance(one, Transcription))
        return found

    def count(self, timelines: "Iterable[Timeline | Exception | None]") -> None:
        """Counts what was read, for the metrics."""
        for one in timelines:
            if one is not None and not isinstance(one, Exception):
                self.metrics.count((*one.readings, *(whole for whole in one.fused if whole.modality == "fused")))

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
