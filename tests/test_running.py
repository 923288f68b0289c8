"""A person's running baseline: it knows the past alone, one person at a time, and what is long ago counts less."""

import pytest

from affekt.errors import InputError
from affekt.results import Reading
from affekt.running import running


def said(at: float, valence: float, *, who: str = "Anna", abstained: bool = False) -> Reading:
    scores = {"joy": (1 + valence) / 2, "sadness": (1 - valence) / 2}
    return Reading("fused", "two", scores, at, at + 1, "m", who=who, valence=valence, abstained=abstained)


def test_it_knows_nothing_at_first_and_the_mean_of_what_came_before_then() -> None:
    (first, before), (_, after), (_, last) = running([said(0, 0.2), said(1, 0.4), said(2, 0.0)], half_life=1e9)
    assert first.valence == 0.2 and before.weight == 0 and not before.unusual(first)
    assert after.mean["valence"] == pytest.approx(0.2) and last.mean["valence"] == pytest.approx(0.3)
    assert last.scores["joy"] == pytest.approx(0.65) and last.weight == pytest.approx(2)
    assert last.spread["valence"] == pytest.approx(0.1)


def test_each_person_has_an_own_one() -> None:
    told = list(running([said(0, 0.8), said(1, -0.8, who="Ben"), said(2, 0.8), said(3, -0.8, who="Ben"), said(4, 0.0)]))
    assert told[2][1].mean["valence"] == pytest.approx(0.8) and told[3][1].mean["valence"] == pytest.approx(-0.8)
    assert told[4][1].unusual(told[4][0])["valence"] < -3


def test_what_was_long_ago_counts_less() -> None:
    *_, (_, usual) = running([said(0, -1.0), said(1000, 1.0), said(1001, 0.0)], half_life=100)
    assert usual.mean["valence"] > 0.99


def test_what_abstains_changes_nothing() -> None:
    *_, (_, usual) = running([said(0, 0.5), said(1, -0.9, abstained=True), said(2, 0.0)])
    assert usual.mean["valence"] == pytest.approx(0.5)


def test_later_readings_do_not_change_earlier_ones() -> None:
    short, long = list(running([said(0, 0.1), said(5, 0.7)])), list(running([said(0, 0.1), said(5, 0.7), said(6, -1.0)]))
    assert short == long[:2]


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_a_half_life_is_above_nothing(wrong: float) -> None:
    with pytest.raises(InputError, match="half-life"):
        list(running([said(0, 0.0)], half_life=wrong))
