"""Several modalities become one answer: what is unclear counts little, who disagrees is told, and nothing gets surer for nothing."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affekt import Reader, catalog
from affekt.encoders._card import read_card, write_card
from affekt.errors import BadResult, InputError, LicenceRefused, UnknownName, WeightsError
from affekt.fusion import fuse, open_fusion
from affekt.fusion._learned import MISMATCHED, SHIPPED, of
from affekt.labels import ekman7, vad
from affekt.parts import Card, Evidence, Fusion, LabelSet
from affekt.results import Reading

RULES = catalog.names("fusion")
WEIGHING = [name for name in RULES if name != "vote"]  # in a vote all count the same
LABELS = ekman7.PART
MODALITIES = ("text", "speech", "face")


def sure(label: str, score: float = 0.9) -> list[float]:
    """Of one label of ekman7; what is left is of the others, evenly."""
    return [score if name == label else (1 - score) / 6 for name in LABELS.labels]


FLAT = [1 / 7] * 7


def said(modality: str, scores: Sequence[float], labels: LabelSet = LABELS, **given: Any) -> Reading:
    told = dict(zip(labels.labels, map(float, scores), strict=True)) if labels.kind != "dimensions" else {}
    return Reading(modality, labels.name, told, 1.0, 2.0, "m@1", single=labels.kind == "single", **given)  # type: ignore[arg-type]


def fused(*readings: Reading, rule: str | Fusion = "log_linear", labels: LabelSet = LABELS) -> Reading:
    return fuse(readings, labels, rule=open_fusion(rule) if isinstance(rule, str) else rule)


# --- clarity


@pytest.mark.parametrize("rule", RULES)
def test_what_cannot_be_judged_takes_no_part(rule: str) -> None:
    clear = said("speech", sure("anger"), clarity=0.4, present=("anger",), valence=-0.5, arousal=0.4, dominance=0.1)
    blurred = replace(said("face", sure("joy")), clarity=0.0, abstained=True, reason="face blurred", start=0.5, valence=0.9)
    one = fused(clear, blurred, rule=rule)
    assert one.scores == clear.scores and one.shares == {"speech": 1.0} and one.clarity == 0.4 and one.disagreement is None
    assert (one.valence, one.arousal, one.dominance) == (-0.5, 0.4, 0.1) and not one.abstained and one.present == ("anger",)
    assert (one.start, one.end) == (0.5, 2.0)


@pytest.mark.parametrize("rule", RULES)
def test_where_nothing_can_be_judged_the_whole_abstains_and_says_why(rule: str) -> None:
    one = fused(
        said("speech", sure("anger"), clarity=0.0, abstained=True, reason="too quiet: -60 dB of full scale"),
        said("face", sure("joy"), clarity=0.0, abstained=True, reason="face blurred"),
        rule=rule,
    )
    assert one.abstained and one.reason == "speech: too quiet: -60 dB of full scale; face: face blurred" and one.clarity == 0
    assert sum(one.scores.values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("rule", WEIGHING)
def test_the_less_clear_a_modality_is_the_less_it_pulls(rule: str) -> None:
    for clear, other in (("anger", "joy"), ("neutral", "sadness"), ("fear", "neutral")):
        steps = [
            fused(said("text", sure(clear, 0.8), clarity=1.0), said("speech", sure(other, 0.8), clarity=clarity), rule=rule)
            for clarity in (1.0, 0.75, 0.5, 0.25, 0.1, 0.01)
        ]
        pulled, shares = [one.scores[other] for one in steps], [one.shares["speech"] for one in steps if one.shares]
        assert np.diff(pulled).max() < 0 and np.diff(shares).max() < 0
        assert pulled[-1] == pytest.approx((1 - 0.8) / 6, abs=0.03) and steps[-1].scores[clear] == pytest.approx(0.8, abs=0.05)
        assert [one.disagreement for one in steps] == sorted((one.disagreement for one in steps), reverse=True)  # type: ignore[type-var]


# --- label sets that nothing was learned of


UNLEARNED = [name for name in catalog.names("labels") if name not in ("ekman7", "sentiment3", "vad")]


def scores_of(labels: LabelSet, rng: np.random.Generator) -> list[float]:
    if labels.kind == "multi":
        return np.round(rng.random(len(labels.labels)) ** 3, 4).tolist()
    drawn = rng.dirichlet([0.3] * len(labels.labels))
    return drawn.tolist()


@pytest.mark.parametrize("name", UNLEARNED)
@pytest.mark.parametrize("rule", WEIGHING)
def test_of_labels_that_nothing_was_learned_of_nothing_gets_surer_than_the_surest(name: str, rule: str) -> None:
    labels, rng = catalog.find("labels", name), np.random.default_rng(0)
    for count in (2, 3) * 40:
        readings = [
            said(modality, scores_of(labels, rng), labels, clarity=round(float(rng.uniform(0.1, 1)), 2)) for modality in MODALITIES[:count]
        ]
        one = fused(*readings, rule=rule, labels=labels)
        for label in labels.labels if labels.kind == "multi" else ():
            each = [reading.scores[label] for reading in readings]
            assert min(each) - 1e-3 <= one.scores[label] <= max(each) + 1e-3
        assert one.confidence <= max(reading.confidence for reading in readings) + 1e-3


def test_of_several_labels_those_that_reach_a_half_are_present() -> None:
    labels = catalog.find("labels", "plutchik8")
    a, b = ([0.9 if label in names else 0.05 for label in labels.labels] for names in (("joy", "trust"), ("joy",)))
    one = fused(said("text", a, labels), said("face", b, labels), labels=labels)
    assert "joy" in one.present and not one.single and one.disagreement is None and not one.abstained
    none = fused(said("text", [0.05] * 8, labels), said("face", [0.05] * 8, labels), labels=labels)
    assert none.present == () and none.abstained == (labels.none is None)


def test_where_there_are_dimensions_alone_they_are_fused() -> None:
    a = said("text", [], vad.PART, valence=0.6, arousal=0.2, dominance=0.0)
    b = said("face", [], vad.PART, valence=0.2, arousal=0.2, dominance=0.0)
    for rule in RULES:
        one = fused(a, b, rule=rule, labels=vad.PART)
        assert one.scores == {} and one.top is None and one.disagreement is None and not one.abstained
        assert one.valence is not None and 0.2 < one.valence < 0.6 and one.arousal == pytest.approx(0.2) and one.spread is not None


@pytest.mark.parametrize("rule", RULES)
def test_whatever_is_fused_is_a_valid_reading(rule: str) -> None:
    rng = np.random.default_rng(0)
    long = LabelSet("long", tuple(f"label {at}" for at in range(24)), "single", "nobody (2026)")
    for labels in (LABELS, catalog.find("labels", "sentiment3"), catalog.find("labels", "goemotions28"), long):
        for _ in range(40):
            hard = np.eye(len(labels.labels))[rng.integers(len(labels.labels))]  # a model may be wholly sure
            soft = [hard.tolist() if rng.random() < 0.5 else scores_of(labels, rng) for _ in MODALITIES]
            clarity = rng.choice([0.0, 0.01, 0.5, 1.0], 3)
            one = fused(
                *(
                    said(modality, scores, labels, clarity=float(clear))
                    for modality, scores, clear in zip(MODALITIES, soft, clarity, strict=True)
                ),
                rule=rule,
                labels=labels,
            )
            assert all(0 <= score <= 1 for score in one.scores.values()) and sum((one.shares or {}).values()) == pytest.approx(1, abs=1e-3)
            assert labels.kind == "multi" or sum(one.scores.values()) == pytest.approx(1, abs=1e-3)


# --- who disagrees


@pytest.mark.parametrize("rule", RULES)
def test_who_shows_different_emotions_surely_disagrees_and_who_shows_the_same_does_not(rule: str) -> None:
    apart = fused(said("text", sure("joy")), said("speech", sure("anger")), rule=rule)
    alike = fused(said("text", sure("anger")), said("speech", sure("anger")), rule=rule)
    assert apart.disagreement is not None and alike.disagreement is not None
    assert apart.disagreement > 0.7 and alike.disagreement < 0.07 and apart.between == ("text", "speech")


@pytest.mark.parametrize("rule", RULES)
def test_who_says_nothing_disagrees_as_often_as_anybody_does(rule: str) -> None:
    prior = of(open_fusion(rule)).pools["ekman7"].prior  # who says how frequent each label is says nothing
    usual = (prior / prior.sum()).tolist()
    one = fused(said("text", usual), said("speech", usual), rule=rule)
    unclear = fused(said("text", sure("joy"), clarity=0.02), said("speech", sure("anger"), clarity=0.02), rule=rule)
    for known in (one.disagreement, unclear.disagreement):
        assert known == pytest.approx(MISMATCHED, abs=0.03)
    flat = fused(said("text", FLAT), said("speech", FLAT), rule=rule)
    assert flat.disagreement is not None and 0.05 < flat.disagreement < 0.3


def test_disagreement_is_the_same_from_either_side_and_of_the_two_that_disagree_most() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = scores_of(LABELS, rng), scores_of(LABELS, rng)
        known = [fused(said("speech", one), said("face", other)).disagreement for one, other in ((a, b), (b, a))]
        assert known[0] == pytest.approx(known[1], abs=1e-3)
    three = fused(said("text", sure("joy")), said("speech", sure("joy")), said("face", sure("sadness")))
    assert three.between is not None and "face" in three.between
    pairs = [
        fused(said(x, sure("sadness" if x == "face" else "joy")), said(y, sure("sadness" if y == "face" else "joy"))).disagreement
        for x, y in (("text", "speech"), ("text", "face"), ("speech", "face"))
    ]
    assert three.disagreement == max(pairs)  # type: ignore[type-var]


# --- dimensions


def felt(modality: str, valence: float, **given: Any) -> Reading:
    return said(modality, FLAT, valence=valence, arousal=0.0, dominance=0.0, **given)


def test_dimensions_are_weighted_by_how_precise_each_modality_is() -> None:
    one = fused(felt("text", -0.4), felt("face", 0.4))
    assert one.valence is not None and one.valence > 0.1  # the shipped face model is the more precise one
    unclear = fused(felt("text", -0.4), felt("face", 0.4, clarity=0.05))
    assert unclear.valence is not None and unclear.valence < -0.2
    only = fused(felt("text", -0.4), said("face", FLAT))
    assert only.valence == pytest.approx(-0.4)


def test_the_spread_shrinks_where_modalities_agree_and_grows_where_they_do_not() -> None:
    alone = fused(felt("text", 0.2)).spread
    agree, near, far = (fused(felt("text", valence), felt("speech", 0.2)).spread for valence in (0.2, -0.3, -0.9))
    assert alone and agree and near and far
    assert agree[0] < alone[0] and agree[0] <= near[0] < far[0] and far[0] > 0.5
    assert agree[1] == far[1]  # of arousal they agree all along
    unclear = fused(felt("text", 0.2, clarity=0.25)).spread
    assert unclear and unclear[0] == pytest.approx(2 * alone[0], abs=1e-3)


# --- what cannot be fused


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(BadResult, match="nothing to fuse"):
        fused()
    with pytest.raises(BadResult, match="one a modality"):
        fused(said("text", FLAT), said("text", FLAT))
    with pytest.raises(BadResult, match="sentiment3 to fuse in ekman7"):
        fused(said("text", FLAT), said("face", [0.2, 0.3, 0.5], catalog.find("labels", "sentiment3")))


def test_who_and_what_is_known_of_one_is_known_of_the_whole() -> None:
    one = fused(said("text", FLAT, span=(3, 9), provisional=True), said("speech", FLAT, who="Anna", heard=4))
    assert (one.who, one.span, one.heard, one.provisional, one.modality) == ("Anna", (3, 9), 4, True, "fused")
    assert one.model.startswith("log_linear@") and fused(said("text", FLAT), rule="mean").model == "mean"


# --- which rule


def test_an_unknown_rule_is_refused_and_the_rules_are_named() -> None:
    with pytest.raises(UnknownName, match=r"no 'median' in fusion/, nor a folder.*log_linear, log_linear_free, mean, vote"):
        open_fusion("median")
    with pytest.raises(UnknownName):
        Reader(fusion="median")


def copied(folder: Path, **changed: Any) -> Path:
    """The shipped rule in another folder. Args: changed: fields of its card."""
    (folder / "pool.json").write_bytes((SHIPPED / "pool.json").read_bytes())
    write_card(replace(read_card(SHIPPED), **changed), folder)
    return folder


def test_a_folder_is_a_rule(tmp_path: Path) -> None:
    readings = (said("text", sure("joy")), said("face", sure("neutral", 0.5)))
    assert fused(*readings, rule=str(copied(tmp_path))) == fused(*readings, rule="log_linear")


def test_a_licence_is_kept_and_the_free_sibling_steps_in(tmp_path: Path) -> None:
    assert not read_card(SHIPPED).commercial
    assert open_fusion("log_linear", commercial_only=True).name == "log_linear_free"
    assert Reader(commercial_only=True).rule.name == "log_linear_free" and Reader().rule.name == "log_linear"
    plain = open_fusion("mean", commercial_only=True)
    assert plain.name == "mean" and of(plain).deviations == of(open_fusion("log_linear_free")).deviations  # nor does it borrow
    assert of(open_fusion("mean")).deviations == of(open_fusion("log_linear")).deviations
    with pytest.raises(LicenceRefused, match="not for commercial use"):
        open_fusion(str(copied(tmp_path)), commercial_only=True)
    copied(tmp_path, commercial=True)
    assert open_fusion(str(tmp_path), commercial_only=True).folder == tmp_path
    card = read_card(open_fusion("log_linear_free").folder)  # type: ignore[arg-type]
    assert card.commercial


def spoilt(folder: Path, spoil: Any) -> Path:
    """The shipped rule with other numbers, and a card that fits them."""
    from affekt.encoders._card import revision_of

    given = json.loads((SHIPPED / "pool.json").read_text())
    (folder / "pool.json").write_text(json.dumps(spoil(given)))
    write_card(replace(read_card(SHIPPED), revision=revision_of(folder / "pool.json")), folder)
    return folder


def without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


def shorter(given: dict[str, Any]) -> dict[str, Any]:
    given["pools"]["ekman7"]["weight"]["text"].pop()
    return given


def silenced(given: dict[str, Any]) -> dict[str, Any]:
    given["pools"]["ekman7"]["silent"] = {"text": ["boredom"]}
    return given


@pytest.mark.parametrize(
    "spoil",
    [
        lambda given: [],
        lambda given: without(given, "slope"),
        lambda given: {**given, "deviations": {"text": [0.1]}},
        lambda given: {**given, "pools": {"ekman8": given["pools"]["ekman7"]}},
        shorter,
        silenced,
    ],
    ids=["a list", "no slope", "too few deviations", "unknown labels", "too few weights", "unknown silent label"],
)
def test_a_broken_rule_is_said_to_be_when_it_is_opened(spoil: Any, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no fusion"):
        open_fusion(str(spoilt(tmp_path, spoil)))


def test_a_rule_that_is_no_json_or_is_not_that_of_its_card_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pool.json").write_text("{")
    with pytest.raises(WeightsError, match="no card"):
        open_fusion(str(tmp_path))
    write_card(read_card(SHIPPED), tmp_path)
    with pytest.raises(WeightsError, match="holds no fusion"):
        open_fusion(str(tmp_path))
    (tmp_path / "pool.json").write_text((SHIPPED / "pool.json").read_text() + "\n")
    with pytest.raises(WeightsError, match="its card says"):
        open_fusion(str(tmp_path))


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
