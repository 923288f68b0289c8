"""What a model's card promises: it survives its file, and a broken one says what a card is."""

import json
from pathlib import Path

import pytest

from affekt.encoders._card import check_speaks, read_card, revision_of, write_card
from affekt.errors import InputError, WeightsError
from affekt.parts import Calibration, Card

CARD = Card(
    name="tiny",
    revision="0123abcd",
    modality="text",
    languages=("en", "zh"),
    licence={"code": "Apache-2.0", "weights": "MIT", "data": "没有"},
    commercial=True,
    calibration={
        "sentiment3": Calibration((1.0, 2.0, 0.5), (0.0, 0.1, -0.1), abstain_below=0.3),
        "ekman6": Calibration((1.0,) * 6, (0.0,) * 6, (0.5,) * 6),
    },
    facts={"family": "text_tfidf", "rows": 3, "limits": ["small"]},
)


def test_a_card_survives_its_file(tmp_path: Path) -> None:
    write_card(CARD, tmp_path)
    assert read_card(tmp_path) == read_card(tmp_path / "card.json") == CARD
    write_card(CARD, tmp_path / "other.json")
    assert read_card(tmp_path / "other.json") == CARD


@pytest.mark.parametrize(
    "change",
    [
        {"commercial": "false"},
        {"modality": "smell"},
        {"calibration": {"ekman6": {"scale": [1.0], "shift": [0.0, 0.0]}}},
        {"calibration": {"ekman6": {"scale": ["x"], "shift": [0.0]}}},
        {"calibration": []},
        {"colour": "red"},
        {"languages": None},
    ],
    ids=str,
)
def test_a_broken_card_is_refused(change: dict, tmp_path: Path) -> None:
    write_card(CARD, tmp_path)
    given = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**given, **change}))
    with pytest.raises(WeightsError, match=r"is not a model card: .*a card has the fields name, revision"):
        read_card(tmp_path)


def test_an_absent_or_unreadable_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no card can be read"):
        read_card(tmp_path)
    for content, says in [("{", "is not JSON"), ("[1]", "is not a model card"), ("{}", "is not a model card")]:
        (tmp_path / "card.json").write_text(content)
        with pytest.raises(WeightsError, match=says):
            read_card(tmp_path)


def test_a_model_is_only_asked_what_it_speaks() -> None:
    check_speaks(CARD, ["ekman6", "sentiment3"])
    with pytest.raises(InputError, match="tiny does not speak 'vad'; it speaks: sentiment3, ekman6"):
        check_speaks(CARD, ["ekman6", "vad"])


def test_a_revision_is_the_head_of_the_sha256(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"abc")
    assert revision_of(tmp_path / "weights") == "ba7816bf"  # FIPS 180-2, example B.1
