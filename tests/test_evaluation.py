"""What an evaluation promises: the published definitions, whatever the order of the rows, and errors that say what to do."""

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest

from affekt.errors import EmptyInput, InputError
from affekt.evaluation import metrics
from affekt.evaluation.bootstrap import interval_of_macro_f1, interval_of_mean_pearson
from affekt.evaluation.evaluate import evaluate
from affekt.labels import ekman6, ekman7, goemotions28, plutchik8, sentiment3, vad
from affekt.labels._matrix import matrix
from affekt.parts import LabelSet, Row

KEYS = {
    *("n", "accuracy", "macro_f1", "micro_f1", "weighted_f1", "ua", "per_label", "ece", "ece_cells", "brier", "risk_coverage", "interval"),
    *("by_lang", "decision", "mean_over_languages", "intervals", "ece_by_chance", "confusion", "reliability", "gaps"),
}
EKMAN6, EKMAN7 = ekman6.PART, ekman7.PART


def _single(n: int, labels: LabelSet = EKMAN7, *, seed: int = 0) -> tuple[list[Row], np.ndarray]:
    """Rows of one label each, and probabilities that are right about half the time."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(len(labels.labels), size=n)
    raw = rng.normal(size=(n, len(labels.labels)))
    raw[np.arange(n), gold] += 1.0
    scores = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    return [Row(f"text {at}", (labels.labels[label],), lang="de" if at % 3 else "en") for at, label in enumerate(gold)], scores


def _multi(n: int, labels: LabelSet = EKMAN6, *, seed: int = 0) -> tuple[list[Row], np.ndarray]:
    """Rows of any number of labels, and probabilities that know something about them."""
    rng = np.random.default_rng(seed)
    scores = rng.random((n, len(labels.labels)))
    gold = rng.random(scores.shape) < scores**1.5
    return [
        Row(f"text {at}", tuple(np.array(labels.labels)[row].tolist()), lang="de" if at % 3 else "en") for at, row in enumerate(gold)
    ], scores


def _sure(rows: list[Row], labels: LabelSet) -> np.ndarray:
    return matrix(rows, labels)[0].astype(np.float64)


def _approx(value: object) -> object:
    """The same report, floats compared with a tolerance."""
    if isinstance(value, dict):
        return {key: _approx(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_approx(one) for one in value]
    return pytest.approx(value, abs=1e-9) if isinstance(value, float) else value


# --- the whole report -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("made", "labels"), [(_single, EKMAN7), (_multi, EKMAN6), (_multi, goemotions28.PART)])
def test_perfect_answers_are_worth_1(made, labels: LabelSet) -> None:
    rows, _ = made(200, labels)
    report = evaluate(rows, _sure(rows, labels), labels)
    assert {report[key] for key in ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "ua", "mean_over_languages")} == {1.0}
    assert report["ece"] == report["brier"] == report["risk_coverage"]["aurc"] == 0.0
    assert report["interval"] == [1.0, 1.0]


@pytest.mark.parametrize(("made", "labels"), [(_single, EKMAN7), (_multi, EKMAN6)])
def test_a_report_has_these_keys_and_is_json(made, labels: LabelSet) -> None:
    rows, scores = made(50, labels)
    report = evaluate(rows, scores, labels)
    assert set(report) == KEYS
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["decision"] == ("argmax" if labels.kind == "single" else "thresholds")
    assert report["interval"][0] < report["macro_f1"] < report["interval"][1]
    assert set(report["by_lang"]) == {"de", "en"}
    assert sum(one["n"] for one in report["by_lang"].values()) == report["n"] == 50
    assert report["mean_over_languages"] == pytest.approx(np.mean([one["macro_f1"] for one in report["by_lang"].values()]))


@pytest.mark.parametrize(("made", "labels"), [(_single, EKMAN7), (_multi, EKMAN6)])
def test_the_order_of_the_rows_changes_nothing(made, labels: LabelSet) -> None:
    rows, scores = made(300, labels)
    scores = scores.round(1) if labels.kind == "multi" else scores  # many equal confidences
    order = np.random.default_rng(1).permutation(len(rows))
    assert evaluate([rows[at] for at in order], scores[order], labels) == _approx(evaluate(rows, scores, labels))


def test_the_order_of_the_rows_changes_nothing_for_dimensions() -> None:
    rng = np.random.default_rng(0)
    gold = rng.uniform(-1, 1, (100, 3))
    rows, said = [Row("x", vad=tuple(one)) for one in gold.tolist()], np.clip(gold + rng.normal(0, 0.3, gold.shape), -1, 1)
    order = rng.permutation(len(rows))
    assert evaluate([rows[at] for at in order], said[order], vad.PART) == _approx(evaluate(rows, said, vad.PART))


def test_dimensions_are_judged_by_correlation() -> None:
    gold = np.random.default_rng(0).uniform(-0.5, 0.5, (80, 3))
    rows = [Row("x", vad=tuple(one), lang="en") for one in gold.tolist()]
    said = gold * [1.0, 0.5, -1.0] + [0.0, 0.2, 0.0]
    report = evaluate(rows, said, vad.PART)
    assert set(report) == {"n", "pearson", "ccc", "interval", "intervals", "by_lang", "gaps"}
    assert list(report["pearson"].values()) == pytest.approx([1.0, 1.0, -1.0])
    assert report["ccc"]["valence"] == pytest.approx(1.0)
    assert report["ccc"]["arousal"] < 0.9  # the right line is not the right number
    assert report["by_lang"]["en"]["n"] == 80


def test_what_is_not_defined_is_none_and_not_nan() -> None:
    flat = evaluate([Row("x", vad=(0.1, 0.2, 0.3))] * 2, np.zeros((2, 3)), vad.PART)
    assert flat["pearson"] == {"valence": None, "arousal": None, "dominance": None}
    assert flat["interval"] == [None, None]
    empty = evaluate([Row("x", ())] * 3, np.zeros((3, 6)), EKMAN6)
    assert empty["macro_f1"] is None and empty["accuracy"] == 1.0
    assert empty["per_label"]["joy"] == {"precision": None, "recall": None, "f1": None, "support": 0}


# --- the conventions --------------------------------------------------------------------------------------------------


def test_macro_f1_is_over_the_labels_that_the_gold_data_have() -> None:
    rows = [Row("a", ("joy",)), Row("b", ("fear",)), Row("c", ("joy", "fear"))]
    scores = np.zeros((3, 6))
    scores[:, [2, 3]] = _sure(rows, EKMAN6)[:, [2, 3]]
    scores[0, 1] = 1.0  # disgust, which no row has: a false alarm that macro-F1 does not see, and micro-F1 does
    report = evaluate(rows, scores, EKMAN6)
    assert report["macro_f1"] == 1.0
    assert report["micro_f1"] == pytest.approx(2 * 4 / (2 * 4 + 1))
    assert report["per_label"]["disgust"]["f1"] is None


def test_a_label_that_annotators_could_not_choose_is_neither_hit_nor_miss() -> None:
    space = tuple(label for label in EKMAN6.labels if label != "disgust")
    rows = [Row("a", ("joy",), "eng", space=space), Row("b", ("disgust", "fear"), "deu"), Row("c", (), "eng", space=space)]
    scores = _sure(rows, EKMAN6)
    scores[[0, 2], 1] = 1.0  # disgust where nobody was asked about it
    report = evaluate(rows, scores, EKMAN6)
    assert report["macro_f1"] == report["micro_f1"] == report["accuracy"] == 1.0
    assert report["ece_cells"] == report["brier"] == 0.0
    assert evaluate([replace(row, space=None) for row in rows], scores, EKMAN6)["micro_f1"] < 1.0


def test_a_label_that_annotators_could_not_choose_is_not_the_likeliest_either() -> None:
    rows = [Row("a", ("joy",), space=("joy", "fear")), Row("b", ("fear",), space=("joy", "fear"))]
    scores = np.array([[0, 0.6, 0.1, 0.3, 0, 0, 0], [0, 0.6, 0.3, 0.1, 0, 0, 0]])
    assert evaluate(rows, scores, EKMAN7)["accuracy"] == 1.0


def test_the_word_for_none_means_no_label() -> None:
    several = Row("b", ("joy", "fear"))
    said, silent = (
        evaluate([Row("a", none), several], np.array([[0.1] * 6, [0, 0, 0.9, 0.9, 0, 0]]), EKMAN6) for none in [("neutral",), ()]
    )
    assert said == silent
    assert said["decision"] == "thresholds" and said["accuracy"] == 1.0 and "neutral" not in said["per_label"]


def test_none_is_one_more_label_where_every_row_has_one() -> None:
    rows = [Row("a", ("neutral",)), Row("b", ("joy",)), Row("c", ("trust",))]
    scores = np.full((3, 8), 0.05)
    scores[1, plutchik8.PART.labels.index("joy")] = 0.6
    scores[2, plutchik8.PART.labels.index("trust")] = 0.4  # neutral gets 1 - 0.4, and wins
    report = evaluate(rows, scores, plutchik8.PART, thresholds=[0.9] * 8)
    assert report["decision"] == "argmax"
    assert report["accuracy"] == pytest.approx(2 / 3)
    assert report["per_label"]["neutral"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert report["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_a_multi_label_set_is_decided_by_the_likeliest_where_every_row_has_one_label() -> None:
    rows = [Row("a", ("joy",)), Row("b", ("anger",))]
    scores = np.array([[0.1, 0, 0, 0.2, 0, 0], [0.3, 0, 0, 0.2, 0, 0]])  # none reaches a half
    report = evaluate(rows, scores, EKMAN6)
    assert (report["decision"], report["accuracy"]) == ("argmax", 1.0)
    assert set(report["per_label"]) == set(EKMAN6.labels)


def test_a_label_is_present_from_its_threshold_on() -> None:
    rows = [Row("a", ("joy", "fear")), Row("b", ("anger",))]
    scores = np.array([[0, 0, 0.3, 0.5, 0, 0], [0.2, 0, 0, 0, 0, 0]])
    assert evaluate(rows, scores, EKMAN6, thresholds=[0.2, 0.5, 0.3, 0.5, 0.5, 0.5])["accuracy"] == 1.0
    assert evaluate(rows, scores, EKMAN6)["accuracy"] == 0.0


def test_saying_nothing_is_as_sure_as_the_likeliest_label_is_unlikely() -> None:
    rows = [Row("a", ()), Row("b", ("joy", "fear"))]
    report = evaluate(rows, np.array([[0.0] * 6, [0, 0, 1, 1, 0, 0]]), EKMAN6)
    assert report["ece"] == 0.0


@pytest.mark.parametrize(
    ("rows", "labels", "says"),
    [
        ([Row("a", ("joy",)), Row("so so", ("joy", "fear"))], EKMAN7, r"row 2 has 2 labels \(joy, fear\).*use 'ekman6'"),
        ([Row("a", ())], EKMAN7, "row 1 has no label.*use 'ekman6'"),
        ([Row("a", ("positive", "negative"))], sentiment3.PART, "no multi-label counterpart"),
        ([Row("a", ("happy",))], EKMAN7, "happy; ekman7 has anger"),
        ([Row("a")], EKMAN6, "row 1 has no labels"),
        ([Row("a", ("joy",))], vad.PART, "has no vad"),
    ],
)
def test_a_row_that_does_not_fit_is_named(rows: list[Row], labels: LabelSet, says: str) -> None:
    scores = np.full((len(rows), len(labels.labels)), 1 / len(labels.labels))
    with pytest.raises(InputError, match=says):
        evaluate(rows, scores, labels)


def test_scores_that_do_not_fit_are_refused() -> None:
    rows, scores = _single(3)
    for wrong, says in [
        (scores[:2], "need scores of shape"),
        (scores * 3, r"lie in \[0, 1\]"),
        (scores * math.nan, "given: nan"),
        (scores / 2, "sum to 1"),
    ]:
        with pytest.raises(InputError, match=says):
            evaluate(rows, wrong, EKMAN7)
    with pytest.raises(InputError, match="needs 6 thresholds"):
        evaluate([Row("a", ("joy",))], np.zeros((1, 6)), EKMAN6, thresholds=[0.5])
    with pytest.raises(EmptyInput):
        evaluate([], np.zeros((0, 7)), EKMAN7)


# --- the metrics against scikit-learn and by hand ---------------------------------------------------------------------


@pytest.mark.parametrize(("made", "labels"), [(_single, EKMAN7), (_multi, EKMAN6), (_multi, goemotions28.PART)])
def test_the_metrics_are_scikit_learns(made, labels: LabelSet) -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed: pip install 'affekt[train]'")
    rows, scores = made(400, labels)
    gold = matrix(rows, labels)[0]
    said = scores >= 0.5
    if labels.kind == "single":
        said = np.eye(len(labels.labels), dtype=bool)[scores.argmax(1)]
    report = evaluate(rows, scores, labels)
    for average in ("macro", "micro", "weighted"):
        assert report[f"{average}_f1"] == pytest.approx(sk.f1_score(gold, said, average=average, zero_division=0))
    assert report["ua"] == pytest.approx(sk.recall_score(gold, said, average="macro", zero_division=0))
    assert report["accuracy"] == pytest.approx(sk.accuracy_score(gold, said))
    wanted = zip(*sk.precision_recall_fscore_support(gold, said, zero_division=0), strict=True)
    for one, (precision, recall, f1, support) in zip(report["per_label"].values(), wanted, strict=True):
        assert one == _approx({"precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(support)})
    if labels.kind == "single":
        assert report["ua"] == pytest.approx(sk.balanced_accuracy_score(gold.argmax(1), scores.argmax(1)))
    else:
        assert report["brier"] == pytest.approx(np.mean([sk.brier_score_loss(gold[:, at], scores[:, at]) for at in range(gold.shape[1])]))
        f1s = sk.f1_score(gold, said, average="samples", zero_division=1)
        assert metrics.row_f1(gold, said).mean() == pytest.approx(f1s)


def test_pearson_is_numpys_and_ccc_is_lins() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=200), rng.normal(size=200)
    y = x + y
    assert metrics.pearson(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])
    by_hand = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert metrics.ccc(x, y) == pytest.approx(by_hand)
    assert metrics.ccc(x, x) == pytest.approx(1.0)


def test_probabilities_that_come_true_as_often_as_they_say_have_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(20_000)
    hit = rng.random(20_000) < confidence
    assert metrics.ece(confidence, hit) < 0.02
    assert metrics.ece(confidence**0.5, hit) > 0.1  # says more than comes true
    scores = rng.dirichlet([0.5] * 7, 20_000)
    drawn = (scores.cumsum(1) > rng.random((20_000, 1))).argmax(1)
    assert evaluate([Row("x", (EKMAN7.labels[at],)) for at in drawn], scores, EKMAN7)["ece"] < 0.02


def test_ece_by_hand() -> None:
    confidence, hit = np.array([0.95, 0.97, 0.10, 1.0]), np.array([True, False, False, True])
    # bins of 1/15: the last holds .95, .97, 1.0 (claimed 2.92, true 2), the second .10 (claimed .10, true 0)
    assert metrics.ece(confidence, hit) == pytest.approx((0.92 + 0.10) / 4)


def test_brier_by_hand() -> None:
    scores, gold = np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([[True, False], [True, False]])
    assert metrics.brier(scores, gold, single=True) == pytest.approx((0.08 + 0.72) / 2)
    assert metrics.brier(scores, gold, single=False) == pytest.approx((0.08 + 0.72) / 4)


def test_risk_falls_as_the_unsure_rows_are_left_out() -> None:
    confidence, loss = np.arange(10) / 10, (np.arange(10) < 5).astype(float)  # the five least sure are wrong
    assert metrics.risk_coverage(confidence, loss) == pytest.approx([5 / 10, 4 / 9, 3 / 8, 2 / 7, 1 / 6, 0, 0, 0, 0, 0])
    assert metrics.aurc(confidence, loss) == pytest.approx((1 / 6 + 2 / 7 + 3 / 8 + 4 / 9 + 5 / 10) / 10)
    assert metrics.risk_coverage(np.ones(10), loss) == pytest.approx([0.5] * 10)  # no order, no gain


def test_a_cell_that_is_not_known_is_in_no_metric() -> None:
    gold, said = np.array([[True, False], [True, False]]), np.array([[True, True], [True, True]])
    known = np.array([[True, False], [True, False]])
    counts = metrics.count(gold, said, known=known)
    assert (counts.tp.tolist(), counts.fp.tolist(), counts.fn.tolist()) == ([2, 0], [0, 0], [0, 0])
    assert metrics.accuracy(gold, said, known=known) == 1.0
    assert metrics.row_f1(gold, said, known=known).tolist() == [1.0, 1.0]
    assert metrics.brier(said.astype(float), gold, single=False, known=known) == 0.0
    assert interval_of_macro_f1(gold, said, known=known) == (1.0, 1.0)


# --- the bootstrap ----------------------------------------------------------------------------------------------------


def test_the_bootstrap_is_the_one_done_by_hand() -> None:
    rows, scores = _multi(300)
    gold, said = matrix(rows, EKMAN6)[0], scores >= 0.5
    rng = np.random.default_rng(5)
    by_hand = [metrics.macro_f1(metrics.count(gold[at], said[at])) for at in (rng.integers(len(gold), size=len(gold)) for _ in range(1000))]
    low, high = interval_of_macro_f1(gold, said)
    assert (low, high) == pytest.approx(np.quantile(by_hand, [0.025, 0.975]), abs=0.006)
    assert interval_of_macro_f1(gold, said) == (low, high) != interval_of_macro_f1(gold, said, seed=1)


def test_the_bootstrap_of_pearson_is_the_one_done_by_hand() -> None:
    rng = np.random.default_rng(0)
    gold = rng.normal(size=(200, 3))
    said = gold + rng.normal(size=(200, 3))
    by_hand = []
    for _ in range(1000):
        at = rng.integers(200, size=200)
        by_hand.append(np.mean([np.corrcoef(gold[at, i], said[at, i])[0, 1] for i in range(3)]))
    assert interval_of_mean_pearson(gold, said) == pytest.approx(np.quantile(by_hand, [0.025, 0.975]), abs=0.01)


def test_the_bootstrap_of_ten_thousand_rows_takes_seconds() -> None:
    rng = np.random.default_rng(0)
    gold, said = rng.random((10_000, 28)) < 0.1, rng.random((10_000, 28)) < 0.1  # almost no two rows alike: the worst case
    began = time.process_time()
    interval_of_macro_f1(gold, said)
    assert time.process_time() - began < 3
