import numpy as np
import pytest

from affekt.calibration.apply import decide, probabilities
from affekt.calibration.fit import abstain_at, best_threshold, fit
from affekt.labels import ekman7, goemotions28, vad
from affekt.parts import Calibration

RNG = np.random.default_rng(0)


def test_an_overconfident_model_is_cooled_until_its_scores_are_right() -> None:
    true = RNG.normal(size=(20000, 7)) * 1.5
    chances = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    gold = np.array([RNG.multinomial(1, row) for row in chances], np.float32)
    raw = (true * 3).astype(np.float32)  # three times too sure
    made = fit(raw, gold, np.ones_like(gold), ekman7.PART)
    assert made.scale[0] == pytest.approx(1 / 3, abs=0.02)
    assert np.abs(probabilities(raw, ekman7.PART, made) - chances).max() < 0.05


def test_each_label_of_a_multi_label_set_is_calibrated_on_its_own() -> None:
    raw = RNG.normal(size=(20000, 28)).astype(np.float32)
    gold = (RNG.random(raw.shape) < 1 / (1 + np.exp(-(0.5 * raw - 2)))).astype(np.float32)
    made = fit(raw, gold, np.ones_like(gold), goemotions28.PART)
    assert np.allclose(made.scale, 0.5, atol=0.1) and np.allclose(made.shift, -2, atol=0.1)


@pytest.mark.parametrize("times", [0.05, 20])
def test_how_far_raw_outputs_spread_does_not_matter(times: float) -> None:
    raw = RNG.normal(size=(300, 28)).astype(np.float32)
    gold = (RNG.random(raw.shape) < 1 / (1 + np.exp(-(2 * raw - 1)))).astype(np.float32)
    one, other = (fit(raw * by, gold, np.ones_like(gold), goemotions28.PART) for by in (1, times))
    assert np.allclose(one.scale, np.array(other.scale) * times, rtol=0.02) and np.allclose(one.shift, other.shift, atol=0.02)


@pytest.mark.parametrize("times", [0.05, 20])
def test_one_temperature_is_found_however_far_raw_outputs_spread(times: float) -> None:
    true = RNG.normal(size=(4000, 7))
    true[:, 5] = -30 / times  # a label that a model never says
    chances = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    gold = np.array([RNG.multinomial(1, row / row.sum()) for row in chances], np.float32)
    made = fit((true * times).astype(np.float32), gold, np.ones_like(gold), ekman7.PART)
    assert made.scale[0] == pytest.approx(1 / times, rel=0.1)


def test_dimensions_are_put_on_their_scale() -> None:
    gold = np.clip(RNG.normal(size=(500, 3)) * 0.2, -1, 1).astype(np.float32)
    made = fit(gold * 4 + 1, gold, np.ones_like(gold), vad.PART)
    assert np.allclose(probabilities(gold * 4 + 1, vad.PART, made), gold, atol=1e-3)


@pytest.mark.parametrize("said", [0.0, 0.3, -5.0])
def test_a_dimension_of_which_a_model_says_the_same_of_all_rows_is_read_as_their_mean(said: float) -> None:
    gold = np.clip(RNG.normal(size=(50, 3)) * 0.2, -1, 1).astype(np.float32)
    raw = gold.copy()
    raw[:, 1] = said
    made = fit(raw, gold, np.ones_like(gold), vad.PART)
    assert np.isfinite([made.scale, made.shift]).all()
    found = probabilities(raw, vad.PART, made)
    assert np.allclose(found[:, 1], gold[:, 1].mean(), atol=1e-4) and np.allclose(found[:, [0, 2]], gold[:, [0, 2]], atol=1e-3)


@pytest.mark.parametrize("rows", [0, 1])
def test_dimensions_of_too_few_rows_stay_as_they_are(rows: int) -> None:
    some = np.full((rows, 3), 0.5, np.float32)
    made = fit(some, some / 2, np.ones_like(some), vad.PART)
    assert (made.scale, made.shift) == ((1.0,) * 3, (0.0,) * 3)


def test_rows_without_dimensions_teach_none() -> None:
    gold = np.clip(RNG.normal(size=(200, 3)) * 0.2, -1, 1).astype(np.float32)
    raw, known = gold * 2, np.ones_like(gold)
    gold[100:], known[100:] = 0, 0
    assert np.allclose(fit(raw, gold, known, vad.PART).scale, 0.5, atol=1e-3)


def test_a_label_that_no_row_has_is_absent_and_one_that_all_have_is_present() -> None:
    raw = RNG.normal(size=(40, 28)).astype(np.float32)
    gold, known = (RNG.random(raw.shape) < 0.4).astype(np.float32), np.ones_like(raw)
    gold[:, 0], gold[:, 1], known[:, 2] = 0, 1, 0  # of the third nothing is known
    made = fit(raw, gold, known, goemotions28.PART)
    assert np.isfinite([made.scale, made.shift, made.thresholds]).all()
    present = probabilities(raw, goemotions28.PART, made) >= np.array(made.thresholds)
    assert not present[:, 0].any() and present[:, 1].all()
    assert made.thresholds[0] >= 0.5 and made.thresholds[2] == 0.5


def test_cells_that_nobody_annotated_teach_nothing() -> None:
    raw, gold = RNG.normal(size=(1000, 28)).astype(np.float32), np.zeros((1000, 28), np.float32)
    gold[:, 0] = raw[:, 0] > 0
    known = np.ones_like(gold)
    wrong, masked = gold.copy(), known.copy()
    wrong[500:, 0], masked[500:, 0] = 1 - wrong[500:, 0], 0
    assert fit(raw, wrong, masked, goemotions28.PART).scale[0] == pytest.approx(
        fit(raw[:500], gold[:500], known[:500], goemotions28.PART).scale[0], abs=1e-3
    )


def test_the_best_threshold_parts_the_present_from_the_absent() -> None:
    assert best_threshold(np.array([0.95, 0.9, 0.1, 0.05], np.float32)) == pytest.approx(0.5, abs=1e-4)


def test_readings_that_are_mostly_wrong_abstain() -> None:
    confidence = RNG.random(10000).astype(np.float32)
    right = (RNG.random(10000) < confidence).astype(np.float32)
    assert abstain_at(confidence, right, worst=0.4) == pytest.approx(0.4, abs=0.051)


def test_an_abstaining_reading_says_why() -> None:
    flat = dict.fromkeys(ekman7.PART.labels, 1 / 7)
    present, reason = decide(flat, ekman7.PART, Calibration((1.0,) * 7, (0.0,) * 7, (), 0.3))
    assert reason is not None and "0.14" in reason and len(present) == 1
    none = dict.fromkeys(goemotions28.PART.labels, 0.01)
    assert decide(none, goemotions28.PART, Calibration((1.0,) * 28, (0.0,) * 28, (0.2,) * 28)) == ((), "no label reaches its threshold")
