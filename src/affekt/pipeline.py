"""The path of the data, top to bottom: source, windows, encoder, calibration, reading, timeline."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from affekt import catalog
from affekt.calibration.apply import decide, probabilities, project, spoken
from affekt.encoders._card import CARD, read_card
from affekt.errors import InputError, LicenceRefused, NoColumn, UnknownName
from affekt.labels import vad
from affekt.parts import LabelSet, OpenEncoder
from affekt.preprocessing.text import normalise, sentences
from affekt.results import Clip, Reading, Timeline
from affekt.settings import Settings, resolve
from affekt.sources import Opened, open_source

DIGITS = 4  # of a score: a calibrated probability is not known more finely
Floats = NDArray[np.float32]


class Reader:
    """Reads emotion from text; loads its model once and may be used from several threads.

    Args:
        labels: key of the label set that readings speak; default "ekman7".
        models: {"text": name of a model or folder that holds one}; default the shipped one.
        batch: texts that go through the model at once.
        threads: processor cores the model uses; 0: all there are.
        commercial_only: refuse a model whose licence forbids commercial use.

    Raises:
        UnknownName: no such label set or model.
        LicenceRefused: the model is not for commercial use and `commercial_only` is set.

    >>> Reader().read("I love this so much!").top[0]
    'joy'
    """

    def __init__(
        self,
        *,
        labels: str | None = None,
        models: Mapping[str, str] | None = None,
        batch: int | None = None,
        threads: int | None = None,
        commercial_only: bool | None = None,
    ) -> None:
        unknown = set(models or ()) - {"text"}
        if unknown:
            raise InputError(f"no modality {', '.join(map(repr, sorted(unknown)))} in models; there is: text")
        model = (models or {}).get("text")
        self.settings = resolve(labels=labels, text_model=model, batch=batch, threads=threads, commercial_only=commercial_only)
        self.labels: LabelSet = catalog.find("labels", self.settings.labels)
        if self.settings.text_model not in catalog.names("encoders") and not Path(self.settings.text_model).is_dir():
            raise UnknownName(self.settings.text_model, "encoders", catalog.names("encoders"), also="nor a folder of that name")
        self._loading = Lock()
        self._encoder: OpenEncoder | None = None

    @property
    def encoder(self) -> OpenEncoder:
        """The text model, loaded when first needed."""
        with self._loading:
            if self._encoder is None:
                opened = open_encoder(self.settings.text_model, self.settings.threads)
                if opened.card.modality != "text":
                    raise InputError(f"{opened.card.name} reads {opened.card.modality}, not text; choose a text model")
                if self.settings.commercial_only and not opened.card.commercial:
                    licence = opened.card.licence["weights"]
                    raise LicenceRefused(f"{opened.card.name} is not for commercial use ({licence}); choose another model")
                self._encoder = opened
        return self._encoder

    def read(self, source: str | Path, *, kind: str | None = None) -> Timeline:
        """The timeline of a string, a text file or a conversation.

        A text of several sentences gets a reading for each, and one in `fused` for the whole; a conversation gets one a turn.

        Args:
            kind: "text" takes the string as it is, even where it looks like a file's name.

        Raises:
            InputError: there is nothing to read, or the file cannot be read; the message says what to do.
        """
        return self._timelines([open_source(source, kind=kind)])[0]

    def read_many(self, texts: Iterable[Any], *, column: str | None = None, whole: bool = False) -> Iterator[Timeline]:
        """One timeline a text, in order, read in batches, in constant memory.

        Args:
            texts: strings, or with `column` mappings that hold the string under that key.
            whole: one reading a text, instead of one a sentence.

        Raises:
            EmptyInput: a text is empty; what came before it has been given out.
            InputError: `texts` is one string, or a row has no such column.
        """
        if isinstance(texts, str):
            raise InputError("read_many takes many texts, and was given one string; read takes one")
        waiting = iter(texts if column is None else (_cell(row, column) for row in texts))
        while batch := list(islice(waiting, self.settings.batch)):
            opened, problem = [], None
            for text in batch:
                try:
                    opened.append(open_source(text, kind="text"))
                except InputError as error:  # given out after what came before it
                    problem = error
                    break
            yield from self._timelines(opened, whole=whole)
            if problem is not None:
                raise problem

    async def aread(self, source: str | Path, *, kind: str | None = None) -> Timeline:
        """As `read`, without holding up the event loop."""
        return await asyncio.to_thread(self.read, source, kind=kind)

    async def aread_many(self, texts: Iterable[Any], *, column: str | None = None, whole: bool = False) -> AsyncIterator[Timeline]:
        """As `read_many`, without holding up the event loop."""
        timelines = self.read_many(texts, column=column, whole=whole)
        while (timeline := await asyncio.to_thread(next, timelines, None)) is not None:
            yield timeline

    def read_texts(self, texts: Sequence[str]) -> list[Reading]:
        """One reading a text, in order; each text as a whole, however long."""
        return self.read_clips([Clip("text", text, 0, len(text), span=(0, len(text))) for text in texts])

    def read_clips(self, clips: Sequence[Clip]) -> list[Reading]:
        """One reading a clip, in order."""
        scores, dimensions = self.scores(clips)
        return [self._reading(clip, scores[at], None if dimensions is None else dimensions[at]) for at, clip in enumerate(clips)]

    def scores(self, clips: Sequence[Clip]) -> tuple[Floats, Floats | None]:
        """Calibrated scores (n, labels), and valence, arousal, dominance (n, 3) where the model has them.

        A clip longer than the model takes is read in windows; its scores are their mean, weighted by length.

        Raises:
            InputError: the model speaks no label set from which the reader's can be told.
        """
        card = self.encoder.card
        finer = spoken(card, self.labels)
        wanted = [finer, *([vad.PART] if finer is not vad.PART and "vad" in card.calibration else [])]
        windows = [self.encoder.cut(clip) for clip in clips]
        raw = self._run([window for found in windows for window in found], wanted)
        firsts = np.cumsum([0, *map(len, windows)])[:-1]
        weight = np.array([max(len(window.data), 1) for found in windows for window in found], np.float32)[:, None]
        out: dict[str, Floats] = {}
        for labels in wanted:
            each = probabilities(raw[labels.name], labels, card.calibration[labels.name])
            out[labels.name] = (
                (np.add.reduceat(each * weight, firsts) / np.add.reduceat(weight, firsts)).astype(np.float32) if clips else each
            )
        scores = out[finer.name] if finer is self.labels else project(out[finer.name], finer, self.labels)
        return scores, out.get("vad")

    def _run(self, clips: Sequence[Clip], wanted: Sequence[LabelSet]) -> dict[str, Floats]:
        """Raw outputs of each set in the order of the clips; like lengths go through together, so that little is padding."""
        raw = {labels.name: np.zeros((len(clips), len(labels.labels)), np.float32) for labels in wanted}
        order = sorted(range(len(clips)), key=lambda at: len(clips[at].data))
        for begin in range(0, len(order), self.settings.batch):
            chosen = order[begin : begin + self.settings.batch]
            for name, values in self.encoder([clips[at] for at in chosen], labels=list(raw)).items():
                raw[name][chosen] = values
        return raw

    def _timelines(self, opened: Sequence[Opened], *, whole: bool = False) -> list[Timeline]:
        """One timeline a source; all their clips go through the model together."""
        clips = [_clips(one, whole=whole) for one in opened]
        readings = iter(self.read_clips([clip for found in clips for clip in found]))
        made = []
        for one, found in zip(opened, clips, strict=True):
            mine = list(islice(readings, len(found)))
            first = 1 if len(found) > len(one.clips) else 0  # the whole text comes before its sentences
            made.append(_assemble(one, self.labels.name, mine[first:], mine[:first]))
        return made

    def _reading(self, clip: Clip, scores: Floats, dimensions: Floats | None) -> Reading:
        card = self.encoder.card
        named = _rounded(scores, self.labels) if self.labels.kind != "dimensions" else {}
        present, reason = decide(named, self.labels, card.calibration.get(self.labels.name)) if named else ((), None)
        if not any(c.isalpha() or category(c) == "So" for c in normalise(clip.data)):  # neither a letter nor a pictograph
            reason = "no words to read"
        valence, arousal, dominance = (None,) * 3 if dimensions is None else (round(float(x), DIGITS) for x in dimensions)
        return Reading(
            modality=clip.modality,
            labels=self.labels.name,
            scores=named,
            start=clip.start,
            end=clip.end,
            model=f"{card.name}@{card.revision}",
            single=self.labels.kind == "single",
            present=present,
            who=clip.who,
            span=clip.span,
            abstained=reason is not None,
            reason=reason,
            valence=valence,
            arousal=arousal,
            dominance=dominance,
        )


def open_encoder(name: str, threads: int = 0) -> OpenEncoder:
    """The model of that name, or the one in a folder of that name (its card says of which family it is).

    A model is opened once and shared; a folder whose card has been written anew is opened anew.

    Raises:
        UnknownName: neither a model nor a folder.
        WeightsError: the folder holds no card, or its files are broken.
    """
    folder = Path(name).resolve()
    if name not in catalog.names("encoders") and folder.is_dir():
        card = read_card(folder)
        return _opened(str(card.facts.get("family", "text_affekt")), folder, threads, (folder / CARD).stat().st_mtime_ns)
    return _opened(name, None, threads, 0)


@lru_cache(maxsize=4)
def _opened(family: str, folder: Path | None, threads: int, written: int) -> OpenEncoder:  # noqa: ARG001 (`written` is part of the key)
    return catalog.find("encoders", family).load(folder, threads)


def _clips(opened: Opened, *, whole: bool) -> list[Clip]:
    """What is read of a source: its turns, or the text and its sentences, where it has several."""
    clips = list(opened.clips)
    stretches = [] if opened.talk or whole else sentences(clips[0].data)
    if len(stretches) < 2:
        return clips
    return clips + [Clip("text", clips[0].data[a:b], a, b, span=(a, b)) for a, b in stretches]


def _cell(row: Mapping[str, str], column: str) -> str:
    if column not in row:
        raise NoColumn("a row", column, row)
    return row[column]


def _assemble(opened: Opened, labels: str, readings: Sequence[Reading], fused: Sequence[Reading]) -> Timeline:
    return Timeline(
        source=opened.name,
        duration=opened.duration,
        unit=opened.unit,
        labels=labels,
        readings=tuple(readings),
        fused=tuple(fused),
        transcript=opened.transcript,
        warnings=opened.warnings,
    )


def _rounded(scores: Floats, labels: LabelSet) -> dict[str, float]:
    return {name: round(float(score), DIGITS) for name, score in zip(labels.labels, scores, strict=True)}


def read(source: str | Path, *, labels: str | None = None, kind: str | None = None) -> Timeline:
    """The emotion in one source, with the shipped model; it is loaded by the first call and kept.

    Args:
        labels: key of the label set; default "ekman7", or what the settings say.
        kind: "text" takes the string as it is, even where it looks like a file's name.

    Raises:
        InputError: there is nothing to read, or the file cannot be read; the message says what to do.
        UnknownName: no such label set.

    >>> read("What a wonderful day!").top[0]
    'joy'
    """
    return _reader(resolve(labels=labels)).read(source, kind=kind)


@lru_cache(maxsize=4)
def _reader(settings: Settings) -> Reader:
    return Reader(
        labels=settings.labels,
        models={"text": settings.text_model},
        batch=settings.batch,
        threads=settings.threads,
        commercial_only=settings.commercial_only,
    )
