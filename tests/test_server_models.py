"""`GET /v1/models`: the models that a server reads with, then the others that come with Affekt, each with what its card says."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from affekt.server.app import make_app
from affekt.settings import resolve_server
from affekt.shipped import shipped


def listed(folder: Path, **settings: Any) -> list[dict[str, Any]]:
    app = make_app(resolve_server(folder=str(folder), access="open", **settings))
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.get("/v1/models")
        assert answer.status_code == 200
        return list(answer.json())


def test_all_that_ships_is_listed_and_what_is_in_use_comes_first(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert {one["name"] for one in found} == {one.card.name for one in shipped()}
    used = [one["name"] for one in found if one["in_use"]]
    assert sorted(used) == ["face_affekt", "fusion_log_linear", "speech_affekt", "text_affekt"]
    assert [one["name"] for one in found[: len(used)]] == used


def test_another_choice_of_models_is_told(tmp_path: Path) -> None:
    found = {one["name"]: one for one in listed(tmp_path, speech_model="speech_affekt_free", fusion="mean", context=True)}
    assert {name for name, one in found.items() if one["in_use"]} == {"face_affekt", "speech_affekt_free", "text_affekt", "text_context"}


def test_a_model_tells_licences_limits_materials_and_what_was_measured(tmp_path: Path) -> None:
    found = {one["name"]: one for one in listed(tmp_path)}
    for one in shipped():
        told = found[one.card.name]
        assert told["limits"] == list(one.card.facts.get("limits", ()))
        assert told["licence"] == dict(one.card.licence) and told["commercial"] == one.card.commercial
        assert told["labels"] == list(one.sets) and {part["what"] for part in told["materials"]} == {"data", "weights", "code"}
    sets = found["text_affekt"]["measured"]
    assert sets[0]["labels"] == "ekman7" and {group["kind"] for group in sets[0]["groups"]} == {"language", "corpus"}
    assert sum(one["n"] for one in sets[0]["reliability"]) == sets[0]["n"]
    assert next(one for one in sets if one["labels"] == "vad")["pearson"]["valence"] == pytest.approx(0.704, abs=1e-3)
