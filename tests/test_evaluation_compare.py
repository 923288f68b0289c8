"""What comparing two models promises: nothing between equals, surer than two evaluations apart, and people drawn whole."""

import json
from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import affekt
from affekt.cli.main import app
from affekt.errors import InputError
from affekt.evaluation import metrics
from affekt.evaluation.answers import Answers, judged_of, measure, tally_of
from affekt.evaluation.bootstrap import interval_of_ece, intervals, resample
from affekt.evaluation.compare import compare, mcnemar, two_sided, units_of
from affekt.evaluation.evaluate import evaluate
from affekt.evaluation.groups import ENOUGH, gaps
from affekt.evaluation.tally import MAIN, main_numbers, tally
from affekt.labels import ekman6, ekman7, vad
from affekt.parts import LabelSet, Row

EKMAN6, EKMAN7, VAD = ekman6.PART, ekman7.PART, vad.PART


def _answers(n: int = 400, *, skill: float = 1.0, seed: int = 0, labels: LabelSet = EKMAN7, name: str = "m@1", groups: int = 0) -> Answers:
    """Answers to rows that are the same for every skill, hard where they are hard for the others."""
    rng = np.random.default_rng(seed)
    size = len(labels.labels)
    if labels.kind == "dimensions":
        gold = rng.uniform(-0.7, 0.7, (n, 3))
        rows, scores = [Row("x", vad=tuple(one)) for one in gold.tolist()], np.clip(gold + rng.normal(size=gold.shape) / (2 + skill), -1, 1)
        return Answers({"model": name}, rows, scores, labels)
    gold = rng.integers(size, size=n)
    raw = rng.normal(size=(n, size)) + np.random.default_rng(seed + round(100 * skill)).normal(size=(n, size)) / 3
    raw[np.arange(n), gold] += skill
    scores = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    several = [(label, (label + 1) % size) if labels.kind == "multi" and at % 2 else (label,) for at, label in enumerate(gold)]
    rows = [Row(f"row {at}", tuple(labels.labels[one] for one in names), line=at) for at, names in enumerate(several)]
    if groups:
        rows = [replace(row, group=f"person {at % groups}") for at, row in enumerate(rows)]
    return Answers({"model": name}, rows, np.round(scores, 6), labels, units="speaker")


@pytest.mark.parametrize("labels", [EKMAN7, EKMAN6, VAD], ids=lambda labels: labels.name)
def test_a_model_does_not_differ_from_itself(labels: LabelSet) -> None:
    answers = _answers(labels=labels)
    found = compare(answers, answers)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for one in found["numbers"].values():
        assert one["difference"] == 0 and one["interval"] == [0, 0] and one["not_better"] == 1 and one["first"] == one["second"]
    assert found["mcnemar"] == (None if labels is VAD else {"only_first": 0, "only_second": 0, "p": 1.0})


@pytest.mark.parametrize("labels", [EKMAN7, EKMAN6, VAD], ids=lambda labels: labels.name)
def test_each_model_has_the_numbers_that_it_has_alone(labels: LabelSet) -> None:
    first, second = _answers(labels=labels), _answers(skill=1.4, labels=labels, name="m@2")
    found = compare(first, second)
    assert (found["first"], found["second"], found["n"]) == ("m@1", "m@2", 400)
    for key, answers in (("first", first), ("second", second)):
        alone = measure(answers)
        for name, one in found["numbers"].items():
            expected = np.mean(list(alone[name].values())) if labels is VAD else alone[name]
            assert one[key] == pytest.approx(expected)
            assert one["difference"] == pytest.approx(one["second"] - one["first"])


def test_a_better_model_is_better_whichever_comes_first() -> None:
    weak, strong = _answers(skill=0.8), _answers(skill=1.6)
    there, back = compare(weak, strong), compare(strong, weak)
    for name in ("macro_f1", "accuracy", "weighted_f1", "ua"):
        one, other = there["numbers"][name], back["numbers"][name]
        assert one["interval"][0] > 0 and one["not_better"] == 0 and other["not_better"] == 1
        assert one["interval"] == pytest.approx([-end for end in reversed(other["interval"])], abs=0.01)
    assert there["mcnemar"]["p"] < 1e-6 and there["mcnemar"]["p"] == back["mcnemar"]["p"]
    assert there["mcnemar"]["only_second"] == back["mcnemar"]["only_first"]


def test_less_calibration_error_is_better() -> None:
    exact = _answers(2000, skill=1.0)
    bold = replace(exact, scores=exact.scores**4 / (exact.scores**4).sum(1, keepdims=True))
    one = compare(exact, bold)["numbers"]["ece"]
    assert one["difference"] > 0.2 and one["interval"][0] > 0 and one["not_better"] == 1
    assert compare(bold, exact)["numbers"]["ece"]["not_better"] == 0


