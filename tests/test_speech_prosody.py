"""What the classic speech baseline promises."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affekt.calibration.apply import probabilities
from affekt.encoders import speech_prosody
from affekt.encoders._card import read_card, revision_of, write_card
from affekt.encoders.speech_prosody import NEVER, SpeechProsody, against, features_of
from affekt.errors import InputError, MissingExtra, WeightsError
from affekt.labels import ekman7, goemotions28
from affekt.parts import LabelSet, SpeechCorpus
from affekt.preprocessing.personal import Baseline
from affekt.results import Clip
from affekt.sources.audio import RATE

LABELS = ekman7.PART
SETS = ["ekman7"]


def _voice(hertz: float, *, loud: float = 0.3, seconds: float = 0.8, seed: int = 0) -> np.ndarray:
    """Something like a vowel: a pitch with overtones, syllables, and breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hertz * over * time) / over for over in range(1, 8))
    return (loud * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)) + 0.005 * rng.normal(size=len(time))).astype(np.float32)


def _clips(sounds: Sequence[np.ndarray]) -> list[Clip]:
    return [Clip("speech", sound, 0, len(sound) / RATE) for sound in sounds]


# --- pitch, loudness, timbre, tempo


@pytest.fixture
def librosa() -> None:
    pytest.importorskip("librosa", reason="librosa is not installed: pip install 'affekt[baselines]'")


def test_features_are_finite_and_repeatable_whatever_is_heard(librosa: None) -> None:
    rng = np.random.default_rng(0)
    sounds = [
        np.zeros(RATE),
        rng.normal(size=RATE),
        np.ones(RATE),
        _voice(200),
        np.zeros(0),
        0.1 * rng.normal(size=7),
        _voice(90, seconds=31),
    ]
    for sound in sounds:
        found = features_of(sound.astype(np.float32))
        assert found.shape == (241,) and found.dtype == np.float32 and np.isfinite(found).all()
        assert np.array_equal(found, features_of(sound.astype(np.float32)))


def test_what_is_after_half_a_minute_is_left_out(librosa: None) -> None:
    long = _voice(90, seconds=31)
    assert np.array_equal(features_of(long), features_of(long[: 30 * RATE]))


def test_pitch_is_heard_as_pitch_and_loudness_as_loudness(librosa: None) -> None:
    low, high, loud = features_of(_voice(110)), features_of(_voice(220)), features_of(_voice(110, loud=0.6))
    contours = 2 * 20 + 6  # cepstra, their changes, and six more, of which energy is the last; five statistics of each
    pitch = 5 * contours
    assert high[pitch] - low[pitch] == pytest.approx(12, abs=0.2) and low[pitch] == pytest.approx(12 * np.log2(1.1), abs=0.2)
    assert loud[contours - 1] - low[contours - 1] == pytest.approx(6.02, abs=0.1)
    assert loud[pitch] == pytest.approx(low[pitch], abs=0.05)


def test_the_baseline_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_prosody, "import_module", lambda _: (_ for _ in ()).throw(ImportError()))
    with pytest.raises(MissingExtra, match=r"librosa.*affekt\[baselines\]"):
        features_of(_voice(100))


# --- the support vector machine


def _training() -> Any:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'affekt[train]'")
    from affekt.training import speech_prosody as training

    return training


