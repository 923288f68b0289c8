"""What a list of sessions says and finds, trends over them, their feedback, and parts of their files."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, update

from affekt.results import Mark, Timeline
from affekt.server.recordings import stretch_of
from affekt.store.database import open_store
from affekt.store.keys import ROLES, make_key
from affekt.store.sessions import save_session
from affekt.store.tables import Session
from people_made import reading, serving, shown, talk

CONTENT = bytes(range(256)) * 10
Keys = dict[str, dict[str, str]]
Server = tuple[TestClient, Keys]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps media, what to show for each role, and the ids of two keys of readers."""
    folder = tmp_path_factory.mktemp("server")
    store = open_store(folder)
    keys = {name: shown(make_key(store, name, role=name.removesuffix("2"))[1]) for name in (*ROLES, "reader2")}
    store.close()
    with serving(folder, access="keys", keep_media_days=1) as client:
        yield client, keys


def save(server: Server, timeline: Timeline, *, by: str = "reader", days_ago: float = 0, at: datetime | None = None, **given: Any) -> str:
    client, keys = server
    service = client.app.state.service  # type: ignore[attr-defined]
    key = client.get("/v1/deployment", headers=keys[by]).json()["caller"]["key"]
    usual = {"origin": "job", "subjects": {}, "settings": service.settings}
    session = save_session(service.store, timeline, key=key, **{**usual, **given})
    with service.store.writes() as transaction:
        moment = at or datetime.now(UTC) - timedelta(days=days_ago)
        transaction.execute(update(Session).where(Session.id == session).values(created=moment))
    return session


def listed(server: Server, by: str = "admin", **which: Any) -> list[dict[str, Any]]:
    client, keys = server
    reply = client.get("/v1/sessions", params={"limit": 1000, **which}, headers=keys[by])
    assert reply.status_code == 200, reply.text
    return reply.json()["sessions"]