def test_a_paired_interval_is_narrower_than_an_unpaired_one() -> None:
    first, second = _answers(600), _answers(600, skill=1.2)
    paired = compare(first, second)["numbers"]
    drawn = [resample([tally_of(one)], seed=seed)[0] for seed, one in enumerate((first, second))]
    for name in ("macro_f1", "accuracy", "weighted_f1", "ua"):
        low, high = np.quantile(drawn[1][name] - drawn[0][name], [0.025, 0.975])
        assert paired[name]["interval"][1] - paired[name]["interval"][0] < 0.8 * (high - low)


def test_the_paired_bootstrap_is_the_one_done_by_hand() -> None:
    first, second = _answers(300), _answers(300, skill=1.3)
    judged = [judged_of(one) for one in (first, second)]
    rng = np.random.default_rng(7)
    by_hand = []
    for at in (rng.integers(300, size=300) for _ in range(1000)):
        old, new = (metrics.macro_f1(metrics.count(one.gold[at], one.said[at])) for one in judged)
        by_hand.append(new - old)
    found = compare(first, second)["numbers"]["macro_f1"]
    assert found["interval"] == pytest.approx(np.quantile(by_hand, [0.025, 0.975]), abs=0.01)
    assert found["not_better"] == pytest.approx(np.mean(np.array(by_hand) <= 0), abs=0.03)


def test_rows_of_one_person_are_drawn_together() -> None:
    """Where all rows of a person are alike, there are as many rows as people, and the interval is as wide as theirs."""
    few = [_answers(40, skill=skill, seed=3) for skill in (0.8, 1.4)]
    many = [
        replace(one, rows=[replace(row, group=row.text) for row in one.rows for _ in range(25)], scores=one.scores.repeat(25, axis=0))
        for one in few
    ]
    alone, together = compare(*few), compare(*many)
    assert (alone["units"], alone["drawn"], together["units"], together["drawn"]) == ("row", 40, "speaker", 40)
    assert together["numbers"]["accuracy"]["interval"] == pytest.approx(alone["numbers"]["accuracy"]["interval"], abs=0.03)
    loose = [replace(one, rows=[replace(row, group=None) for row in one.rows]) for one in many]
    narrow, wide = (one["numbers"]["accuracy"]["interval"] for one in (compare(*loose), together))
    assert narrow[1] - narrow[0] < 0.4 * (wide[1] - wide[0])


def test_rows_are_drawn_one_by_one_where_groups_say_nothing() -> None:
    assert units_of([Row("a"), Row("b")]) is None
    assert units_of([Row("a", group="x"), Row("b", group="x")]) is None  # one person: what other people would do cannot be told
    assert units_of([Row("a", group="x"), Row("b", group="y"), Row("c")]) is None
    assert units_of([Row("a", group="x"), Row("b", group="x"), Row("c")]) == ["group x", "group x", "row 2"]


def test_mcnemars_test_is_the_binomial_one() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(80) < 0.6, rng.random(80) < 0.7
    found = mcnemar(first, second)
    fewer, flips = min(found["only_first"], found["only_second"]), found["only_first"] + found["only_second"]
    assert found["only_first"] == (first & ~second).sum()
    assert found["p"] == pytest.approx(min(1, 2 * sum(comb(flips, k) for k in range(fewer + 1)) / 2**flips))
    assert two_sided(0, 0) == 1.0 and two_sided(5, 10) == 1.0
    assert two_sided(4900, 10_000) == pytest.approx(0.0466, abs=5e-4)  # as the normal distribution has it, and without overflow


def test_models_are_compared_on_the_same_rows_and_labels_only() -> None:
    whole = _answers(50)
    with pytest.raises(InputError, match="not judged on the same rows"):
        compare(whole, replace(whole, rows=whole.rows[:49], scores=whole.scores[:49]))
    with pytest.raises(InputError, match=r"on ekman7, and .* on ekman6.*--labels"):
        compare(whole, _answers(50, labels=EKMAN6))
    shown_more = replace(whole, rows=[replace(row, before=("hello",)) for row in whole.rows])  # a model that is told what was said before
    assert compare(whole, shown_more)["numbers"]["accuracy"]["difference"] == 0


# --- one model alone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [EKMAN7, EKMAN6], ids=lambda labels: labels.name)
def test_what_is_summed_gives_the_same_numbers_as_the_metrics(labels: LabelSet) -> None:
    answers = _answers(labels=labels)
    report, numbers = measure(answers), main_numbers(tally(judged_of(answers)))
    assert set(numbers) == set(MAIN) == set(report["intervals"])
    for name, value in numbers.items():
        assert value == pytest.approx(report[name], abs=1e-9)
        low, high = report["intervals"][name]
        assert low <= value <= high


