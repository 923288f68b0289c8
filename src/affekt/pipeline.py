"""The path of the data, top to bottom: source, windows, encoder, calibration, reading, timeline.

Sound goes the same way in `affekt.hearing`, utterance by utterance.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, cast
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from affekt import catalog
from affekt.calibration.apply import decide, probabilities, project, spoken
from affekt.encoders._open import exists, open_encoder
from affekt.errors import InputError, LicenceRefused, NoColumn, UnknownName
from affekt.hearing import Hearing, SpeechEncoder
from affekt.labels import vad
from affekt.parts import LabelSet, OpenEncoder
from affekt.preprocessing.personal import Baseline, Voices
from affekt.preprocessing.speakers import Diariser
from affekt.preprocessing.text import normalise, sentences
from affekt.preprocessing.transcript import Transcriber
from affekt.results import Clip, Modality, Reading, Timeline
from affekt.settings import Settings, resolve
from affekt.sources import Opened, is_sound, open_source
from affekt.sources.audio import RATE
from affekt.sources.live import blocking, open_sound

DIGITS = 4  # of a score: a calibrated probability is not known more finely
Floats = NDArray[np.float32]


class Reader:
    """Reads emotion from text and speech; loads a model when it is first needed, once, and may be used from several threads.

    Args:
        labels: key of the label set that readings speak; default "ekman7".
        models: {"text": name of a model or folder that holds one, "speech": likewise}; default the shipped ones.
        batch: texts that go through the model at once.
        threads: processor cores a model uses; 0: all there are.
        commercial_only: use only models whose licence allows commercial use.
        speakers: people who speak before one microphone; 0: found out.
        voices: folder that keeps what has been heard of voices with a name; by default it is kept as long as the reader lives.
        transcript: model that writes down what is said, whose words are read too: "packaged", a Whisper size, or a folder.
        language: that is spoken, for the transcript; by default it is found out.

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
        speakers: int | None = None,
        voices: str | Path | None = None,
        transcript: str | None = None,
        language: str | None = None,
    ) -> None:
        models = models or {}
        if unknown := set(models) - {"text", "speech"}:
            raise InputError(f"no modality {', '.join(map(repr, sorted(unknown)))} in models; there are: text, speech")
        self.settings = resolve(
            **{f"{modality}_model": name for modality, name in models.items()},
            labels=labels,
            batch=batch,
            threads=threads,
            commercial_only=commercial_only,
            speakers=speakers,
            voices=None if voices is None else str(voices),
            transcript=transcript,
            language=language,
        )
        self.labels: LabelSet = catalog.find("labels", self.settings.labels)
        for name in (self.settings.text_model, self.settings.speech_model):
            if not exists(name):
                raise UnknownName(name, "encoders", catalog.names("encoders"), also="nor a folder of that name")
        self._loading = Lock()
        self._opened: dict[Modality, OpenEncoder] = {}
        self._transcriber: Transcriber | None = None
        self._kept: dict[str, Baseline] = {}

    @property
    def encoder(self) -> OpenEncoder:
        """The text model, loaded when first needed."""
        return self._encoder("text", self.settings.text_model)

    @property
    def speech_encoder(self) -> SpeechEncoder:
        """The speech model, loaded when first needed; where only commercial use is allowed, `speech_affekt` has a free sibling."""
        name = self.settings.speech_model
        if self.settings.commercial_only and name == "speech_affekt":
            name = "speech_affekt_free"
        return cast(SpeechEncoder, self._encoder("speech", name))

    def _encoder(self, modality: Modality, name: str) -> OpenEncoder:
        with self._loading:
            if modality not in self._opened:
                opened = open_encoder(name, self.settings.threads)
                if opened.card.modality != modality:
                    raise InputError(f"{opened.card.name} reads {opened.card.modality}, not {modality}; choose a {modality} model")
                if self.settings.commercial_only and not opened.card.commercial:
                    licence = opened.card.licence["weights"]
                    raise LicenceRefused(f"{opened.card.name} is not for commercial use ({licence}); choose another model")
                self._opened[modality] = opened
        return self._opened[modality]

    @property
    def voices(self) -> MutableMapping[str, Baseline]:
        """What has been heard of voices with a name; `del reader.voices["Anna"]` erases one."""
        if not self.settings.voices:
            return self._kept
        card = self.speech_encoder.card
        return Voices(Path(self.settings.voices), model=f"{card.name}@{card.revision}")

    def read(self, source: Any, *, kind: str | None = None, rate: int = RATE, who: Sequence[str] = ()) -> Timeline:
        """The timeline of a string, a text file, a conversation, the file of a sound or video, or samples.

        A text of several sentences gets a reading for each, and one in `fused` for the whole; a conversation gets one a turn, and
        speech one an utterance.

        Args:
            source: a string or path; or samples, an array (n,) or (channels, n).
            kind: "text" takes the string as it is, even where it looks like a file's name.
            rate: samples a second, where samples are given.
            who: names of the speakers of a sound, one a microphone; what is learned of their voices goes to `voices`.

        Raises:
            InputError: there is nothing to read, or the file cannot be read; the message says what to do.
        """
        if is_sound(source, kind) or isinstance(source, np.ndarray):
            hearing = self.hear(source, rate=rate, who=who)
            for _ in hearing.readings():
                pass
            return hearing.timeline()
        if who:
            raise InputError("who names the speakers of a sound; a conversation names its own")
        return self._timelines([open_source(source, kind=kind)])[0]

    def hear(self, source: Any, *, rate: int = RATE, who: Sequence[str] = ()) -> Hearing:
        """A sound that is about to be read: `readings()` gives them one by one, `timeline()` what has been read so far.

        Args:
            source: a path, samples, or an iterable of pieces of samples, say of a socket; None: the microphone.
            rate, who: as in `read`.

        Raises:
            InputError: there is no such file, or nothing in it is sound.
            MissingExtra: a library that hears is not installed.
        """
        settings = self.settings
        transcribe: Callable[[Floats], Any] | None = None
        if settings.transcript:
            if self._transcriber is None:
                self._transcriber = Transcriber(settings.transcript, language=settings.language or None, threads=settings.threads)
            transcribe = self._transcriber.words
        return Hearing(
            open_sound(source, rate=rate),
            self.speech_encoder,
            self.labels,
            names=who,
            voices=self.voices if who else None,
            diariser=None if settings.speakers == 1 else partial(Diariser, speakers=settings.speakers or None),
            transcribe=transcribe,
            read_words=(lambda clip: self.read_clips([clip])[0]) if settings.transcript else None,
        )

    async def stream(
        self, source: Iterable[Any] | AsyncIterable[Any] | None = None, *, rate: int = RATE, who: str | None = None
    ) -> AsyncIterator[Reading]:
        """Readings while somebody speaks: provisional ones twice a second, and a final one at the end of each utterance.

        The final ones are those that `read` gives of the same sound.

        Args:
            source: pieces of samples as they come, each (n,) or bytes of 16-bit samples; None: the microphone.
            rate: samples a second.
            who: the speaker; None: told apart by their voices.

        Raises:
            InputError: a piece is no sound, or there is no microphone.
        """
        pieces = blocking(source, asyncio.get_running_loop()) if isinstance(source, AsyncIterable) else source
        hearing = await asyncio.to_thread(self.hear, pieces, rate=rate, who=[who] if who else ())
        readings = hearing.readings(provisional=True)
        while (reading := await asyncio.to_thread(next, readings, None)) is not None:
            yield reading

    def enrol(self, who: str, source: Any, *, rate: int = RATE) -> Baseline:
        """Gets to know a voice from a recording of this one speaker, without reading anything into it; what was known before is kept.

        Args:
            source, rate: as in `hear`.

        Raises:
            InputError: the model does not get to know voices, or nobody speaks in the recording.
        """
        if self.speech_encoder.population is None:
            raise InputError(f"{self.speech_encoder.card.name} does not get to know voices; choose another speech model")
        self.read(source, kind="sound", rate=rate, who=[who])
        return self.voices[who]

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
    """The emotion in one source, with the shipped models; each is loaded when it is first needed, and kept.

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
    given = settings.model_dump()
    return Reader(models={modality: given.pop(f"{modality}_model") for modality in ("text", "speech")}, **given)
