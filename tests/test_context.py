"""What reading a turn in the context of those before it promises."""

from pathlib import Path

import numpy as np
import pytest

from affekt.calibration.context import SHIPPED, Context, Conversation, in_context, open_context
from affekt.encoders._card import read_card, write_card
from affekt.errors import InputError, WeightsError
from affekt.labels import ekman7
from affekt.parts import Card

LABELS = ekman7.PART.labels
CONTEXT = Context("ekman7", usual=(0.2, 0.05, 0.1, 0.15, 0.15, 0.05, 0.3), own=3.0, other=1.0, decay=0.5)
USUAL = np.array(CONTEXT.usual, np.float32)
ANGRY = np.array([0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05], np.float32)
TALK = np.random.default_rng(7).dirichlet(np.ones(len(LABELS)), 12).astype(np.float32)
WHO = ["Ann", "Bo", "Bo", None, "Ann", "Cy", "Ann", "Ann", None, "Bo", "Ann", "Cy"]


def pull(said: np.ndarray, given: np.ndarray = USUAL) -> np.ndarray:
    """How many nats each label of a turn gained, the first label's gain taken as the origin."""
    gained = np.log(said) - np.log(given)
    return gained - gained[0]


def test_the_first_turn_stays_as_it_is() -> None:
    assert np.array_equal(in_context([ANGRY], ["Ann"], CONTEXT)[0], ANGRY)


def test_scores_in_context_are_distributions() -> None:
    for one in in_context(list(TALK), WHO, CONTEXT):
        assert one.dtype == np.float32 and one.min() >= 0 and one.sum() == pytest.approx(1, abs=1e-5)


def test_scores_that_are_certain_stay_distributions() -> None:
    sure = np.eye(len(LABELS), dtype=np.float32)
    said = in_context([sure[0], sure[1]], ["Ann", "Ann"], Context("ekman7", CONTEXT.usual, own=500.0, other=0.0, decay=1.0))
    assert np.allclose(said[1], sure[1])


def test_later_turns_change_nothing_earlier() -> None:
    whole = in_context(list(TALK), WHO, CONTEXT)
    for turns in range(len(TALK)):
        assert np.array_equal(in_context(list(TALK[:turns]), WHO[:turns], CONTEXT), whole[:turns])


def test_turn_by_turn_is_the_same_as_the_whole() -> None:
    conversation = Conversation(CONTEXT)
    said = [conversation.hear(who, scores) for who, scores in zip(WHO, TALK, strict=True)]
    assert np.array_equal(said, in_context(list(TALK), WHO, CONTEXT))


def test_what_a_speaker_felt_lasts() -> None:
    said = in_context([ANGRY, USUAL], ["Ann", "Ann"], CONTEXT)[1]
    assert np.allclose(pull(said), 3 * ((ANGRY - USUAL) - (ANGRY - USUAL)[0]), atol=1e-5)


def test_what_others_feel_pulls_with_a_strength_of_its_own() -> None:
    said = in_context([ANGRY, USUAL], ["Ann", "Bo"], CONTEXT)[1]
    assert np.allclose(pull(said), (ANGRY - USUAL) - (ANGRY - USUAL)[0], atol=1e-5)


def test_a_turn_fades_with_those_in_between() -> None:
    near, far = (
        pull(in_context([ANGRY, *between, USUAL], ["Ann", *who, "Ann"], CONTEXT)[-1]) for between, who in (([], []), ([USUAL], ["Bo"]))
    )
    assert np.allclose(far, near * CONTEXT.decay, atol=1e-5)


def test_of_the_others_the_one_who_spoke_last_counts() -> None:
    happy = np.roll(ANGRY, 3)
    said = in_context([happy, USUAL, ANGRY, USUAL], ["Ann", "Cy", "Ann", "Bo"], CONTEXT)[-1]
    assert np.allclose(said, in_context([ANGRY, USUAL], ["Ann", "Bo"], CONTEXT)[-1], atol=1e-6)


def test_a_turn_as_turns_usually_are_pulls_nowhere() -> None:
    assert np.allclose(
        in_context([USUAL, ANGRY, USUAL, ANGRY], ["Ann", "Bo", "Bo", "Cy"], Context("ekman7", CONTEXT.usual, 3, 0, 1))[-1], ANGRY
    )
    assert np.allclose(in_context([USUAL + 1e-4 * (ANGRY - USUAL), ANGRY], ["Ann", "Ann"], CONTEXT)[1], ANGRY, atol=1e-3)


def test_a_turn_of_nobody_known_takes_no_part() -> None:
    said = in_context([ANGRY, ANGRY, USUAL], [None, None, "Ann"], CONTEXT)
    assert np.array_equal(said[1], ANGRY) and np.array_equal(said[2], USUAL)


def test_a_conversation_knows_nothing_of_the_one_before() -> None:
    Conversation(CONTEXT).hear("Ann", ANGRY)
    assert np.array_equal(Conversation(CONTEXT).hear("Ann", USUAL), USUAL)


def test_scores_that_are_given_are_not_changed() -> None:
    given = TALK.copy()
    in_context(list(given), WHO, CONTEXT)
    assert np.array_equal(given, TALK)


def test_no_turns_are_no_scores() -> None:
    assert in_context([], [], CONTEXT) == []


def test_turns_in_another_label_set_are_refused() -> None:
    with pytest.raises(InputError, match=r"takes 7 scores a turn; given: shape \(3,\)"):
        in_context([USUAL[:3]], ["Ann"], CONTEXT)


def test_every_turn_has_a_speaker_or_none() -> None:
    with pytest.raises(InputError, match="2 turns and 1 speakers"):
        in_context([USUAL, USUAL], ["Ann"], CONTEXT)


def test_the_shipped_numbers_fit_their_label_set() -> None:
    context = open_context()
    assert context.labels == "ekman7" and len(context.usual) == len(LABELS) and sum(context.usual) == pytest.approx(1, abs=1e-3)
    assert context.own > 0 and 0 <= context.decay <= 1


def test_the_shipped_context_is_on_only_where_it_was_measured_to_help() -> None:
    facts = read_card(SHIPPED).facts
    rows = [facts["measured"][rows]["context"]["difference"] for rows in ("cped test", "meld dev")]
    assert facts["on_by_default"] == all(one["nll"][2] < 0 and one["macro_f1"][2] >= 0 for one in rows)


def test_a_card_without_the_numbers_is_refused(tmp_path: Path) -> None:
    write_card(Card("text_context", "00000000", "text", ("zh",), {"weights": "none"}, True, {}, {"labels": "ekman7", "own": 1.0}), tmp_path)
    with pytest.raises(WeightsError, match="holds no context: KeyError"):
        open_context(tmp_path)
