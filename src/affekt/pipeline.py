"""The path of the data: source, preprocessing, encoder, calibration, reading, timeline.

Each modality has its own: text in `affekt.texts`, sound in `affekt.hearing`, pictures in `affekt.watching`. A `Reader` opens what they
need and leads each source to its path.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from affekt import catalog
from affekt.encoders._open import exists, open_encoder
from affekt.errors import EmptyInput, InputError, LicenceRefused, NoColumn, UnknownName
from affekt.hearing import Hearing, SpeechEncoder
from affekt.parts import LabelSet, OpenEncoder
from affekt.preprocessing.personal import Baseline, Voices
from affekt.preprocessing.speakers import Diariser
from affekt.preprocessing.transcript import Transcriber
from affekt.results import Clip, Modality, Reading, Timeline
from affekt.settings import Settings, resolve
from affekt.sources import is_picture, is_sound, is_video, open_source
from affekt.sources.audio import RATE, tracks
from affekt.sources.live import blocking, open_sound
from affekt.sources.pictures import open_pictures
from affekt.texts import Texts
from affekt.watching import FaceEncoder, Watching

READ: tuple[Modality, ...] = ("text", "speech", "face")
Floats = NDArray[np.float32]


class Reader:
    """Reads emotion from text, speech and faces; loads a model when it is first needed, once, and may be used from several threads.

    Args:
        labels: key of the label set that readings speak; default "ekman7".
        models: {"text": name of a model or folder that holds one, "speech" and "face": likewise}; default the shipped ones.
        batch: texts that go through the model at once.
        threads: processor cores a model uses; 0: all there are.
        commercial_only: use only models whose licence allows commercial use.
        speakers: people who speak before one microphone; 0: found out.
        voices: folder that keeps what has been heard of voices with a name; by default it is kept as long as the reader lives.
        transcript: model that writes down what is said, whose words are read too: "packaged", a Whisper size, or a folder.
        language: that is spoken, for the transcript; by default it is found out.
        face_rate: frames a second of a video in which faces are read; 0: all.
        resting_face: judge each face by how it differs from its own resting face.

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
        face_rate: float | None = None,
        resting_face: bool | None = None,
    ) -> None:
        models = models or {}
        if unknown := set(models) - set(READ):
            raise InputError(f"no modality {', '.join(map(repr, sorted(unknown)))} in models; there are: {', '.join(READ)}")
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
            face_rate=face_rate,
            resting_face=resting_face,
        )
        self.labels: LabelSet = catalog.find("labels", self.settings.labels)
        for name in (self.settings.text_model, self.settings.speech_model, self.settings.face_model):
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

    @property
    def face_encoder(self) -> FaceEncoder:
        """The face model, loaded when first needed."""
        return cast(FaceEncoder, self._encoder("face", self.settings.face_model))

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

    def read(
        self, source: Any, *, kind: str | None = None, only: Modality | None = None, rate: int = RATE, who: Sequence[str] = ()
    ) -> Timeline:
        """The timeline of a string, a text file, a conversation, the file of a sound, a video or an image, samples or pixels.

        A text of several sentences gets a reading for each, and one in `fused` for the whole; a conversation gets one a turn,
        speech one an utterance, and a face one a frame. A video is both heard and looked at.

        Args:
            source: a string or path; samples, an array (n,) or (channels, n); or pixels, (height, width, 3) RGB uint8.
            kind: "text" takes the string as it is, even where it looks like a file's name.
            only: "speech" or "face": of a video, only this.
            rate: samples a second, where samples are given.
            who: names of the speakers of a sound, one a microphone; what is learned of their voices goes to `voices`.

        Raises:
            InputError: there is nothing to read, or the file cannot be read; the message says what to do.
        """
        senses = self.senses(source, kind=kind, only=only, rate=rate, who=who)
        if not senses:
            return self._texts.timelines([open_source(source, kind=kind)])[0]
        for sense in senses:
            with suppress(EmptyInput):  # `timeline_of` says it, where the other sense has nothing either
                for _ in sense.readings():
                    pass
        return timeline_of(senses)

    def senses(
        self, source: Any, *, kind: str | None = None, only: Modality | None = None, rate: int = RATE, who: Sequence[str] = ()
    ) -> list[Hearing | Watching]:
        """What a source has to hear and to look at, about to be read; nothing, where it is a text. `timeline_of` makes one of them.

        Args:
            source, kind, only, rate, who: as in `read`.

        Raises:
            InputError: as there.
        """
        array = isinstance(source, np.ndarray)
        seen = is_picture(source, kind) or (array and source.ndim == 3)
        both = is_video(source, kind) and kind != "sound"
        heard = not seen and (both or array or is_sound(source, kind))
        if not seen and not heard:
            if who:
                raise InputError("who names the speakers of a sound; a conversation names its own")
            if only not in (None, "text"):
                raise InputError(f"there is no {only} in what is read as a text; a sound, a video or an image has it")
            return []
        if only == "text" or (only == "speech" and seen) or (only == "face" and not seen and not both):
            raise InputError(f"there is no {only} to read in {'an array' if array else source}")
        sound, pictures = (heard, seen) if not both or only else tracks(source)
        looked = only == "face" or (only is None and pictures)
        listened = only != "face" and (sound or not looked) and heard
        return [
            *([self.hear(source, rate=rate, who=who)] if listened else []),
            *([self.watch(source)] if looked else []),
        ]

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

    def watch(self, source: Any = None, *, rate: float | None = None) -> Watching:
        """Pictures that are about to be looked at: `readings()` gives them one by one, `timeline()` what has been seen so far.

        Args:
            source: the path of an image or a video; pixels; an iterable of frames, each pixels, or a pair of seconds and pixels;
                the number of a camera; None: the first camera.
            rate: frames a second that are looked at; None: as the setting `face_rate` says.

        Raises:
            InputError: there is no such file or camera, or nothing in it is a picture.
            MissingExtra: a library that decodes videos is not installed.
        """
        pictures = open_pictures(source, rate=self.settings.face_rate if rate is None else rate)
        return Watching(pictures, self.face_encoder, self.labels, resting=self.settings.resting_face)

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
            yield from self._texts.timelines(opened, whole=whole)
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
        """One reading a clip of text, in order."""
        return self._texts.read(clips)

    def scores(self, clips: Sequence[Clip]) -> tuple[Floats, Floats | None]:
        """Calibrated scores of clips of text, see `Texts.scores`."""
        return self._texts.scores(clips)

    @property
    def _texts(self) -> Texts:
        return Texts(self.encoder, self.labels, self.settings.batch)


def timeline_of(senses: Sequence[Hearing | Watching]) -> Timeline:
    """What has been heard and seen so far of one source, on one clock.

    Raises:
        EmptyInput: neither speech nor a face was found.
    """
    made, missing = list[Timeline](), list[EmptyInput]()
    for sense in senses:
        try:
            made.append(sense.timeline())
        except EmptyInput as error:
            missing.append(error)
    if not made:
        raise EmptyInput("; ".join(str(error) for error in missing))
    if len(senses) == 1:
        return made[0]
    return Timeline(
        source=made[0].source,
        duration=max(one.duration for one in made),
        unit="seconds",
        labels=made[0].labels,
        readings=tuple(reading for one in made for reading in one.readings),
        transcript=next((one.transcript for one in made if one.transcript is not None), None),
        warnings=(*(warning for one in made for warning in one.warnings), *(str(error).partition(";")[0] for error in missing)),
        people=tuple(dict.fromkeys(who for one in made for who in one.people)),
        events=tuple(event for one in made for event in one.events),
    )


def _cell(row: Mapping[str, str], column: str) -> str:
    if column not in row:
        raise NoColumn("a row", column, row)
    return row[column]


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
    return Reader(models={modality: given.pop(f"{modality}_model") for modality in READ}, **given)
