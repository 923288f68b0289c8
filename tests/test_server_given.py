"""A timeline that a caller sends: kept as a session by the rules of everything that is saved, or written in any format."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from affekt import __version__, catalog
from affekt.results import Mark, Timeline
from affekt.server.given import GivenTimeline
from affekt.store.audit import entries, last_number
from people_made import ANNA, decided, reading, serving, shown, talk

SPOKEN = Timeline("live", 3, "seconds", "ekman7", (reading("Anna", 0, words=ANNA), reading("Bob", 2)), marks=(Mark(1.5, "asked"),))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("server"), keep_text_days=1) as client:
        yield client


def give(client: TestClient, timeline: Timeline | dict[str, Any], **asked: Any) -> Any:
    given = timeline if isinstance(timeline, dict) else timeline.to_dict()
    return client.post("/v1/sessions", json={"timeline": given, **asked})


def test_a_timeline_that_is_given_comes_back_whole(client: TestClient) -> None:
    whole = replace(talk(), marks=(Mark(4.0, "sighs"), Mark(0.5)))
    reply = give(client, whole, name="talk", subjects={"Anna": "p-1"})
    assert reply.status_code == 201
    saved = client.get(f"/v1/sessions/{reply.json()['id']}").json()
    assert decided(Timeline.from_dict(saved)) == decided(whole) and saved["source"] == "talk"
    (told,) = client.get("/v1/sessions", params={"subject": "p-1"}).json()["sessions"]
    assert (told["id"], told["origin"], told["name"], told["subjects"]) == (reply.json()["id"], "given", "talk", ["p-1"])


def test_what_older_timelines_lack_may_be_left_out(client: TestClient) -> None:
    older = {name: one for name, one in SPOKEN.to_dict().items() if name not in ("marks", "events")}
    assert give(client, older).status_code == 201


def spoilt(**given: Any) -> dict[str, Any]:
    whole = SPOKEN.to_dict()
    return {**whole, "readings": [{**whole["readings"][0], **given}, whole["readings"][1]]}


@pytest.mark.parametrize(
    ("timeline", "said"),
    [
        ({**SPOKEN.to_dict(), "labels": "ekman8"}, "ekman7"),
        ({**SPOKEN.to_dict(), "labels": "sentiment3"}, "readings of ekman7 in a timeline of sentiment3"),
        ({**SPOKEN.to_dict(), "duration": "long"}, "timeline.duration"),
        ({**SPOKEN.to_dict(), "unit": "hours"}, "timeline.unit"),
        ({**SPOKEN.to_dict(), "readings": None}, "timeline.readings"),
        ({**SPOKEN.to_dict(), "marks": [{"time": -1}]}, "a mark at -1"),
        ({**SPOKEN.to_dict(), "marks": [{"time": 1e308}]}, "between 0 and 1e+09"),
        ({**SPOKEN.to_dict(), "duration": -1}, "a time of -1"),
        ({**SPOKEN.to_dict(), "warnings": ["\x00"]}, "U+0000"),
        (spoilt(start=9), "a stretch from 9"),
        (spoilt(scores={"joy": 0.5}), "sum to 0.5"),
        (spoilt(scores={"bliss": 1.0}), "no 'bliss' in ekman7"),
        (spoilt(valence=2), "valence is 2"),
        (spoilt(provisional=True), "provisional"),
        (spoilt(who=7), "readings.0.who"),
    ],
)
def test_what_is_no_timeline_of_this_server_is_refused_with_what_is_wrong(client: TestClient, timeline: Any, said: str) -> None:
    reply = give(client, timeline)
    assert reply.status_code == 422 and said in reply.json()["detail"]


def test_numbers_that_are_none_and_bodies_that_are_no_json_are_refused(client: TestClient) -> None:
    for body in (json.dumps({"timeline": {**SPOKEN.to_dict(), "duration": float("nan")}}), '{"timeline": ', "[]", '{"time": 1}', "\ud800"):
        assert client.post("/v1/sessions", content=body.encode("utf-8", "surrogatepass")).status_code == 422
    assert give(client, SPOKEN, nome="x").status_code == 422


def test_a_body_may_be_as_large_as_its_limit(tmp_path: Path) -> None:
    with serving(tmp_path, most_bytes=2**21, most_session_bytes=4 * 2**20) as client:
        long = replace(SPOKEN, readings=SPOKEN.readings * 1400)
        assert 2**20 < len(long.to_json()) < 2**21
        assert client.post("/v1/formats/csv", content=long.to_json()).status_code == 200
        assert client.post("/v1/formats/csv", content=b" " * (2**21 + 1)).status_code == 413
        assert give(client, replace(long, readings=long.readings * 2)).status_code == 201
        assert client.post("/v1/sessions", content=b" " * (4 * 2**20 + 1)).status_code == 413


def lean(given: Any) -> Any:
    """Without members that are null."""
    if isinstance(given, dict):
        return {name: lean(one) for name, one in given.items() if one is not None}
    return [lean(one) for one in given] if isinstance(given, list) else given


def test_members_that_are_null_may_be_left_out(client: TestClient) -> None:
    whole = talk()
    sent = lean(whole.to_dict())
    assert len(json.dumps(sent)) < 0.75 * len(whole.to_json())
    saved = client.get(f"/v1/sessions/{give(client, sent).json()['id']}").json()
    assert decided(Timeline.from_dict(saved)) == decided(whole)


def test_the_same_that_comes_again_is_the_same_session(client: TestClient) -> None:
    def sent(name: str, word: str = "click-1") -> Any:
        return client.post("/v1/sessions", json={"timeline": SPOKEN.to_dict(), "name": name}, headers={"Idempotency-Key": word})

    first, again = sent("one"), sent("one")
    assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
    assert sent("two").status_code == 422 and "another timeline" in sent("two").json()["detail"]
    assert sent("two", "click-2").status_code == 201
    assert give(client, SPOKEN).json() != give(client, SPOKEN).json()  # without a key each is a session of its own


def test_the_same_at_the_same_time_is_saved_once(client: TestClient) -> None:
    def sent(_: int) -> Any:
        return client.post("/v1/sessions", json={"timeline": SPOKEN.to_dict()}, headers={"Idempotency-Key": "at-once"})

    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(sent, range(4)))
    assert sorted(one.status_code for one in replies) == [200, 200, 200, 201]
    assert len({one.json()["id"] for one in replies}) == 1


def test_who_was_erased_since_the_reading_began_is_not_back_on_record(client: TestClient) -> None:
    subjects = {"Anna": "p-erased"}
    assert give(client, SPOKEN, subjects=subjects).status_code == 201
    since = last_number(client.app.state.service.store)  # type: ignore[attr-defined]
    assert give(client, SPOKEN, subjects=subjects, since=since).status_code == 201
    assert client.delete("/v1/subjects/p-erased").status_code == 200
    refused = give(client, SPOKEN, subjects=subjects, since=since)
    assert refused.status_code == 403 and "was erased" in refused.json()["detail"]
    assert client.get("/v1/subjects/p-erased").status_code == 404
    assert give(client, SPOKEN, subjects={"Anna": "p-4"}, since=since).status_code == 201
    assert give(client, SPOKEN, subjects=subjects, since=10**6).status_code == 201  # nothing is later than now


def test_where_nothing_is_kept_it_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, keep_readings_days=0) as client:
        assert give(client, SPOKEN).status_code == 403


def test_words_and_notes_are_kept_only_where_words_are(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        saved = client.get(f"/v1/sessions/{give(client, SPOKEN).json()['id']}").json()
        assert saved["marks"] == [{"time": 1.5, "note": ""}] and ANNA not in json.dumps(saved)


@pytest.mark.parametrize("modality", ["speech", "face", "fused"])
def test_what_may_not_be_read_here_is_not_kept_either(tmp_path: Path, modality: Any) -> None:
    shares = {"text": 0.5, "face": 0.5} if modality == "fused" else None
    one = reading("Anna", 0, modality=modality, shares=shares)
    whole = replace(SPOKEN, readings=() if shares else (one,), fused=(one,) if shares else ())
    with serving(tmp_path, setting="workplace") as client:
        reply = give(client, whole)
        assert reply.status_code == 403 and "Art. 5(1)(f)" in reply.json()["detail"]
        assert give(client, replace(SPOKEN, readings=(reading("Anna", 0, modality="text"),))).status_code == 201
        assert client.get("/v1/deployment").json()["modalities"][1]["allowed"] is False
    with serving(tmp_path / "medical", setting="workplace", reason="medical") as client:
        assert give(client, whole).status_code == 201
        assert "reason.used" not in [one.action for one in entries(client.app.state.service.store)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", ["readings", "fused"])
@pytest.mark.parametrize("shares", [None, {"text": 0.5, "speech": 0.5}])
def test_what_does_not_say_of_what_it_was_fused_may_be_of_all(tmp_path: Path, where: str, shares: Any) -> None:
    one = reading("Anna", 0, modality="fused", shares=shares)
    whole = replace(SPOKEN, **{"readings": (), "fused": (), where: (one,)})
    with serving(tmp_path, setting="workplace") as client:
        assert give(client, whole).status_code == 403


def test_only_what_people_agreed_to_is_kept(tmp_path: Path) -> None:
    with serving(tmp_path, require_consent=True, keep_text_days=1) as client:
        assert give(client, SPOKEN).status_code == give(client, SPOKEN, subjects={"Anna": "p-1"}).status_code == 403
        consent = {"purpose": "other", "modalities": ["speech", "face"]}
        assert client.post("/v1/subjects/p-1/consents", json=consent).status_code == 201
        saved = client.get(f"/v1/sessions/{give(client, SPOKEN, subjects={'Anna': 'p-1'}).json()['id']}").json()
        assert [one["who"] for one in saved["readings"]] == ["Anna"] and "left out" in saved["warnings"][0]
        assert saved["marks"] == [{"time": 1.5, "note": ""}]  # what was noted may be of Bob


def test_what_is_kept_of_a_person_is_erased_with_notes(client: TestClient) -> None:
    session = give(client, replace(talk(), marks=(Mark(1, "Anna laughs"),)), subjects={"Anna": "p-2", "Bob": "p-3"}).json()["id"]
    lines = client.get("/v1/subjects/p-3/export").text
    assert session in lines and "Anna" not in lines and "p-2" not in lines
    assert client.delete("/v1/subjects/p-2").status_code == 200
    assert client.get(f"/v1/sessions/{session}").json()["marks"] == [{"time": 1, "note": ""}]


# Formats ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", catalog.names("formats"))
def test_a_timeline_is_written_in_every_format(client: TestClient, name: str) -> None:
    part: Any = catalog.find("formats", name)
    told = next(one for one in client.get("/v1/formats").json() if one["name"] == name)
    assert (told["ending"], told["binary"]) == (part.ending, part.binary) and told["about"]
    reply = client.post(f"/v1/formats/{name}", content=talk().to_json())
    assert reply.status_code == 200 and reply.headers["content-type"].startswith(told["media_type"])
    assert reply.headers["content-disposition"] == f"attachment; filename*=utf-8''timeline.{part.ending}"
    written = part.write(GivenTimeline.model_validate_json(talk().to_json()).root)  # whose numbers are all floats
    assert reply.content == (written if part.binary else written.encode())


def test_what_a_format_cannot_hold_and_formats_that_there_are_not_are_refused(client: TestClient) -> None:
    text = client.post("/v1/read", json={"text": "so proud of you all"}).json()["timelines"][0]
    refused = client.post("/v1/formats/srt", json=text)
    assert refused.status_code == 422 and "csv" in refused.json()["detail"]
    refused = client.post("/v1/formats/docx", json=text)
    assert refused.status_code == 422 and "webvtt" in refused.json()["detail"]
    assert client.post("/v1/formats/csv", json={}).status_code == 422
    endless = replace(talk(), duration=1e308)
    assert client.post("/v1/formats/srt", content=endless.to_json()).status_code == 422


# What a deployment says of itself -----------------------------------------------------------------------------------------------------


def test_a_deployment_says_what_it_is(tmp_path: Path) -> None:
    with serving(tmp_path, setting="education", reason="safety", purpose="safety", keep_media_days=2, transcript="/models/ears") as client:
        told = client.get("/v1/deployment").json()
        assert (told["version"], told["setting"], told["reason"]) == (__version__, "education", "safety")
        text, speech, face = told["modalities"]
        assert text["article"] is None and text["allowed"] and speech["allowed"] and face["allowed"]
        assert speech["article"] == "Regulation (EU) 2024/1689, Art. 5(1)(f)" and "safety" in speech["why"]
        assert told["keep"] == {"readings_days": 30, "text_days": 0, "media_days": 2, "results_hours": 24}
        assert told["limits"]["bytes"] == 64 * 2**20 and told["limits"]["streams"] == 64
        assert (told["labels"], told["transcript"], told["access"]) == ("ekman7", "ears", "open")
        assert told["caller"] == {"key": "open", "name": None, "role": "admin"}
        word = client.post("/v1/keys", json={"name": "desk", "role": "admin"}).json()
        told = client.get("/v1/deployment", headers=shown(word["key"])).json()
        assert told["caller"] == {"key": word["id"], "name": "desk", "role": "admin"}
