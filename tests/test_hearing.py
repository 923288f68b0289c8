"""From a sound to readings, with a small model of random weights: who, when, and the same live as from a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("av", "torch", "onnx", "safetensors"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the speech or the train extra")

import itertools

import torch

import affekt
from affekt.encoders._card import write_card
from affekt.encoders.speech_affekt import SpeechAffekt
from affekt.errors import EmptyInput, InputError
from affekt.export.speech_onnx import Head, export
from affekt.hearing import Hearing, Listener
from affekt.labels import ekman7, goemotions28, sentiment3
from affekt.parts import Calibration, Card, LabelSet
from affekt.pipeline import Reader
from affekt.preprocessing.personal import Baseline, Population, Voices, nothing_heard, population_of
from affekt.preprocessing.speech import LIKELY, PAUSE, Utterance
from affekt.results import Timeline
from affekt.sources.audio import RATE, Audio, audio_of, open_audio
from affekt.training.speech_encoder import SpeechEncoder

SPEECH = Path(affekt.__file__).parent / "samples" / "train.ogg"
LABELS = ekman7.PART


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SpeechAffekt:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    ones = np.ones(256, np.float32)
    population = Population(0 * ones, 0.1 * ones, ones)
    head = Head("ekman7", rng.normal(size=(256, 7)).astype(np.float32) / 4, np.zeros(7, np.float32), population)
    export(SpeechEncoder(width=128, layers=1, heads=2).eval(), head, folder)
    plain = Calibration((1.0,) * 7, (0.0,) * 7)
    write_card(Card("speech_tiny", "00000000", "speech", ("en",), {"weights": "none"}, True, {"ekman7": plain}, {}), folder)
    return SpeechAffekt(folder, 1)


def hear(audio: Audio, encoder: SpeechAffekt, labels: LabelSet, **given: Any) -> Timeline:
    hearing = Hearing(audio, encoder, labels, **given)
    for _ in hearing.readings():
        pass
    return hearing.timeline()


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    sound = np.concatenate(list(open_audio(SPEECH).blocks()), axis=1)[0]
    return np.concatenate([sound, np.zeros(RATE, np.float32), 0.5 * sound, np.zeros(RATE, np.float32)])


def test_a_sound_becomes_a_timeline_in_seconds(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    timeline = hear(audio_of(samples), encoder, LABELS)
    assert timeline.unit == "seconds" and timeline.duration == pytest.approx(len(samples) / RATE, abs=0.05)
    assert len(timeline) >= 2 and all(one.modality == "speech" and one.who is None for one in timeline)
    assert all(one.valence is not None and -1 <= one.valence <= 1 for one in timeline)
    heard = [one.heard for one in timeline]
    assert heard[0] == 0 and all(a < b for a, b in itertools.pairwise(heard))


def test_live_gives_what_the_file_gives(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    whole = hear(audio_of(samples), encoder, LABELS).readings
    listener = Listener(encoder, LABELS)
    live, provisional = [], []
    for begin in range(0, len(samples), 1600):
        live += listener.push(samples[begin : begin + 1600])
        provisional.append(listener.provisional())
    live += listener.flush()
    assert tuple(one.reading for one in live) == whole
    said = [one for one in provisional if one is not None]
    assert said and all(one.provisional for one in said) and provisional[0] is None and all(one.end <= whole[-1].end + 0.5 for one in said)


def test_two_microphones_are_two_people_and_one_recording_in_stereo_is_not(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    silence = np.zeros_like(samples)
    call = np.stack([np.concatenate([samples, silence]), np.concatenate([silence, samples])])
    timeline = hear(audio_of(call), encoder, LABELS)
    assert timeline.people == ("channel 1", "channel 2")
    second = timeline.by("channel 2").readings[0]
    assert second.start > len(samples) / RATE - 0.2 and second.heard == 0
    for sign in (1, -1):
        mixed = hear(audio_of(np.stack([samples, sign * samples])), encoder, LABELS)
        assert mixed.people == () and len(mixed) == len(hear(audio_of(samples), encoder, LABELS))


def test_a_voice_is_known_by_name_and_what_is_learned_is_kept(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    voices: dict[str, Baseline] = {}
    first = hear(audio_of(samples), encoder, LABELS, names=["Anna"], voices=voices)
    assert first.people == ("Anna",) and voices["Anna"].heard > 0
    again = hear(audio_of(samples), encoder, LABELS, names=["Anna"], voices=voices)
    assert again.readings[0].heard == pytest.approx(first.readings[-1].heard or 0, abs=1.1) and again.readings[0].heard
    with pytest.raises(InputError, match="2 names for 1 microphones"):
        hear(audio_of(samples), encoder, LABELS, names=["Anna", "Ben"])
    told = hear(audio_of(samples), encoder, sentiment3.PART, names=["Anna"], voices=(other := {}))
    assert told.people == ("Anna",) and other["Anna"].heard == pytest.approx(first.readings[-1].heard or 0, abs=1.1)


def test_what_was_heard_before_changes_the_reading(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    known = Baseline(rng.normal(size=256).astype(np.float32), 40)
    before = hear(audio_of(samples), encoder, LABELS).readings[0]
    after = Listener(encoder, LABELS, who="Anna", voices={"Anna": known}).push(samples)[0].reading
    assert after.heard == 40 and after.scores != before.scores


def test_silence_is_no_emotion_and_a_whisper_is_not_judged(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    with pytest.raises(EmptyInput, match="no speech found"):
        hear(audio_of(np.zeros(5 * RATE)), encoder, LABELS)
    faint = hear(audio_of(samples * 0.01), encoder, LABELS)
    assert all(one.abstained and "too quiet" in (one.reason or "") for one in faint if one.start < 7)


def test_too_loud_is_said(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    timeline = hear(audio_of(np.clip(samples * 50, -1, 1)), encoder, LABELS)
    assert any("clipped" in warning for warning in timeline.warnings)


def test_a_coarser_set_is_told_and_a_finer_one_refused(encoder: SpeechAffekt, samples: np.ndarray) -> None:
    timeline = hear(audio_of(samples), encoder, sentiment3.PART)
    assert set(timeline.readings[0].scores) == {"negative", "neutral", "positive"}
    with pytest.raises(InputError, match="does not speak"):
        hear(audio_of(samples), encoder, goemotions28.PART)


# --- the personal baseline


def test_a_baseline_is_the_mean_shrunk_to_the_population(tmp_path: Path) -> None:
    population = Population(np.zeros(2, np.float32), np.array([1, 4], np.float32), np.array([3, 4], np.float32))
    voice = nothing_heard(population)
    assert voice.shrunk(population).tolist() == [0, 0]
    for value in (1, 2, 3):
        voice = voice.hear(np.full(2, value, np.float32))
    assert voice.mean == pytest.approx([2, 2]) and voice.heard == 3
    assert voice.shrunk(population) == pytest.approx([2 * 1 / (1 + 3 / 3), 2 * 4 / (4 + 4 / 3)])
    voice.save(tmp_path / "anna.npz", model="speech_tiny@00000000")
    again = Baseline.load(tmp_path / "anna.npz", model="speech_tiny@00000000")
    assert again.heard == 3 and np.array_equal(again.mean, voice.mean)
    (tmp_path / "bad.npz").write_text("no")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "short.npz").write_bytes((tmp_path / "anna.npz").read_bytes()[:100])
    for name in ("bad.npz", "absent.npz", "empty.npz", "short.npz"):
        with pytest.raises(InputError, match="no personal baseline"):
            Baseline.load(tmp_path / name, model="speech_tiny@00000000")
    with pytest.raises(InputError, match="of speech_tiny@00000000"):
        Baseline.load(tmp_path / "anna.npz", model="speech_tiny@00000001")


def test_who_is_angry_all_along_does_not_become_the_new_neutral() -> None:
    emotions = np.array([[2, 0], [-2, 0]], np.float32)
    population = Population(*np.ones((3, 2), np.float32), emotions)
    angry = nothing_heard(population)
    for _ in range(40):
        angry = angry.hear(np.array([5, 1], np.float32), np.array([1, 0], np.float32))
    known = 1 / (1 + 1 / 40)  # what is left of a difference from the population
    assert angry.heard == 40 and angry.shrunk(population) == pytest.approx([1 + known * (5 - 2 - 1), 1])
    mixed = nothing_heard(population)
    for at in range(40):
        mixed = mixed.hear(np.array([5, 1], np.float32), np.eye(2, dtype=np.float32)[at % 2])
    assert mixed.shrunk(population) == pytest.approx([1 + known * 4, 1])  # as emotions cancel, the rest is the voice


def test_a_baseline_keeps_what_it_heard_of_emotions(tmp_path: Path) -> None:
    known = Baseline(np.zeros(2, np.float32)).hear(np.ones(2, np.float32), np.array([1, 0], np.float32))
    known.save(tmp_path / "anna.npz", model="m@1")
    again = Baseline.load(tmp_path / "anna.npz", model="m@1")
    assert again.scores is not None and again.scores.tolist() == [1, 0]
    assert again.hear(np.ones(2, np.float32), np.array([0, 1], np.float32)).scores == pytest.approx([0.5, 0.5])
    assert again.hear(np.ones(2, np.float32)).scores is None  # of one utterance it is not known


def test_voices_are_kept_by_name_and_erased(tmp_path: Path) -> None:
    voices = Voices(tmp_path / "voices", model="speech_tiny@00000000")
    assert not voices and "Anna" not in voices
    voices["Anna / Zürich"] = Baseline(np.ones(2, np.float32), 3)
    assert list(voices) == ["Anna / Zürich"] and voices["Anna / Zürich"].heard == 3
    del voices["Anna / Zürich"]
    assert not len(voices) and not list((tmp_path / "voices").iterdir())
    with pytest.raises(KeyError):
        del voices["Ben"]


def test_the_population_tells_between_speakers_from_within() -> None:
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(200), 20).astype(str)
    means = rng.normal(size=(200, 1)) * 2
    features = (np.repeat(means, 20, axis=0) + rng.normal(size=(4000, 1)) * 3 + 5).astype(np.float32)
    found = population_of(features, speakers)
    assert (
        found.mean == pytest.approx([5], abs=0.5)
        and found.within == pytest.approx([9], rel=0.1)
        and found.between == pytest.approx([4], rel=0.3)
    )


def test_what_is_foreseen_in_a_pause_is_what_is_read_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream judges an utterance while the pause behind it lasts, and gives what the file gives."""
    samples = np.concatenate([*open_audio(SPEECH).blocks()], axis=1)[0]
    sound = np.concatenate([samples, np.zeros(RATE, np.float32)])
    reader = Reader(threads=1)
    whole = list(reader.hear(sound).readings())
    judged, judge = [], Listener._judge

    def counted(self: Listener, utterance: Utterance, who: str | None) -> object:
        judged.append((self.segmenter.quiet, utterance.final))
        return judge(self, utterance, who)

    monkeypatch.setattr(Listener, "_judge", counted)
    pieces = (sound[at : at + 640] for at in range(0, len(sound), 640))
    live = [one for one in reader.hear(pieces).readings(provisional=True) if not one.provisional]
    assert live == whole
    finals = [quiet for quiet, final in judged if final]
    assert len(finals) >= len(whole) and all(LIKELY <= quiet < PAUSE for quiet in finals)  # none at the end of a pause
