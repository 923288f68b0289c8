"""Several modalities become one answer: what is unclear counts little, who disagrees is told, and nothing gets surer for nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affekt import Reader, catalog
from affekt.encoders._card import read_card, write_card
from affekt.errors import BadResult, LicenceRefused, UnknownName, WeightsError
from affekt.fusion import open_fusion
from affekt.fusion._learned import MISMATCHED, SHIPPED, of
from affekt.labels import vad
from affekt.parts import LabelSet
from affekt.results import Reading
from fusion_made import FLAT, LABELS, fused, said, sure

RULES = catalog.names("fusion")


WEIGHING = [name for name in RULES if name != "vote"]  # in a vote all count the same


MODALITIES = ("text", "speech", "face")


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
