"""What comes with a model: of what it is made under which licences, and what was measured of it, on the very weights that ship."""

from dataclasses import replace
from pathlib import Path

import pytest

from affekt import catalog
from affekt.encoders._card import read_card, write_card
from affekt.errors import WeightsError
from affekt.shipped import MEASURED, Shipped, materials, measured, shipped

ALL = pytest.mark.parametrize("one", shipped(), ids=lambda one: one.card.name)


@ALL
def test_every_material_has_a_licence(one: Shipped) -> None:
    made_of = materials(one.card)
    assert all(material.name and material.licence for material in made_of)
    assert {"weights", "code", "data"} == {material.what for material in made_of}
    assert {name.lower() for name in one.card.facts.get("trained_on", {})} <= {
        material.name.lower().replace("+", "plus") for material in made_of if material.what == "data"
    }


@ALL
def test_a_commercial_model_is_made_of_nothing_that_forbids_it(one: Shipped) -> None:
    if one.card.commercial:
        assert not [material for material in materials(one.card) if "NC" in material.licence or "none" in material.licence]


def test_a_model_of_ones_own_says_what_it_says_of_its_data(tmp_path: Path) -> None:
    own = replace(
        shipped()[0].card, name="mine", licence={"code": "MIT", "weights": "MIT", "data": "our own tickets; not given out"}, facts={}
    )
    assert [(one.name, one.licence) for one in materials(own) if one.what == "data"] == [
        ("training data", "our own tickets; not given out")
    ]
    assert measured(tmp_path) == []


@ALL
def test_what_was_measured_is_of_the_shipped_weights_and_small(one: Shipped) -> None:
    sets = measured(one.folder)  # refuses those of another revision
    assert sets and (one.folder / MEASURED).stat().st_size < 100_000
    for found in sets:
        assert found["split"] and found["command"].startswith("python bench/cards.py ")
        assert found["labels"] in catalog.names("labels")
        for part in (found, *found["groups"]):
            low, high = part.get("interval", (0, 1))
            assert part["n"] >= 30 and low <= part.get("macro_f1", high) <= high


@ALL
def test_a_reliability_diagram_holds_every_row_and_gives_the_error_that_is_told(one: Shipped) -> None:
    for found in (found for found in measured(one.folder) if found["reliability"]):
        bins = found["reliability"]
        assert sum(part["n"] for part in bins) == found["n"]
        error = sum(part["n"] * abs(part["predicted"] - part["observed"]) for part in bins) / found["n"]
        assert error == pytest.approx(found["ece"], abs=2e-4)


def test_every_label_set_of_ekman_is_judged_whole_and_by_language() -> None:
    text = next(one for one in shipped() if one.card.name == "text_affekt")
    sets = {found["data"]: found for found in measured(text.folder)}
    languages = {group["name"] for group in sets["BRIGHTER dev"]["groups"] if group["kind"] == "language"}
    assert len(languages) >= 20 and set(text.card.calibration) == {found["labels"] for found in sets.values()} | {"ekman7"}


def test_figures_of_other_weights_are_refused(tmp_path: Path) -> None:
    card = read_card(shipped()[0].folder)
    write_card(replace(card, revision="00000000"), tmp_path)
    (tmp_path / MEASURED).write_text((shipped()[0].folder / MEASURED).read_text())
    with pytest.raises(WeightsError, match=r"run bench/cards\.py"):
        measured(tmp_path)
    (tmp_path / MEASURED).write_text("{")
    with pytest.raises(WeightsError, match="is not JSON"):
        measured(tmp_path)