def test_the_interval_of_accuracy_is_that_of_a_share() -> None:
    answers = _answers(1000)
    low, high = measure(answers)["intervals"]["accuracy"]
    share = measure(answers)["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * (share * (1 - share) / 1000) ** 0.5, rel=0.15)


def test_a_calibrated_model_may_have_no_calibration_error() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(20):
        scores = rng.dirichlet([1.5] * 7, 600)
        drawn = (scores.cumsum(1) > rng.random((600, 1))).argmax(1)
        report = evaluate([Row("x", (EKMAN7.labels[at],)) for at in drawn], scores, EKMAN7, seed=seed)
        held += report["intervals"]["ece"][0] == 0 and report["ece"] <= report["ece_by_chance"]
    assert held >= 18
    bold = evaluate([Row("x", (EKMAN7.labels[at],)) for at in drawn], scores**5 / (scores**5).sum(1, keepdims=True), EKMAN7)
    assert bold["intervals"]["ece"][0] > bold["ece_by_chance"] / 2 > 0
    assert interval_of_ece(np.ones(9), (0.0, 0.0), measured=0.0) == ((0.0, 0.0), 0.0)  # sure, and right: no chance in it


def test_intervals_do_not_depend_on_the_order_of_the_rows() -> None:
    answers = _answers()
    order = np.random.default_rng(1).permutation(400)
    turned = replace(answers, rows=[answers.rows[at] for at in order], scores=answers.scores[order])
    for name, ends in intervals(tally_of(answers)).items():
        assert intervals(tally_of(turned))[name] == pytest.approx(ends, abs=1e-9)


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_a_gap_is_the_largest_minus_the_smallest_number() -> None:
    answers = _answers(600, skill=1.2)
    harder = np.arange(600) % 3 == 0
    scores = np.where(harder[:, None], 1 / 7, answers.scores)  # for every third row the model has no idea
    columns = [{"who": "a" if hard else "b", "coin": "heads" if at % 2 else "tails", "same": "x"} for at, hard in enumerate(harder)]
    report = evaluate(answers.rows, scores, EKMAN7, columns=columns, by=["who", "coin", "same", "absent"])
    assert list(report["by_group"]) == ["who", "coin", "same"] and list(report["gaps"]) == ["who", "coin"]
    for name, one in report["gaps"]["who"]["numbers"].items():
        values = {who: report["by_group"]["who"][who][name] for who in "ab"}
        assert one["gap"] == pytest.approx(max(values.values()) - min(values.values()))
        assert values[one["highest"]] == max(values.values()) and values[one["lowest"]] == min(values.values())
    real, chance = (report["gaps"][name]["numbers"]["accuracy"] for name in ("who", "coin"))
    assert real["interval"][0] > 0 and real["gap"] > real["by_chance"]
    assert chance["interval"][0] < 0 and chance["gap"] < chance["by_chance"]


def test_small_and_unknown_groups_have_no_gap() -> None:
    tallied = tally_of(_answers(100))
    values = ["large"] * 50 + ["other"] * ENOUGH + ["small"] * 10 + ["unknown"] * 10
    assert (found := gaps(tallied, {"g": values})["g"])["groups"] == 2 and found["left_out"] == 1
    assert gaps(tallied, {"g": ["large"] * 90 + ["small"] * 10}) == {}


def test_a_gap_of_many_like_groups_is_not_more_than_chance() -> None:
    answers = _answers(1500)
    found = gaps(tally_of(answers), {"person": [f"p{at % 40}" for at in range(1500)]})["person"]["numbers"]["accuracy"]
    assert found["gap"] > 0.1 and found["gap"] < found["by_chance"]


# --- the command ------------------------------------------------------------------------------------------------------


def test_two_models_are_compared_on_one_file(tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("text,label\n" + "so happy,positive\nawful and sad,negative\nthe table is brown,neutral\nI love it,positive\n" * 3)
    options = ["--labels", "sentiment3", "--data", str(data), "--model", "text_affekt", "--against", "text_affekt"]
    done = CliRunner().invoke(app, ["evaluate", *options, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["comparison"]["n"] == found["n"] == 12 and found["comparison"]["first"] == found["comparison"]["second"] == found["model"]
    assert all(one["interval"] == [0, 0] for one in found["comparison"]["numbers"].values())
    again = affekt.evaluate("text_affekt", data=data, labels="sentiment3", against="text_affekt")
    assert again.comparison == found["comparison"]
    assert "McNemar" in again.table()