def test_a_list_tells_sessions_in_numbers(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "talk.mp4"
    file.write_bytes(CONTENT)
    unsure = reading("Bob", 3, abstained=True, reason="no label is likely enough")
    whole = replace(talk(), readings=(*talk().readings, unsure), marks=(Mark(1, "a"), Mark(2)))
    session = save(server, whole, subjects={"Anna": "p-1", "Bob": "p-2"}, media=file)
    told = next(one for one in listed(server) if one["id"] == session)
    assert (told["readings"], told["abstained"], told["people"], told["marks"], told["media"]) == (5, 1, 2, 2, True)
    assert told["modalities"] == ["speech", "face", "fused"] and told["subjects"] == ["p-1", "p-2"]
    assert told["top"] == {"label": "joy", "share": 1.0}
    assert next(one for one in listed(server, "reader") if one["id"] == session)["subjects"] == []


def test_one_session_is_told_as_in_a_list_and_until_when_it_is_kept(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "talk.mp4"
    file.write_bytes(CONTENT)
    client, keys = server
    kept, gone = save(server, talk(), subjects={"Anna": "p-1"}, media=file), save(server, talk(), by="reader2", days_ago=29.5, media=file)
    for one, by in ((kept, "admin"), (kept, "reader"), (gone, "analyst")):
        told = client.get(f"/v1/sessions/{one}/about", headers=keys[by])
        assert told.status_code == 200 and told.json() in listed(server, by), told.text
    first, second = (client.get(f"/v1/sessions/{one}/about", headers=keys["admin"]).json() for one in (kept, gone))

    def days(told: dict[str, Any], what: str) -> float:
        return round((datetime.fromisoformat(told[what]) - datetime.fromisoformat(told["created"])).total_seconds() / 86_400, 3)

    assert (days(first, "readings_until"), days(first, "media_until"), first["text_until"]) == (30, 1, None)
    assert second["media_until"] == second["readings_until"], "with a session goes all that is of it"
    assert client.get(f"/v1/sessions/{kept}/about", headers=keys["reader2"]).status_code == 404
    assert client.get("/v1/sessions/session_x/about", headers=keys["admin"]).json()["type"].endswith("unknown-session")
    delete = client.delete(f"/v1/sessions/{kept}", headers=keys["reader"])
    assert (delete.status_code, client.get(f"/v1/sessions/{kept}/about", headers=keys["reader"]).status_code) == (204, 404)


def test_the_top_label_is_that_of_the_longest_time_or_of_most_pictures(server: Server) -> None:
    sad = {"anger": 0.1, "disgust": 0.1, "fear": 0.1, "joy": 0.1, "neutral": 0.1, "sadness": 0.4, "surprise": 0.1}
    long = (reading("A", 0), reading("A", 1), reading("A", 2, end=8, scores=sad), reading("A", 8, end=60, abstained=True))
    seen = tuple(reading(f"person {at}", 0, end=0, modality="face", **({} if at else {"scores": sad})) for at in range(4))
    ids = [save(server, Timeline("x", 60, "seconds", "ekman7", readings)) for readings in (long, seen, ())]
    told = {one["id"]: one["top"] for one in listed(server)}
    assert [told[one] for one in ids] == [{"label": "sadness", "share": 0.75}, {"label": "joy", "share": 0.75}, None]


def test_sessions_are_found_by_name_modality_and_origin(server: Server) -> None:
    text = Timeline("x", 9, "characters", "ekman7", (reading(None, 0, modality="text"),))
    made = save(server, text, name="Änderung 100% _x_", origin="given")
    for part in ("änder", "RUNG 100%", "_X_", "100% _"):
        assert [one["id"] for one in listed(server, name=part)] == [made]
    assert listed(server, name="10_%") == listed(server, name="rung 1000") == []
    assert made in [one["id"] for one in listed(server, modality="text")]
    assert made not in [one["id"] for one in listed(server, modality="speech")]
    assert [one["id"] for one in listed(server, origin="given")] == [made]
    client, keys = server
    for bad in ({"origin": "elsewhere"}, {"modality": "smell"}):
        assert client.get("/v1/sessions", params=bad, headers=keys["admin"]).status_code == 422


def test_a_page_takes_a_few_queries_however_long_it_is(server: Server) -> None:
    for _ in range(20):
        save(server, talk())
    store, asked = server[0].app.state.service.store, []  # type: ignore[attr-defined]

    def count(*given: Any) -> None:
        asked.append(given[2])

    listed(server)
    event.listen(store.engine, "before_cursor_execute", count)
    try:
        assert len(listed(server)) > 20
    finally:
        event.remove(store.engine, "before_cursor_execute", count)
    assert len([one for one in asked if one.startswith("SELECT")]) <= 6


# Trends -------------------------------------------------------------------------------------------------------------------------------


def felt(joy: float, *, valence: float | None = None, **given: Any) -> Timeline:
    scores = {"anger": 0.0, "disgust": 0.0, "fear": 0.0, "joy": joy, "neutral": 1 - joy, "sadness": 0.0, "surprise": 0.0}
    one = reading("Anna", 0, scores=scores, valence=valence, **given)
    return Timeline("x", 1, "seconds", "ekman7", (one,))


def trend(server: Server, by: str = "admin", **which: Any) -> dict[str, Any]:
    client, keys = server
    reply = client.get("/v1/trends", params={"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", **which}, headers=keys[by])
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.fixture(scope="module")
def january(server: Server) -> Server:
    """Three sessions of Anna on two days, one of another key, and one in another label set."""
    subjects = {"Anna": "anna"}
    save(server, felt(0.2, valence=-0.5), at=datetime(2026, 1, 5, 9, tzinfo=UTC), subjects=subjects)
    save(server, felt(0.6, valence=0.5, abstained=True), at=datetime(2026, 1, 5, 23, 30, tzinfo=UTC), subjects=subjects)
    save(server, felt(0.4, modality="face"), at=datetime(2026, 1, 7, 9, tzinfo=UTC), subjects=subjects)
    save(server, felt(1.0), at=datetime(2026, 1, 7, 9, tzinfo=UTC), by="reader2", subjects={"Anna": "another"})
    scores = {"negative": 0.2, "neutral": 0.2, "positive": 0.6}
    other = Timeline("x", 1, "seconds", "sentiment3", (reading("Anna", 0, labels="sentiment3", scores=scores, present=("positive",)),))
    save(server, other, at=datetime(2026, 1, 6, 9, tzinfo=UTC), subjects=subjects)
    return server


def test_trends_are_means_of_the_sessions_of_a_day(january: Server) -> None:
    found = trend(january)
    assert (found["labels"], found["left_out"], [one["day"] for one in found["days"]]) == ("ekman7", 1, ["2026-01-05", "2026-01-07"])
    first, second = found["days"]
    assert (first["sessions"], first["readings"], first["arousal"]) == (2, 2, None)
    assert first["labels"]["joy"] == {"mean": 0.4, "low": 0.0, "high": 1.0, "of": "sessions"}
    assert first["valence"]["mean"] == 0 and second["valence"] is None
    assert second["labels"]["joy"]["mean"] == 0.7


def test_trends_are_of_whom_when_and_what_is_asked_for(january: Server) -> None:
    assert [one["labels"]["joy"]["mean"] for one in trend(january, subject="anna")["days"]] == [0.4, 0.4]
    assert [one["labels"]["joy"]["mean"] for one in trend(january, "reader")["days"]] == [0.4, 0.4]
    assert [one["labels"]["joy"]["mean"] for one in trend(january, "reader2")["days"]] == [1.0]
    assert [one["day"] for one in trend(january, modality="face")["days"]] == ["2026-01-07"]
    assert [(one["day"], one["sessions"]) for one in trend(january, zone="Europe/Berlin")["days"]][:2] == [
        ("2026-01-05", 1),
        ("2026-01-06", 1),
    ]
    assert [one["day"] for one in trend(january, until="2026-01-06T00:00:00Z")["days"]] == ["2026-01-05"]
    assert trend(january, subject="nobody") == {"labels": None, "left_out": 0, "days": []}


def test_days_begin_by_the_clock_that_a_zone_had_then(server: Server) -> None:
    for month, day in ((3, 28), (3, 29), (3, 30)):  # in Berlin summer time began on 29 March 2026
        save(server, felt(0.5), at=datetime(2026, month, day, 22, 30, tzinfo=UTC), subjects={"Anna": "summer"})
    which = {"subject": "summer", "until": "2026-05-01T00:00:00Z"}
    assert [one["day"] for one in trend(server, **which, zone="Europe/Berlin")["days"]] == ["2026-03-28", "2026-03-30", "2026-03-31"]
    assert [one["day"] for one in trend(server, **which, zone="Asia/Calcutta")["days"]] == ["2026-03-29", "2026-03-30", "2026-03-31"]


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "Europe", "../etc/passwd", "/etc/passwd", "\ud800", "\x00", "x" * 101, "UTC+1"])
def test_zones_that_there_are_not_are_refused(server: Server, zone: str) -> None:
    client, keys = server
    reply = client.get(f"/v1/trends?zone={quote(zone, errors='surrogatepass')}", headers=keys["admin"])
    assert reply.status_code == 422 and "zone" in reply.json()["detail"]