def _numbers(classes: int, *, n: int = 120, width: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and speakers of a made-up corpus."""
    rng = np.random.default_rng(classes)
    labels, speakers = np.arange(n) % classes, np.array([f"s{at // classes % 6}" for at in range(n)])
    features = (
        rng.normal(size=(n, width))
        + 1.5 * rng.normal(size=(classes, width))[labels]
        + rng.normal(size=(6, width))[np.arange(n) // classes % 6]
    )
    return features.astype(np.float32), labels, speakers


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_machine_says_what_scikit_learn_says(classes: int) -> None:
    training = _training()
    features, labels, speakers = _numbers(classes)
    names = LABELS if classes < 7 else LabelSet("seven", tuple("abcdefg"), "single", "Nobody (2025)")
    settings = training.Settings(strengths=(1.0,), gammas=(0.3, 1.0), draws=1)
    fitted = training.fit(features, labels, speakers, names=names, settings=settings, report=lambda _: None)
    x = against(features, fitted.population.mean, fitted.population)
    machine = fitted.machine()
    theirs = fitted.model.decision_function(x)
    ours = machine.pairs(x)
    assert np.abs(ours - (theirs if classes > 2 else -theirs[:, None])).max() < 1e-4
    raw = machine.raw(x)
    assert (raw.argmax(1) == fitted.model.predict(x)).mean() > 0.9 and np.abs(raw[:, :classes]).max() <= 1
    assert (raw[:, classes:] == NEVER).all()
    assert fitted.strength == 1.0 and fitted.gamma in (0.3, 1.0)


def test_too_few_speakers_or_labels_cannot_be_learnt_from() -> None:
    training = _training()
    features, labels, speakers = _numbers(3)
    settings = training.Settings(strengths=(1.0,), gammas=(1.0,))

    def fit(labels: np.ndarray, speakers: np.ndarray, names: LabelSet = LABELS) -> Any:
        return training.fit(features, labels, speakers, names=names, settings=settings, report=lambda _: None)

    with pytest.raises(InputError, match="2 speakers for 3 folds"):
        fit(labels, np.array(["a", "b"] * 60))
    with pytest.raises(InputError, match="one and the same label"):
        fit(0 * labels, speakers)
    with pytest.raises(InputError, match="goemotions28 is multi"):
        fit(labels, speakers, goemotions28.PART)


# --- the baseline's folder

CORPUS = SpeechCorpus("tiny", "Nobody (2025)", "CC0", "ship", ("de", "en"), ("train",), lambda folder, split: iter(()))


@pytest.fixture(scope="module")
def told() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Sounds whose pitch, as it differs from the speaker's own, gives the label away; labels and speakers."""
    sounds, labels, speakers = [], [], []
    for speaker, usual in enumerate((100, 130, 170, 220, 260)):
        for label, higher in ((3, 1.3), (6, 1.0), (4, 0.8)):
            for again in range(3):
                sounds.append(_voice(usual * higher * (1 + 0.01 * again), seconds=0.4, seed=again))
                labels.append(label)
                speakers.append(f"s{speaker}")
    return sounds, np.array(labels), np.array(speakers)


@pytest.fixture(scope="module")
def folder(told: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("librosa", reason="librosa is not installed: pip install 'affekt[baselines]'")
    training = _training()
    sounds, labels, speakers = told
    settings = training.Settings(strengths=(10.0,), gammas=(0.3,))
    features = np.stack([features_of(sound) for sound in sounds])
    fitted = training.fit(features, labels, speakers, names=LABELS, settings=settings, report=lambda _: None)
    return training.save(fitted, tmp_path_factory.mktemp("prosody"), corpora=[CORPUS], facts={"recordings": len(sounds)})


@pytest.fixture
def prosody(folder: Path) -> SpeechProsody:
    return speech_prosody.load(folder, 1)


def test_a_baseline_learns_a_pitch_that_is_unusual_for_the_voice(prosody: SpeechProsody, told: Any) -> None:
    sounds, labels, speakers = told
    right = []
    for speaker in sorted(set(speakers)):
        features = np.stack([prosody.hear(sounds[at], labels=SETS)[0] for at in np.flatnonzero(speakers == speaker)])
        voice = Baseline(features.mean(0), float(len(features)))
        for at in np.flatnonzero(speakers == speaker):
            right.append(prosody.hear(sounds[at], labels=SETS, baseline=voice)[1]["ekman7"].argmax() == labels[at])
    assert np.mean(right) > 0.9


def test_the_baseline_says_the_same_in_a_batch_alone_and_again(prosody: SpeechProsody, told: Any) -> None:
    sounds = told[0][:6]
    raw = prosody(_clips(sounds), labels=SETS)["ekman7"]
    assert raw.shape == (6, 7) and raw.dtype == np.float32 and np.isfinite(raw).all()
    assert np.array_equal(raw, np.stack([prosody.hear(sound, labels=SETS)[1]["ekman7"] for sound in sounds]))
    assert np.array_equal(raw, prosody(_clips(sounds), labels=SETS)["ekman7"])
    assert prosody([], labels=SETS)["ekman7"].shape == (0, 7)
    scores = probabilities(raw, LABELS, prosody.card.calibration["ekman7"])
    assert scores.sum(1) == pytest.approx(np.ones(6)) and scores[:, [0, 1, 2, 5]].max() < 1e-3  # labels without a recording


def test_nothing_heard_is_the_population(prosody: SpeechProsody, told: Any) -> None:
    sound, population = told[0][0], prosody.population
    features, alone = prosody.hear(sound, labels=SETS)
    assert features.shape == population.mean.shape
    nobody = prosody.hear(sound, labels=SETS, baseline=Baseline(population.mean))[1]
    known = prosody.hear(sound, labels=SETS, baseline=Baseline(features, 40.0))[1]
    assert np.array_equal(alone["ekman7"], nobody["ekman7"]) and not np.array_equal(alone["ekman7"], known["ekman7"])


def test_the_baselines_card_says_what_it_may_be_used_for(prosody: SpeechProsody, folder: Path, told: Any, tmp_path: Path) -> None:
    card = read_card(folder)
    assert card == prosody.card and card.commercial and card.languages == ("de", "en") and card.facts["recordings"] == 45
    assert card.revision == revision_of(folder / "weights.npz") and card.facts["family"] == "speech_prosody"
    training = _training()
    features, labels, speakers = _numbers(3)
    settings = training.Settings(strengths=(1.0,), gammas=(1.0,))
    fitted = training.fit(features, labels, speakers, names=LABELS, settings=settings, report=lambda _: None)
    other = training.save(fitted, tmp_path, corpora=[CORPUS, replace(CORPUS, name="paid", use="nc", licence="CC BY-NC 4.0")], facts={})
    assert not read_card(other).commercial and read_card(other).licence["data"] == "tiny CC0; paid CC BY-NC 4.0"


def test_another_label_set_is_refused(prosody: SpeechProsody, told: Any) -> None:
    for ask in (lambda: prosody(_clips(told[0][:1]), labels=["vad"]), lambda: prosody.hear(told[0][0], labels=["vad"])):
        with pytest.raises(InputError, match="speech_prosody does not speak 'vad'; it speaks: ekman7"):
            ask()


def test_weights_that_are_absent_broken_or_pickled_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="speech_prosody comes without weights"):
        speech_prosody.load(None, 1)
    card = read_card(folder)
    write_card(card, tmp_path)
    with pytest.raises(WeightsError, match=r"no weights\.npz"):
        speech_prosody.load(tmp_path, 1)
    for broken in ({"mean": np.array([object()], dtype=object)}, {"mean": np.zeros(3)}):
        np.savez(tmp_path / "weights.npz", **broken)
        write_card(replace(card, revision=revision_of(tmp_path / "weights.npz")), tmp_path)
        with pytest.raises(WeightsError, match="is broken"):
            speech_prosody.load(tmp_path, 1)
