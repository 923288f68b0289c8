"""The path of the data: source, preprocessing, encoder, calibration, reading, timeline.

Each modality has its own: text in `affekt.texts`, sound in `affekt.hearing`, pictures in `affekt.watching`. A `Reader` opens what they
need and leads each source to its path.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from copy import copy
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from affekt.errors import InputError, NoColumn
from affekt.fusion import open_fusion
from affekt.hearing import Hearing, Paced, SpeechEncoder
from affekt.models import Models, choose_labels
from affekt.parts import OpenEncoder
from affekt.preprocessing.personal import Baseline, Voices
from affekt.preprocessing.speakers import Diariser
from affekt.results import Clip, Modality, Reading, Timeline
from affekt.scene import Scene
from affekt.settings import resolve
from affekt.sources import Opened, open_source
from affekt.sources.audio import RATE
from affekt.sources.devices import camera_frames, microphone_pieces
from affekt.sources.live import Clock, open_sound
from affekt.sources.pictures import open_pictures, pushed
from affekt.sources.senses import senses
from affekt.stream import Stream
from affekt.texts import Floats, Texts
from affekt.transcripts import is_given, line_of, read_transcript, transcript_of
from affekt.watching import FaceEncoder, Watching, looks

READ: tuple[Modality, ...] = ("text", "speech", "face")
Report = Callable[[float], object] | None


class Reader:
    """Reads emotion from text, speech and faces; loads a model when it is first needed, once, and may be used from several threads.

    Args:
        labels: name of the label set that readings speak, one of a chosen model's own too; default "ekman7", or its own where it must.
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
        context: let the turns of a conversation that came before pull at what a turn says.
        fusion: rule by which modalities are fused, or the folder of one that was learned.

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
        transcript: str | Path | None = None,
        language: str | None = None,
        face_rate: float | None = None,
        resting_face: bool | None = None,
        context: bool | None = None,
        fusion: str | Path | None = None,
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
            transcript=None if transcript is None else str(transcript),
            language=language,
            face_rate=face_rate,
            resting_face=resting_face,
            context=context,
            fusion=None if fusion is None else str(fusion),
        )
        self.labels = choose_labels(self.settings)
        self._models = Models(self.settings)
        self.rule = open_fusion(self.settings.fusion, commercial_only=self.settings.commercial_only)
        self._kept: dict[str, Baseline] = {}
        self._report: Report = None

    @property
    def encoder(self) -> OpenEncoder:
        """The text model, loaded when first needed."""
        return self._models.text()

    @property
    def speech_encoder(self) -> SpeechEncoder:
        """The speech model, loaded when first needed."""
        return self._models.speech()

    @property
    def face_encoder(self) -> FaceEncoder:
        """The face model, loaded when first needed."""
        return self._models.face()

    @property
    def voices(self) -> MutableMapping[str, Baseline]:
        """What has been heard of voices with a name; `del reader.voices["Anna"]` erases one."""
        if not self.settings.voices:
            return self._kept
        card = self.speech_encoder.card
        return Voices(Path(self.settings.voices), model=f"{card.name}@{card.revision}")

    def read(
        self,
        source: Any,
        *,
        kind: str | None = None,
        only: Modality | None = None,
        rate: int = RATE,
        who: Sequence[str] = (),
        transcript: str | Path | None = None,
    ) -> Timeline:
        """The timeline of a string, a text file, a conversation, the file of a sound, a video or an image, samples or pixels.

        A text of several sentences gets a reading for each, and one in `fused` for the whole; a conversation gets one a turn,
        speech one an utterance, and a face one a frame. A video is both heard and looked at, and what face, voice and words say of one
        person at one time is fused.

        Args:
            source: a string or path; samples, an array (n,) or (channels, n); or pixels, (height, width, 3) RGB uint8.
            kind: "text" takes the string as it is, even where it looks like a file's name.
            only: "speech" or "face": of a video, only this.
            rate: samples a second, where samples are given.
            who: names of the speakers of a sound, one a microphone; what is learned of their voices goes to `voices`.
            transcript: file that holds what is said in a sound or video, and when: .srt, .vtt or .json.

        Raises:
            InputError: there is nothing to read, or the file cannot be read; the message says what to do.
        """
        scene = self.scene(source, kind=kind, only=only, rate=rate, who=who, transcript=transcript)
        if scene is None:
            return self._texts.timelines([open_source(source, kind=kind)])[0]
        scene.read()
        return scene.timeline()

    def scene(
        self,
        source: Any,
        *,
        kind: str | None = None,
        only: Modality | None = None,
        rate: int = RATE,
        who: Sequence[str] = (),
        transcript: str | Path | None = None,
    ) -> Scene | None:
        """What a source has to hear and to look at, about to be read; None, where it is a text.

        Args:
            source, kind, only, rate, who, transcript: as in `read`.

        Raises:
            InputError: as there.
        """
        listened, looked = senses(source, kind=kind, only=only, said=bool(who or transcript))
        if not listened and not looked:
            return None
        path = transcript_of(source, transcript, setting=self.settings.transcript) if listened else None
        given = None if path is None else read_transcript(path, self._texts.conversation())
        hearing = self.hear(source, rate=rate, who=who, transcribe=given is None) if listened else None
        watching = self.watch(source, mouths=listened) if looked else None
        return Scene(hearing, watching, labels=self.labels, rule=self.rule, transcript=given)

    def hear(
        self,
        source: Any,
        *,
        rate: int = RATE,
        who: Sequence[str] = (),
        transcribe: bool = True,
        later: bool = False,
        paced: Paced = Paced(),  # noqa: B008 (it is frozen)
    ) -> Hearing:
        """A sound that is about to be read: `readings()` gives them one by one, `timeline()` what has been read so far.

        Args:
            source: a path, samples, or an iterable of pieces of samples, say of a socket; None: the microphone.
            rate, who: as in `read`.
            transcribe: False: what is said is not written down, whatever the settings say.
            later: words do not hold up what is heard, see `Hearing`.
            paced: as of `Hearing`.

        Raises:
            InputError: there is no such file, or nothing in it is sound.
            MissingExtra: a library that hears is not installed.
        """
        settings = self.settings
        wanted = transcribe and settings.transcript and not is_given(settings.transcript)
        write = self._models.transcriber().words if wanted else None
        return Hearing(
            open_sound(source, rate=rate),
            self.speech_encoder,
            self.labels,
            names=who,
            voices=self.voices if who else None,
            diariser=None if settings.speakers == 1 else partial(Diariser, speakers=settings.speakers or None),
            transcribe=write,
            read_words=None if write is None else self._texts.conversation(),
            later=later and write is not None,
            paced=paced,
        )

    def watch(self, source: Any = None, *, rate: float | None = None, mouths: bool = False) -> Watching:
        """Pictures that are about to be looked at: `readings()` gives them one by one, `timeline()` what has been seen so far.

        Args:
            source: path of an image or video; pixels; frames, each pixels or seconds and pixels; number of a camera; None: the first.
            rate: frames a second in which faces are read; None: as the setting `face_rate` says.
            mouths: look at mouths as well, more often, which tells who speaks.

        Raises:
            InputError: there is no such file or camera, or nothing in it is a picture.
            MissingExtra: a library that decodes videos is not installed.
        """
        rate = self.settings.face_rate if rate is None else rate
        pictures = open_pictures(source, rate=looks(rate, mouths=mouths))
        return Watching(pictures, self.face_encoder, self.labels, resting=self.settings.resting_face, rate=rate, mouths=mouths)

    def stream(
        self,
        sound: Iterable[Any] | AsyncIterable[Any] | None = None,
        *,
        pictures: Iterable[Any] | AsyncIterable[Any] | None = None,
        words: Iterable[Any] | AsyncIterable[Any] | None = None,
        microphone: bool | str = False,
        camera: int | str | None = None,
        rate: int = RATE,
        who: str | None = None,
        paced: Paced = Paced(),  # noqa: B008 (it is frozen)
    ) -> Stream:
        """Readings while somebody speaks and is seen, see `affekt.stream`; iterate it, `async` or not; its `timeline` is as of `read`.

        Args:
            sound: pieces of samples as they come, each (n,) or bytes of 16-bit samples, or a pair of seconds and one of these.
            pictures: frames as they come, each pixels, or a pair of seconds and pixels.
            words: lines as they are written down elsewhere, each (start, end, text) or (start, end, text, who), in seconds.
            microphone: hear the default one, which is heard as well where nothing is given, or the one of that name.
            camera: number or name of the camera to look through.
            rate: samples a second of `sound`.
            who: the speaker; None: told apart by their voices.
            paced: as of `Hearing`: leaves provisional readings out where there is no time for them.

        Raises:
            InputError: both of a pair are given; when it is iterated: a piece is none, or there is no such microphone or camera.
        """
        if (sound is not None and microphone) or (pictures is not None and camera is not None):
            raise InputError("both of a pair are given; sound is in pieces or of a microphone, pictures are frames or of a camera")
        if words is None and is_given(self.settings.transcript):
            raise InputError(f"the transcript {self.settings.transcript!r} is for read; in a stream words come of a model, or by words=")
        sees = pictures is not None or camera is not None
        hears = sound is not None or bool(microphone) or (not sees and words is None)

        def make(adapt: Callable[[Any], Any]) -> Scene:
            clock = Clock()
            heard = adapt(sound if sound is not None else microphone_pieces(microphone, clock)) if hears else None
            seen = adapt(pictures if pictures is not None else camera_frames(camera, clock)) if sees else None
            return Scene(
                None
                if heard is None
                else self.hear(heard, rate=rate, who=[who] if who else (), transcribe=words is None, later=True, paced=paced),
                None
                if seen is None
                else self.watch(pushed(seen, rate=looks(self.settings.face_rate, mouths=hears), late="skip"), mouths=hears),
                labels=self.labels,
                rule=self.rule,
            )

        return Stream(make, words=words, read=None if words is None else partial(line_of, read=self._texts.conversation()))

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

    async def aread(
        self,
        source: Any,
        *,
        kind: str | None = None,
        only: Modality | None = None,
        rate: int = RATE,
        who: Sequence[str] = (),
        transcript: str | Path | None = None,
    ) -> Timeline:
        """As `read`, without holding up the event loop."""
        return await asyncio.to_thread(self.read, source, kind=kind, only=only, rate=rate, who=who, transcript=transcript)

    async def aread_many(self, texts: Iterable[Any], *, column: str | None = None, whole: bool = False) -> AsyncIterator[Timeline]:
        """As `read_many`, without holding up the event loop."""
        timelines = self.read_many(texts, column=column, whole=whole)
        while (timeline := await asyncio.to_thread(next, timelines, None)) is not None:
            yield timeline

    def read_opened(self, sources: Sequence[Opened], *, whole: bool = False) -> list[Timeline]:
        """One timeline a text that was opened, in order; all go through the model together; `whole` as of `read_many`."""
        return self._texts.timelines(sources, whole=whole)

    def speaking(self, labels: str) -> "Reader":
        """A reader that speaks another label set and shares the models of this one.

        Raises:
            UnknownName: there is no such label set.
        """
        other = copy(self)
        other.settings = self.settings.model_copy(update={"labels": labels})
        other.settings.model_fields_set.add("labels")
        other.labels = choose_labels(other.settings)
        return other

    def sharing(self, *, transcript: str = "", language: str = "", face_rate: float | None = None, report: Report = None) -> "Reader":
        """A reader that shares the models of this one, and keeps what it hears of voices for itself where no folder is set for them.

        Args:
            transcript, language, face_rate: as the settings of these names; "" and None: as this one has them.
            report: is called after each batch of texts with the share of a call that is done, in [0, 1]; what it raises stops the call.
        """
        other, changed = copy(self), {"transcript": transcript, "language": language} if transcript else {}
        other._kept, other._report = {}, report
        other.settings = self.settings.model_copy(update=changed | ({} if face_rate is None else {"face_rate": face_rate}))
        other._models = self._models.under(other.settings) if transcript else self._models
        return other

    def read_texts(self, texts: Sequence[str]) -> list[Reading]:
        """One reading a text, in order; each text as a whole, however long."""
        return self._texts.read([Clip("text", text, 0, len(text), span=(0, len(text))) for text in texts])

    def scores(self, clips: Sequence[Clip]) -> tuple[Floats, Floats | None]:
        """Calibrated scores of clips of text, see `Texts.scores`."""
        return self._texts.scores(clips)

    @property
    def _texts(self) -> Texts:
        return Texts(self.encoder, self.labels, self.settings.batch, self._models.context(), self._report)


def _cell(row: Mapping[str, str], column: str) -> str:
    if column not in row:
        raise NoColumn("a row", column, row)
    return row[column]
