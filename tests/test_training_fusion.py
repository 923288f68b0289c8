"""A rule is learned: from moments or from pairs; noise counts little, and what is saved is what a reader fuses by."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affekt import Reader, catalog
from affekt.encoders._card import read_card
from affekt.errors import InputError
from affekt.fusion import open_fusion
from affekt.fusion._learned import SHIPPED
from affekt.parts import Card, Evidence, Fusion, LabelSet
from fusion_made import FLAT, LABELS, fused, said, sure

# --- learning a rule


@pytest.fixture
def training() -> Any:
    pytest.importorskip("torch", reason="torch is not installed; it comes with the train extra")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed; it comes with the train extra")
    from affekt.training import fusion

    return fusion


def judged(gold: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Calibrated scores, (n, 7), of a model that sees each label in so much noise."""
    seen = rng.normal(size=(len(gold), 7)) + strength * np.eye(7)[gold]
    logs = strength * seen
    odds = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True))


def noise(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.dirichlet([0.5] * 7, size=count)


def some_moments(training: Any, *, count: int = 3000, seed: int = 0) -> Any:
    """What is said tells the label, what is seen tells it as well, and the voice tells nothing."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 7, count)
    scores = {"text": judged(gold, 1.5, rng), "speech": noise(count, rng), "face": judged(gold, 2.0, rng)}
    return training.Moments(scores, {name: np.ones(count) for name in scores}, gold)


def a_card(**given: Any) -> Card:
    return replace(read_card(SHIPPED), name="own", calibration={}, commercial=True, **given)


def saved(training: Any, learned: dict[str, Any], folder: Path, *, slope: float = 1.0, shift: float = 0.0) -> Path:
    deviations = {name: [0.3, 0.3, 0.3] for name in learned["weight"]}
    training.save({"pools": {"ekman7": learned}, "deviations": deviations, "slope": slope, "shift": shift}, a_card(), folder)
    return folder


def test_a_modality_that_is_noise_gets_little_weight_and_those_that_tell_their_own(training: Any, tmp_path: Path) -> None:
    learned = training.learn(some_moments(training), LABELS, rng=np.random.default_rng(0))
    weight = {name: float(np.mean(one)) for name, one in learned["weight"].items()}
    assert weight["speech"] < 0.2 and all(0.8 < weight[name] < 1.3 for name in ("text", "face"))
    assert learned["prior"] == pytest.approx([1 / 7] * 7, abs=0.03) and not learned["silent"]
    rule = open_fusion(str(saved(training, learned, tmp_path)))
    shares = fused(said("text", FLAT), said("speech", FLAT), said("face", FLAT), rule=rule).shares
    assert shares is not None and shares["speech"] < 0.1


def test_what_is_learned_beats_the_mean_on_other_moments(training: Any, tmp_path: Path) -> None:
    learned = training.learn(some_moments(training), LABELS, rng=np.random.default_rng(0))
    rule, other = open_fusion(str(saved(training, learned, tmp_path))), some_moments(training, count=600, seed=1)

    def loss(rule: Fusion) -> tuple[float, float]:
        """Mean negative log likelihood, and how often the likeliest label is not the true one."""
        pooled = np.stack(
            [
                rule.pool([Evidence(name, np.clip(scores[at], 1e-4, 1)) for name, scores in other.scores.items()], LABELS)  # type: ignore[arg-type]
                for at in range(len(other.gold))
            ]
        )
        right = pooled[np.arange(len(other.gold)), other.gold]
        return float(-np.log(right).mean()), float((pooled.argmax(1) != other.gold).mean())

    for rival in ("mean", "vote"):
        assert loss(rule)[0] < 0.8 * loss(open_fusion(rival))[0] and loss(rule)[1] < loss(open_fusion(rival))[1]


def test_a_folder_that_was_saved_is_what_a_reader_fuses_by(training: Any, tmp_path: Path) -> None:
    learned = training.learn(some_moments(training, count=500), LABELS, rng=np.random.default_rng(0))
    reader = Reader(fusion=str(saved(training, learned, tmp_path)), commercial_only=True)
    one = fused(said("text", sure("joy")), said("face", sure("joy")), rule=reader.rule)
    assert one.top and one.top[0] == "joy" and one.model.partition("@")[2] == read_card(tmp_path).revision


def test_a_rule_that_is_learned_anew_in_its_folder_takes_effect(training: Any, tmp_path: Path) -> None:
    readings = said("text", sure("joy", 0.5)), said("face", sure("anger", 0.5))
    learned = training.learn(some_moments(training, count=500), LABELS, rng=np.random.default_rng(0))
    before = fused(*readings, rule=str(saved(training, learned, tmp_path)))
    learned["weight"]["face"] = [0.0] * 7
    after = fused(*readings, rule=str(saved(training, learned, tmp_path)))
    assert after.scores["joy"] > before.scores["joy"] + 0.05


def test_items_are_paired_by_their_label(training: Any) -> None:
    rng = np.random.default_rng(0)
    golds = {"text": rng.integers(0, 5, 300), "face": rng.integers(1, 7, 200)}
    items = {name: training.Items(np.eye(7)[gold], rng.random(len(gold)), gold) for name, gold in golds.items()}
    moments = training.pair(items, count=1000, rng=rng)
    assert set(moments.gold.tolist()) == {1, 2, 3, 4}  # labels that not all have are left out
    assert all((scores.argmax(1) == moments.gold).all() for scores in moments.scores.values())
    assert all(len(clarity) == 1000 for clarity in moments.clarity.values())
    with pytest.raises(InputError, match="no label in common"):
        training.pair({**items, "speech": training.Items(np.eye(7)[[0]], np.ones(1), np.zeros(1, np.int64))}, count=9, rng=rng)


def test_what_was_not_seen_may_be_anything(training: Any) -> None:
    rng, moments = np.random.default_rng(0), some_moments(training, count=1500)
    unseen = rng.random(1500) < 0.3
    clarity = {**moments.clarity, "face": np.where(unseen, 0.0, 1.0)}

    def learned(filling: float) -> dict[str, Any]:
        face = np.where(unseen[:, None], filling, moments.scores["face"])
        given = training.Moments({**moments.scores, "face": face}, clarity, moments.gold)
        found: dict[str, Any] = training.learn(given, LABELS, rng=np.random.default_rng(0))
        assert np.isfinite(training.mismatches(given, np.array(found["prior"]), rng=np.random.default_rng(0))).all()
        return found

    assert learned(float("nan")) == learned(0.5)


def test_a_label_that_no_moment_has_is_known_only_by_who_says_it(training: Any) -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 6, 1500)  # never neutral, which is the last
    scores = {"text": judged(gold, 1.5, rng), "face": judged(gold, 1.5, rng)}
    scores["face"][:, 6] = 1e-6
    learned = training.learn(training.Moments(scores, {name: np.ones(1500) for name in scores}, gold), LABELS, rng=rng)
    assert learned["silent"] == {"face": ["neutral"]} and np.isfinite(learned["prior"]).all()
    assert learned["weight"]["text"][6] == pytest.approx(np.mean(learned["weight"]["text"][:6]), abs=1e-3)
    for one in scores.values():
        one[:, 6] = 1e-6
    nobody = training.learn(training.Moments(scores, {name: np.ones(1500) for name in scores}, gold), LABELS, rng=rng)
    assert np.isfinite(nobody["prior"]).all() and 0 < nobody["prior"][6] < 0.01


def test_moments_that_do_not_fit_are_refused(training: Any) -> None:
    moments = some_moments(training, count=20)
    with pytest.raises(InputError, match="one row"):
        training.Moments(moments.scores, moments.clarity, moments.gold[:5])
    with pytest.raises(InputError, match="modalities are of"):
        training.Moments({"smell": noise(20, np.random.default_rng(0))}, {"smell": np.ones(20)}, moments.gold)
    for wrong in (training.Moments({"text": moments.scores["text"]}, {"text": moments.clarity["text"]}, moments.gold),):
        with pytest.raises(InputError, match="give two modalities"):
            training.learn(wrong, LABELS, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="cannot be learned from"):
        training.learn(moments, catalog.find("labels", "sentiment3"), rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="cannot be learned from"):
        training.learn(moments, LabelSet("seven", LABELS.labels, "multi", "nobody (2026)"), rng=np.random.default_rng(0))


def test_mismatches_are_told_from_matches(training: Any, tmp_path: Path) -> None:
    moments = some_moments(training)
    told = moments.only(["text", "face"])
    learned = training.learn(told, LABELS, rng=np.random.default_rng(0))
    slope, shift = training.mismatches(told, np.array(learned["prior"]), rng=np.random.default_rng(0))
    assert 0.5 < slope < 2 and abs(shift) < 0.5
    rule = open_fusion(str(saved(training, learned, tmp_path, slope=slope, shift=shift)))
    apart = fused(said("text", sure("joy", 0.95)), said("face", sure("anger", 0.95)), rule=rule).disagreement
    alike = fused(said("text", sure("joy", 0.8)), said("face", sure("joy", 0.8)), rule=rule).disagreement
    assert apart is not None and alike is not None and apart > 0.5 > 0.1 > alike


def test_how_far_a_modality_is_from_the_truth_is_measured(training: Any) -> None:
    gold = np.arange(7).repeat(20)
    items = {
        "text": training.Items(np.eye(7)[gold], np.ones(140), gold),
        "face": training.Items(np.full((140, 7), 1 / 7), np.ones(140), gold),
    }
    found = training.deviations(items, LABELS)
    assert found["text"] == [0, 0, 0] and all(0.05 < one < 1 for one in found["face"])


def test_fused_readings_abstain_below_what_is_right_often_enough(training: Any) -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 7, 4000)
    found = training.abstaining(judged(gold, 1.5, rng), gold)
    assert 0 < found.abstain_below < 0.7 and len(found.scale) == 7
