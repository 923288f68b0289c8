"""Which face goes with which voice: by the mouth, by what went together before, and never two voices to a face."""

import random

import pytest

from affekt.people import HISTORY, NOBODY, TAKEN, People, called

ANNA, BEN = "face 1", "face 2"


def known(**seconds: dict[str, float]) -> People:
    """Those whose voices, `a` and `b`, were spoken by faces for so long."""
    people = People(order=[ANNA, BEN])
    for voice, faces in seconds.items():
        for face, length in faces.items():
            assert people.speaks(voice, {face: 9.0}, seconds=length) == face
    return people


# --- who speaks


def test_the_face_speaks_whose_mouth_does_and_nobody_where_none_does() -> None:
    people = People()
    assert people.speaks("a", {ANNA: 1.2, BEN: -0.5}, seconds=2) == ANNA
    assert people.speaks("b", {ANNA: -2.0, BEN: -0.1}, seconds=2) is None
    assert people.speaks("b", {}, seconds=2) is None
    assert people.together == {"a": {ANNA: 2.0}, "b": {NOBODY: 2.0}} and people.joined() == {"a": ANNA}


def test_two_who_are_as_likely_get_no_third() -> None:
    assert People().speaks("a", {ANNA: 0.0, BEN: 0.0}, seconds=1) is None  # a chance of a half is no answer


def test_whose_voice_it_was_before_counts_a_little() -> None:
    people = known(a={ANNA: 6.0})
    assert people.prior("a", ANNA) == HISTORY and people.prior("a", BEN) == -HISTORY
    assert people.likeliest("a", {ANNA: 0.0, BEN: 0.9}) == ANNA
    assert people.likeliest("a", {ANNA: -1.6, BEN: -1.0}) is None
    assert people.likeliest("a", {ANNA: 0.0, BEN: 2 * HISTORY + TAKEN + 0.1}) == BEN  # what is seen now counts for more
    assert abs(known(a={ANNA: 0.2}).prior("a", ANNA)) < 0.3  # a moment tells little


def test_a_face_that_goes_with_another_voice_is_less_likely_to_speak() -> None:
    people = known(a={ANNA: 6.0})
    assert people.prior("b", ANNA) == -TAKEN and people.prior("b", BEN) == 0
    assert people.likeliest("b", {ANNA: 0.8}) is None and people.likeliest("b", {ANNA: 1.2}) == ANNA


def test_of_an_utterance_that_goes_on_nothing_is_learned() -> None:
    people = known(a={ANNA: 1.0})
    before = {voice: dict(faces) for voice, faces in people.together.items()}
    people.likeliest("a", {BEN: 9.0})
    people.likeliest("b", {BEN: 9.0})
    assert people.together == before


def test_what_was_said_of_who_speaks_is_never_taken_back() -> None:
    rng = random.Random(0)
    talk = [(rng.choice("ab"), {face: rng.gauss(0, 3) for face in (ANNA, BEN)}, rng.uniform(0.5, 9)) for _ in range(60)]

    def told(count: int) -> list[str | None]:
        people = People()
        return [people.speaks(voice, evidence, seconds=seconds) for voice, evidence, seconds in talk[:count]]

    whole = told(60)
    assert len(set(whole)) == 3 and all(told(count) == whole[:count] for count in range(60))


# --- who is one person


def test_a_voice_belongs_to_the_face_that_it_went_with_for_longer() -> None:
    assert known(a={ANNA: 5.0, BEN: 1.0}, b={BEN: 2.0}).joined() == {"a": ANNA, "b": BEN}
    assert known(a={ANNA: 2.0, BEN: 2.0}).joined() == {}  # of neither for most of the time


@pytest.mark.parametrize("seed", range(5))
def test_each_face_has_one_voice_at_most_and_each_voice_one_face(seed: int) -> None:
    rng = random.Random(seed)
    people = People(order=[f"face {at}" for at in range(4)])
    for _ in range(40):
        people.speaks(rng.choice("abcdef"), {f"face {at}": rng.gauss(0, 4) for at in range(4)}, seconds=rng.uniform(0.5, 5))
    joined = people.joined()
    assert joined and len(set(joined.values())) == len(joined)
    voices, faces = people.names()
    assert len(set(faces.values())) == len(faces) and {voices[voice] for voice in joined} == set(faces.values())


def test_the_one_who_spoke_longest_with_a_face_has_it() -> None:
    assert known(a={ANNA: 2.0}, b={ANNA: 5.0}).joined() == {"b": ANNA}


# --- what they are called


def test_face_and_voice_of_one_person_have_one_name_and_others_keep_theirs() -> None:
    assert known(a={BEN: 3.0}).names() == ({"a": "person 2"}, {BEN: "person 2"})


def test_nobody_gets_anothers_number_when_more_people_speak() -> None:
    people = People()
    for face in (ANNA, BEN):
        people.appear(face)
    people.speaks("a", {BEN: 9.0}, seconds=1)
    assert people.names() == ({"a": "person 2"}, {BEN: "person 2"})
    people.speaks("b", {ANNA: 9.0}, seconds=9)
    assert people.names() == ({"a": "person 2", "b": "person 1"}, {ANNA: "person 1", BEN: "person 2"})


def test_a_name_that_was_given_is_the_persons() -> None:
    people = known(Anna={ANNA: 3.0}, a={BEN: 3.0})
    people.given = frozenset({"Anna"})
    voices, faces = people.names({"Anna": "the caller", "a": "Ben"})
    assert voices == {"Anna": "Anna", "a": "Ben"} and faces == {ANNA: "Anna", BEN: "Ben"}


def test_a_transcript_gives_a_name_to_a_voice_whose_face_is_not_seen() -> None:
    assert known(a={ANNA: 3.0}).names({"b": "Ben"}) == ({"b": "Ben", "a": "person 1"}, {ANNA: "person 1"})


def test_a_voice_without_a_name_can_be_a_person() -> None:
    people = People()
    people.speaks(None, {ANNA: 3.0}, seconds=2)
    assert people.joined() == {None: ANNA} and people.names() == ({None: "person 1"}, {ANNA: "person 1"})


def test_a_voice_is_called_what_most_of_its_lines_are() -> None:
    shared = [("a", "Anna", 2.0), ("a", "Ben", 1.0), ("a", "Anna", 1.0), ("b", "Ben", 2.0), ("b", "Anna", 2.5), ("c", "Cleo", 0.0)]
    assert called(shared) == {"a": "Anna", "b": "Ben"}  # each name goes to one voice
    assert called([]) == {}


def test_a_voice_that_mostly_no_face_speaks_belongs_to_none() -> None:
    people = People()
    people.speaks("a", {ANNA: 1.2}, seconds=2)
    people.speaks("a", {ANNA: -9.0}, seconds=3)
    assert people.joined() == {} and people.names() == ({}, {})
