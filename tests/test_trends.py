"""Trends: on made data whose truth is known, intervals hold it as often as they say, and the session is the unit."""

import random
from collections.abc import Callable, Iterator
from datetime import date
from statistics import fmean, stdev
from typing import Any
from weakref import ref

import pytest

from affekt.trends import DIMENSION, SCORE, Observed, by_day, estimate, student

DAY, NEXT = date(2026, 11, 2), date(2026, 11, 3)


def observed(session: str, joy: float, **given: Any) -> Observed:
    usual = {"day": DAY, "fused": False, "length": 1.0, "scores": {"joy": joy, "other": 1 - joy}, "valence": 2 * joy - 1, "arousal": None}
    return Observed(session, **{**usual, **given})


def shares_that_hold(truth: float, days: list[Callable[[], Any]]) -> float:
    """How many of the intervals hold the truth."""
    found = [made() for made in days]
    return fmean(one.low <= truth <= one.high for one in found)


@pytest.mark.parametrize("sessions", [2, 3, 5, 12, 40])
def test_an_interval_holds_the_truth_as_often_as_it_says(sessions: int) -> None:
    chance = random.Random(sessions)

    def day() -> Any:
        made = []
        for _ in range(sessions):
            own = chance.gauss(0.1, 0.1)  # what this session is about
            made.append([(chance.gauss(own, 0.1), chance.uniform(0.5, 4)) for _ in range(chance.randint(5, 60))])
        return estimate(made, within=(-9, 9))

    assert shares_that_hold(0.1, [day] * 2000) == pytest.approx(0.95, abs=0.02)


def test_readings_taken_for_the_unit_would_claim_far_too_much() -> None:
    chance = random.Random(0)

    def day(apart: bool) -> Any:
        made = [[(chance.gauss(own, 0.1), 1.0) for _ in range(40)] for own in [chance.gauss(0.1, 0.1) for _ in range(5)]]
        return estimate([[one] for session in made for one in session] if apart else made, within=(-9, 9))

    assert shares_that_hold(0.1, [lambda: day(True)] * 1000) < 0.6
    assert shares_that_hold(0.1, [lambda: day(False)] * 1000) > 0.93


@pytest.mark.parametrize("readings", [12, 60])
def test_independent_readings_of_one_session_have_an_honest_interval(readings: int) -> None:
    chance = random.Random(readings)

    def day() -> Any:
        return estimate([[(chance.gauss(0.1, 0.2), chance.uniform(1, 3)) for _ in range(readings)]], within=(-9, 9))

    assert shares_that_hold(0.1, [day] * 2000) == pytest.approx(0.95, abs=0.025)


def test_with_equal_weights_it_is_students_interval() -> None:
    values = [0.2, 0.5, 0.3, 0.9]
    found = estimate([[(one, 3.0)] for one in values], within=SCORE)
    half = student(3) * stdev(values) / 2
    assert found is not None and (found.mean, found.low, found.of) == (0.475, round(max(0.475 - half, 0), 4), "sessions")


def test_the_quantiles_of_student_are_his() -> None:
    stats = pytest.importorskip("scipy.stats")
    for freedom in (*range(1, 60), 100, 1000):
        assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-4)


def test_each_session_counts_the_same_and_in_it_readings_by_their_length() -> None:
    long = [observed("a", 0.2, length=30), observed("a", 0.8, length=10)]
    (day,) = by_day([*long, observed("b", 0.65)])
    assert (day.sessions, day.readings, day.labels["joy"].mean, day.labels["joy"].of) == (2, 3, 0.5, "sessions")
    assert day.valence is not None and day.valence.mean == 0 and day.arousal is None


def test_one_session_falls_back_to_its_own_readings_and_says_so() -> None:
    first, second = by_day([observed("b", 0.4, day=NEXT), observed("a", 0.2), observed("a", 0.4)])
    assert (first.day, first.labels["joy"].of, first.labels["joy"].mean) == (DAY, "readings", 0.3)
    assert first.labels["joy"].low == 0 and first.labels["joy"].high == 1
    assert (second.day, second.labels["joy"].low, second.labels["joy"].high) == (NEXT, None, None)


def test_fused_readings_stand_for_those_that_they_are_made_of() -> None:
    (day,) = by_day([observed("a", 0.9), observed("a", 0.1, fused=True), observed("b", 0.3)])
    assert (day.readings, day.labels["joy"].mean) == (2, 0.2)


def test_no_more_readings_are_held_than_a_session_or_two_have() -> None:
    class Held(Observed):
        """One that can be referred to weakly."""

    def made() -> Iterator[Observed]:
        for session in map(str, range(100)):
            for at in range(50):
                one = Held(session, DAY, False, 1.0, {"joy": at / 50}, None, None)
                made_so_far.append(ref(one))
                yield one
            held.append(sum(one() is not None for one in made_so_far))

    made_so_far: list[ref[Held]] = []
    held: list[int] = []
    (day,) = by_day(made())
    assert (day.sessions, day.readings) == (100, 5000) and max(held) <= 101


def test_a_picture_takes_no_time_and_counts_all_the_same() -> None:
    (day,) = by_day([observed("a", 0.4, length=0.0), observed("a", 0.6, length=0.0)])
    assert day.labels["joy"].mean == 0.5


def test_intervals_stay_where_values_can_be() -> None:
    found = estimate([[(0.99, 1.0)], [(0.5, 1.0)]], within=DIMENSION)
    assert found is not None and (found.low, found.high) == (-1, 1)
    assert estimate([[], []], within=SCORE) is None
