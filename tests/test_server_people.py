"""People before the server: what is saved, who sees it, what they agreed to, and what is left when they are erased."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from affekt.results import Timeline
from affekt.server.permission import only_agreed
from affekt.server.sessions import FORMATS
from affekt.store.audit import entries
from affekt.store.database import open_store
from affekt.store.erasure import erase_subject
from affekt.store.keys import ROLES, make_key
from affekt.store.sessions import save_session
from affekt.store.subjects import put_subject, withdraw_consent
from people_made import ANNA, BOB, TRANSCRIPT, decided, reading, serving, shown, talk

SAMPLE = Path(__file__).parents[1] / "src" / "affekt" / "samples" / "train.ogg"
TEXT = "so proud of you all"
Keys = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Keys]]:
    """A server that keeps words and media, and what to show for each role, and for a second reader."""
    folder = tmp_path_factory.mktemp("server")
    store = open_store(folder)
    keys = {name: shown(make_key(store, name, role=name.removesuffix("2"))[1]) for name in (*ROLES, "reader2")}
    store.close()
    with serving(folder, access="keys", keep_text_days=1, keep_media_days=1) as client:
        yield client, keys


def read(client: TestClient, headers: dict[str, str], **asked: Any) -> dict[str, Any]:
    reply = client.post("/v1/read", json={"text": TEXT, **asked}, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def send(client: TestClient, file: Path, *, headers: dict[str, str] | None = None, **options: Any) -> Any:
    with file.open("rb") as opened:
        return client.post("/v1/read", files={"file": (file.name, opened)}, data={"options": json.dumps(options)}, headers=headers)


def actions(client: TestClient) -> list[str]:
    return [one.action for one in entries(client.app.state.service.store)]  # type: ignore[attr-defined]


# What is saved ------------------------------------------------------------------------------------------------------------------------


def test_nothing_is_saved_unless_it_is_asked_for(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    before = client.get("/v1/sessions", headers=keys["admin"]).json()
    assert read(client, keys["reader"])["sessions"] == [None]
    assert client.get("/v1/sessions", headers=keys["admin"]).json() == before


def test_what_was_read_comes_back_as_it_was_saved(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    reply = read(client, keys["reader"], save=True, name="praise", subjects={"*": "p-1"})
    saved = client.get(f"/v1/sessions/{reply['sessions'][0]}", headers=keys["reader"]).json()
    assert decided(Timeline.from_dict(saved)) == decided(Timeline.from_dict(reply["timelines"][0])) and saved["source"] == "praise"


def test_of_several_texts_those_that_could_be_read_are_saved(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    reply = client.post("/v1/read", json={"texts": [TEXT, "", TEXT], "save": True}, headers=keys["reader"]).json()
    assert [one is None for one in reply["sessions"]] == [False, True, False] and len(set(reply["sessions"])) == 3


def test_readers_see_only_what_their_own_key_saved(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    (mine,) = read(client, keys["reader"], save=True)["sessions"]
    for path in ("", "/media"):
        assert client.get(f"/v1/sessions/{mine}{path}", headers=keys["reader2"]).status_code == 404
    assert client.delete(f"/v1/sessions/{mine}", headers=keys["reader2"]).status_code == 404
    given = {"number": 0, "labels": ["joy"]}
    assert client.post(f"/v1/sessions/{mine}/feedback", json=given, headers=keys["reader2"]).status_code == 404
    assert client.get(f"/v1/sessions?after={mine}", headers=keys["reader2"]).status_code == 404

    def listed(name: str) -> list[str]:
        return [one["id"] for one in client.get("/v1/sessions?limit=1000", headers=keys[name]).json()["sessions"]]

    assert mine in listed("reader") and mine not in listed("reader2") and mine in listed("analyst")
    assert client.get(f"/v1/sessions/{mine}", headers=keys["analyst"]).status_code == 200
    assert client.delete(f"/v1/sessions/{mine}", headers=keys["analyst"]).status_code == 403
    assert client.delete(f"/v1/sessions/{mine}", headers=keys["reader"]).status_code == 204
    assert client.get(f"/v1/sessions/{mine}", headers=keys["reader"]).status_code == 404


@pytest.mark.parametrize("format_", FORMATS)
def test_a_session_comes_in_every_format_of_text(server: tuple[TestClient, Keys], format_: str) -> None:
    client, keys = server
    service = client.app.state.service  # type: ignore[attr-defined]
    session = save_session(service.store, talk(), key="x", origin="read", subjects={}, settings=service.settings)
    reply = client.get(f"/v1/sessions/{session}?format={format_}", headers=keys["admin"])
    assert reply.status_code == 200 and "Anna" in reply.text


def test_a_format_of_pixels_is_refused_with_those_that_there_are(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    (session,) = read(client, keys["reader"], save=True)["sessions"]
    reply = client.get(f"/v1/sessions/{session}?format=png", headers=keys["reader"])
    assert reply.status_code == 422 and "webvtt" in reply.json()["detail"]


def test_feedback_is_given_by_the_label_set_and_comes_back_as_rows(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    (session,) = read(client, keys["reader"], save=True)["sessions"]

    def give(**asked: Any) -> int:
        return client.post(f"/v1/sessions/{session}/feedback", json={"number": 0, **asked}, headers=keys["reader"]).status_code

    assert give(labels=["joy"], comment="she meant it") == 201
    assert give(labels=["happiness"]) == give(labels=[]) == give(labels=["joy", "fear"]) == give(labels=["joy"], number=99) == 422
    told = client.get("/v1/feedback?limit=1000", headers=keys["analyst"]).json()["feedback"]
    assert (told[-1]["session"], told[-1]["labels"], told[-1]["text"], told[-1]["set"]) == (session, ["joy"], TEXT, "ekman7")
    rows = [json.loads(line) for line in client.get("/v1/feedback?format=jsonl", headers=keys["analyst"]).text.splitlines()]
    assert {"text": TEXT, "labels": ["joy"], "dialogue": session} in rows


def test_where_nothing_is_kept_nothing_can_be_saved(tmp_path: Path) -> None:
    with serving(tmp_path, keep_readings_days=0) as client:
        assert client.post("/v1/read", json={"text": TEXT}).status_code == 200
        refused = client.post("/v1/read", json={"text": TEXT, "save": True})
        assert refused.status_code == 403 and "keep_readings_days" in refused.json()["detail"]


@pytest.mark.parametrize("subjects", [{"*": "a/b"}, {"*": ".."}, {"*": ""}, {"*": "a\x00b"}, {"": "a"}, {"*": "x" * 201}, ["a"], {"*": 1}])
def test_ids_that_no_address_can_hold_are_refused(server: tuple[TestClient, Keys], subjects: Any) -> None:
    client, keys = server
    reply = client.post("/v1/read", json={"text": TEXT, "save": True, "subjects": subjects}, headers=keys["reader"])
    assert reply.status_code == 422


# People -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["anna", "Ännä 中", "a+b&c=d", "anna@example.org", "x" * 200])
def test_a_person_is_put_on_record_read_of_exported_and_erased(server: tuple[TestClient, Keys], subject: str) -> None:
    client, keys = server
    where = f"/v1/subjects/{quote(subject, safe='')}"
    assert client.put(where, headers=keys["analyst"]).json()["id"] == subject
    (session,) = read(client, keys["reader"], save=True, subjects={"*": subject})["sessions"]
    consent = client.post(f"{where}/consents", json={"purpose": "research", "modalities": ["face"]}, headers=keys["analyst"]).json()
    whole = client.get(where, headers=keys["analyst"]).json()
    assert whole["kept"]["sessions"] == 1 and whole["kept"]["readings"] >= 1 and [one["id"] for one in whole["consents"]] == [consent["id"]]
    exported = [json.loads(line) for line in client.get(f"{where}/export", headers=keys["analyst"]).text.splitlines()]
    assert exported[0]["id"] == subject and exported[1]["id"] == session and exported[1]["timeline"]["transcript"] == TEXT
    withdrawn = client.delete(f"{where}/consents/{consent['id']}", headers=keys["analyst"]).json()
    assert withdrawn["withdrawn"] and client.delete(f"{where}/consents/consent_x", headers=keys["analyst"]).status_code == 404
    receipt = client.delete(where, headers=keys["admin"]).json()
    assert receipt["erased"]["sessions"] == receipt["erased"]["consents"] == 1
    assert client.get(where, headers=keys["analyst"]).status_code == client.delete(where, headers=keys["admin"]).status_code == 404
    assert client.get(f"/v1/sessions/{session}", headers=keys["admin"]).status_code == 404


def test_people_are_listed_page_by_page(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    for number in range(5):
        client.put(f"/v1/subjects/page-{number}", headers=keys["analyst"])
    seen: list[str] = []
    while page := client.get("/v1/subjects", params={"after": seen[-1] if seen else "", "limit": 2}, headers=keys["analyst"]).json()[
        "subjects"
    ]:
        seen += [one["id"] for one in page]
    assert len(seen) == len(set(seen)) and {f"page-{number}" for number in range(5)} <= set(seen)


def test_people_are_found_by_a_part_of_their_ids(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    for name in ("Zoë 50%_x", "zoë 50 xx", "ZOË"):
        client.put(f"/v1/subjects/{quote(name)}", headers=keys["analyst"])

    def found(**asked: Any) -> list[str]:
        reply = client.get("/v1/subjects", params=asked, headers=keys["analyst"])
        assert reply.status_code == 200, reply.text
        return [one["id"] for one in reply.json()["subjects"]]

    assert found(part="zOË") == ["ZOË", "Zoë 50%_x", "zoë 50 xx"]
    assert found(part="50%_") == ["Zoë 50%_x"] and found(part="0_x") == []
    assert found(part="ë", limit=1) == ["ZOË"] and found(part="ë", after="ZOË", limit=1) == ["Zoë 50%_x"]
    assert client.get("/v1/subjects?part=%00", headers=keys["analyst"]).status_code == 422
    assert client.get("/v1/subjects?part=z", headers=keys["reader"]).status_code == 403


def test_a_receipt_is_verified_with_nothing_but_the_public_key(server: tuple[TestClient, Keys], tmp_path: Path) -> None:
    client, keys = server
    client.put("/v1/subjects/gone", headers=keys["analyst"])
    receipt = client.delete("/v1/subjects/gone", headers=keys["admin"]).json()
    (tmp_path / "key.pem").write_text(client.get("/v1/receipts/key").text)
    folder = str(client.app.state.service.store.folder)  # type: ignore[attr-defined]

    def verified(given: dict[str, Any], *flags: str) -> int:
        (tmp_path / "receipt.json").write_text(json.dumps(given))
        command = [sys.executable, "-m", "affekt", "audit", "receipt", str(tmp_path / "receipt.json"), *flags]
        return subprocess.run(command, capture_output=True, timeout=120).returncode

    forged = {**receipt, "erased": {**receipt["erased"], "sessions": 100}}
    assert verified(receipt, "--key", str(tmp_path / "key.pem")) == verified(receipt, "--folder", folder) == 0
    assert verified(forged, "--key", str(tmp_path / "key.pem")) == verified(forged, "--folder", folder) == 1
    assert verified({}, "--folder", folder) == 1


def test_voices_that_are_kept_under_the_name_go_too(tmp_path: Path) -> None:
    voices = tmp_path / "voices"
    voices.mkdir()
    for name in ("Anna", "Bob"):
        (voices / f"{name}.voice.npz").write_bytes(b"of another model, or broken")
    with serving(tmp_path / "data", voices=str(voices)) as client:
        service = client.app.state.service  # type: ignore[attr-defined]
        save_session(service.store, talk(), key="open", origin="read", subjects={"Anna": "p-anna"}, settings=service.settings)
        assert client.delete("/v1/subjects/p-anna").json()["erased"]["voices"] == 1
    assert [path.name for path in voices.iterdir()] == ["Bob.voice.npz"]


# What may be read ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["", "medical", "safety"])
@pytest.mark.parametrize("setting", ["public", "private", "workplace", "education", "healthcare"])
def test_the_rules_that_are_told_are_those_that_hold(tmp_path: Path, setting: str, reason: str) -> None:
    with serving(tmp_path, setting=setting, reason=reason) as client:
        told = client.get("/v1/deployment").json()
    for one in told["modalities"]:
        rules = [rule for rule in told["rules"] if (rule["setting"], rule["modality"]) == (setting, one["modality"])]
        assert one["allowed"] == all(reason in rule["unless"] for rule in rules)
        assert [rule["article"] for rule in rules] == ([] if one["article"] is None else [one["article"]])


@pytest.mark.parametrize("setting", ["workplace", "education"])
def test_at_work_and_school_text_is_read_and_faces_and_voices_are_not(tmp_path: Path, setting: str) -> None:
    (tmp_path / "face.png").write_bytes(b"no picture, and never looked at")
    (tmp_path / "video.mp4").write_bytes(b"no video, and never looked at")
    (tmp_path / "note.txt").write_text(TEXT)
    with serving(tmp_path / "data", setting=setting) as client:
        assert client.post("/v1/read", json={"text": TEXT}).status_code == 200
        assert send(client, tmp_path / "note.txt").status_code == 200
        for file in (SAMPLE, tmp_path / "face.png", tmp_path / "video.mp4", SAMPLE):
            refused = send(client, file)
            assert refused.status_code == 403 and refused.json()["type"] == "urn:affekt:problem:policy-refused"
            assert "Art. 5(1)(f)" in refused.json()["detail"]
        assert actions(client).count("policy.refused") == 3  # speech, face, both; the fourth is counted
        assert list((tmp_path / "data" / "incoming").glob("*")) == []


def test_a_declared_reason_lets_voices_be_read_and_its_use_is_logged(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")
    with serving(tmp_path, setting="workplace", reason="safety", purpose="safety") as client:
        assert client.post("/v1/read", json={"text": TEXT}).status_code == 200
        assert "reason.used" not in actions(client)
        assert send(client, SAMPLE).status_code == send(client, SAMPLE).status_code == 200
        assert actions(client) == ["server.started", "reason.used"]
    store = open_store(tmp_path)
    used = [one.detail for one in entries(store) if one.action == "reason.used"]
    store.close()
    assert [one["calls"] for one in used] == [1, 1] and used[0]["reason"] == "safety" and used[0]["modalities"] == ["speech"]


def test_where_consent_is_needed_only_those_who_agreed_are_read(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")
    with serving(tmp_path, require_consent=True, purpose="research") as client:
        assert client.post("/v1/read", json={"text": TEXT}).status_code == 200
        for subjects in ({}, {"*": "anna"}):
            refused = send(client, SAMPLE, subjects=subjects)
            assert refused.status_code == 403 and refused.json()["type"] == "urn:affekt:problem:consent-needed"
        for purpose, modalities in (("safety", ["speech"]), ("research", ["face", "text"])):
            client.post("/v1/subjects/anna/consents", json={"purpose": purpose, "modalities": modalities})
            assert send(client, SAMPLE, subjects={"*": "anna"}).json()["subjects"] == ["anna"]
        given = client.post("/v1/subjects/anna/consents", json={"purpose": "research", "modalities": ["speech"]}).json()
        assert send(client, SAMPLE, subjects={"*": "anna"}).json()["timelines"][0]["readings"]
        assert send(client, SAMPLE, subjects={"*": "anna", "Bob": "bob"}).status_code == 403
        unnamed = send(client, SAMPLE, subjects={"Anna": "anna"}).json()["timelines"][0]  # nobody in it is found to be called that
        assert unnamed["readings"] == [] and "left out" in unnamed["warnings"][-1]
        client.delete(f"/v1/subjects/anna/consents/{given['id']}")
        assert send(client, SAMPLE, subjects={"*": "anna"}).status_code == 403
        assert "consent.missing" in actions(client)


def test_a_consent_that_is_withdrawn_while_a_job_waits_is_none(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")
    kept = {"require_consent": True, "purpose": "research"}
    with serving(tmp_path, **kept, job_workers=0) as client:
        given = client.post("/v1/subjects/anna/consents", json={"purpose": "research", "modalities": ["speech"]}).json()
        with SAMPLE.open("rb") as opened:
            options = json.dumps({"subjects": {"*": "anna"}})
            job = client.post("/v1/jobs", files={"file": (SAMPLE.name, opened)}, data={"options": options}).json()["id"]
        client.delete(f"/v1/subjects/anna/consents/{given['id']}")
    with serving(tmp_path, **kept) as client:
        end = time.monotonic() + 60
        while (found := client.get(f"/v1/jobs/{job}").json())["state"] in ("waiting", "running"):
            assert time.monotonic() < end
            time.sleep(0.05)
    assert found["state"] == "failed" and found["problem"]["type"] == "urn:affekt:problem:consent-needed"


def test_what_was_seen_and_heard_of_others_is_left_out_where_consent_is_needed(tmp_path: Path) -> None:
    with serving(tmp_path, require_consent=True) as client:
        service = client.app.state.service  # type: ignore[attr-defined]
        made = only_agreed(service, talk(), subjects={"Bob": "bob"}, written=False)
        assert {one.who for one in (*made.readings, *made.fused)} == {"Bob"} == set(made.people) == {one.who for one in made.events}
        assert "5 readings" in made.warnings[-1]
        assert only_agreed(service, talk(), subjects={"*": "all"}, written=False) == talk()


def test_words_written_down_from_the_voice_of_others_are_left_out_where_consent_is_needed(tmp_path: Path) -> None:
    words = (reading("Anna", 0, modality="text", span=(0, len(ANNA))), reading("Bob", 2, modality="text", span=(len(ANNA) + 1, 40)))
    voices = (reading("Anna", 0), reading("Bob", 2))
    said = Timeline("talk.wav", 5, "seconds", "ekman7", (*voices, *words), (), TRANSCRIPT)
    with serving(tmp_path, require_consent=True) as client:
        service = client.app.state.service  # type: ignore[attr-defined]
        heard = only_agreed(service, said, subjects={"Bob": "bob"}, written=False)
        assert {one.who for one in heard.readings} == {"Bob"} and heard.transcript is None and ANNA not in json.dumps(heard.to_dict())
        assert only_agreed(service, said, subjects={"Anna": "anna", "Bob": "bob"}, written=False) == said
        given = only_agreed(service, said, subjects={"Bob": "bob"}, written=True)
        assert [(one.who, one.modality) for one in given.readings] == [("Anna", "text"), ("Bob", "speech"), ("Bob", "text")]
        assert given.transcript == TRANSCRIPT


def test_words_of_who_agreed_stay_where_others_are_only_seen(tmp_path: Path) -> None:
    seen = Timeline("talk.mp4", 5, "seconds", "ekman7", (reading("Bob", 0), reading("Anna", 0, modality="face")), (), BOB)
    with serving(tmp_path, require_consent=True) as client:
        made = only_agreed(client.app.state.service, seen, subjects={"Bob": "bob"}, written=False)  # type: ignore[attr-defined]
    assert made.transcript == BOB and len(made.readings) == 1


def during(client: TestClient, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any]) -> None:
    """Has something happen while a file or text is read."""
    service = client.app.state.service  # type: ignore[attr-defined]
    for queue in (service.texts, service.files):
        run = queue.run
        monkeypatch.setattr(queue, "run", lambda items, run=run: (call(), run(items))[1])


def test_what_is_read_while_a_consent_is_withdrawn_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")
    with serving(tmp_path, require_consent=True, purpose="research") as client:
        store = client.app.state.service.store  # type: ignore[attr-defined]
        given = client.post("/v1/subjects/anna/consents", json={"purpose": "research", "modalities": ["speech"]}).json()
        during(client, monkeypatch, lambda: withdraw_consent(store, "anna", given["id"], by="open"))
        refused = send(client, SAMPLE, subjects={"*": "anna"}, save=True)
        assert refused.status_code == 403 and refused.json()["type"] == "urn:affekt:problem:consent-needed"
        assert client.get("/v1/sessions").json() == {"sessions": []}


def test_who_is_erased_while_they_are_read_is_not_saved_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as client:
        store = client.app.state.service.store  # type: ignore[attr-defined]
        put_subject(store, "anna")
        during(client, monkeypatch, lambda: erase_subject(store, "anna", by="open", voices={}))
        refused = client.post("/v1/read", json={"text": TEXT, "save": True, "subjects": {"*": "anna"}})
        assert refused.status_code == 403 and "erased while this was read" in refused.json()["detail"]
        assert client.get("/v1/sessions").json() == {"sessions": []} and client.get("/v1/subjects").json() == {"subjects": []}
        put_subject(store, "anna")  # what is read from now on is saved
        monkeypatch.undo()
        assert read(client, {}, save=True, subjects={"*": "anna"})["sessions"][0]


def test_the_notice_needs_no_key_and_comes_as_a_page_or_as_json(server: tuple[TestClient, Keys]) -> None:
    client, _ = server
    plain, page = client.get("/v1/notice?lang=zh"), client.get("/v1/notice", headers={"accept": "text/html,*/*;q=0.8"})
    assert plain.json()["lang"] == "zh" and plain.json()["sections"] and page.headers["content-type"].startswith("text/html")
    assert "sha256-" in page.headers["content-security-policy"] and client.get("/v1/notice?lang=xx").status_code == 422


def test_the_log_is_shown_and_verified_for_admins(server: tuple[TestClient, Keys]) -> None:
    client, keys = server
    first = client.get("/v1/audit?limit=2", headers=keys["admin"]).json()["entries"]
    assert [one["number"] for one in first] == [1, 2]
    newest = client.get("/v1/audit", params={"before": 2**31 - 1, "limit": 2}, headers=keys["admin"]).json()["entries"]
    assert newest[0]["number"] == newest[1]["number"] + 1 >= 2
    made = client.get("/v1/audit", params={"before": 4, "action": "key.made"}, headers=keys["admin"]).json()["entries"]
    assert [one["number"] for one in made] == [3, 2, 1] and client.get("/v1/audit?before=0", headers=keys["admin"]).status_code == 422
    found = client.get("/v1/audit/verify", params={"holds": first[1]["hash"]}, headers=keys["admin"]).json()
    assert found["problem"] is None and found["entries"] >= 2
    assert client.get("/v1/audit/verify", params={"holds": "0" * 63 + "1"}, headers=keys["admin"]).json()["problem"]