def test_one_session_on_a_day_says_that_its_interval_is_of_readings(january: Server) -> None:
    (day,) = trend(january, "reader2")["days"]
    assert day["labels"]["joy"] == {"mean": 1.0, "low": None, "high": None, "of": "readings"}


# Feedback and files -------------------------------------------------------------------------------------------------------------------


def test_readers_see_feedback_on_what_they_see(server: Server) -> None:
    client, keys = server
    session, other = save(server, felt(0.2)), save(server, felt(0.3), by="reader2")
    for one, by in ((session, "reader"), (other, "reader2")):
        reply = client.post(f"/v1/sessions/{one}/feedback", json={"number": 0, "labels": ["joy"]}, headers=keys[by])
        assert reply.status_code == 201
    mine = client.get(f"/v1/sessions/{session}/feedback", headers=keys["reader"]).json()["feedback"]
    assert [(one["session"], one["labels"]) for one in mine] == [(session, ["joy"])]
    assert client.get(f"/v1/sessions/{session}/feedback", params={"after": mine[0]["id"]}, headers=keys["reader"]).json()["feedback"] == []
    assert client.get(f"/v1/sessions/{other}/feedback", headers=keys["reader"]).status_code == 404
    found = client.get("/v1/feedback", params={"session": other}, headers=keys["analyst"]).json()["feedback"]
    assert [one["session"] for one in found] == [other]
    assert client.get("/v1/feedback", params={"session": other}, headers=keys["reader"]).status_code == 403


@pytest.fixture(scope="module")
def recorded(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("media") / "call.wav"
    file.write_bytes(CONTENT)
    return save(server, felt(0.2), media=file)


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-0", 0, 1), ("bytes=10-99", 10, 100), ("bytes=2000-", 2000, 2560), ("bytes=-60", 2500, 2560), ("bytes=0-99999", 0, 2560)],
)
def test_a_player_gets_the_part_that_it_asks_for(server: Server, recorded: str, asked: str, begin: int, end: int) -> None:
    client, keys = server
    reply = client.get(f"/v1/sessions/{recorded}/media", headers={**keys["reader"], "Range": asked})
    assert (reply.status_code, reply.content) == (206, CONTENT[begin:end])
    assert reply.headers["content-range"] == f"bytes {begin}-{end - 1}/2560" and reply.headers["content-length"] == str(end - begin)


@pytest.mark.parametrize("asked", [None, "bytes=0-1,5-6", "bytes=5-2", "bytes=-", "lines=1-2", "bytes=a-b"])
def test_else_it_gets_the_whole(server: Server, recorded: str, asked: str | None) -> None:
    client, keys = server
    reply = client.get(f"/v1/sessions/{recorded}/media", headers={**keys["reader"], **({"Range": asked} if asked else {})})
    assert (reply.status_code, reply.content, reply.headers["accept-ranges"]) == (200, CONTENT, "bytes")
    assert reply.headers["content-type"] in ("audio/x-wav", "audio/wav") and "content-range" not in reply.headers


def test_a_part_that_there_is_not_is_refused(server: Server, recorded: str) -> None:
    client, keys = server
    for asked in ("bytes=2560-", "bytes=-0"):
        reply = client.get(f"/v1/sessions/{recorded}/media", headers={**keys["reader"], "Range": asked})
        assert reply.status_code == 416 and reply.headers["content-range"] == "bytes */2560"
    with pytest.raises(Exception, match="of 0 bytes"):
        stretch_of("bytes=0-", 0)


def test_a_part_goes_on_only_with_the_same_file(server: Server, recorded: str) -> None:
    client, keys = server
    path = f"/v1/sessions/{recorded}/media"
    tag = client.get(path, headers=keys["reader"]).headers["etag"]
    assert client.get(path, headers={**keys["reader"], "Range": "bytes=1-2", "If-Range": tag}).status_code == 206
    assert client.get(path, headers={**keys["reader"], "Range": "bytes=1-2", "If-Range": '"other"'}).content == CONTENT
    assert client.get(path, headers={**keys["reader2"], "Range": "bytes=1-2"}).status_code == 404
