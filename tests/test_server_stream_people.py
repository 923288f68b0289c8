"""Of whom and for whom a live stream is read: keys, policy, consent and erasure hold while it runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from websockets.sync.client import ClientConnection, connect

from affekt.server import stream
from affekt.store.database import Store, open_store
from affekt.store.erasure import erase_subject
from affekt.store.keys import make_key, revoke_key
from affekt.store.sessions import list_sessions
from affekt.store.subjects import give_consent, list_subjects, put_subject, withdraw_consent
from shots import reader
from staged import Line, sound
from streaming import Running, heard, play, refused, rest, said, serving

LINES = [Line(0.3, 0), Line(3.2, 1), Line(6.6, 2)]
END = said(type="end")
SOUND = {"sound": {}, "who": "anna"}
START = said(type="start", **SOUND)


def test_without_a_key_a_stream_is_refused_in_words(tmp_path: Path) -> None:
    with serving(tmp_path, reader(), access="keys") as running:
        for path in ("/v1/stream", "/v1/stream?api_key=wrong"):
            code, told = refused(running.url, path=path)
            assert code == 4401 and told[0]["status"] == 401


def test_what_may_not_be_read_here_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, reader(), setting="workplace") as running:
        assert refused(running.url, START)[0] == 4403
        played = play(running.url, {"words": True}, [said(type="words", start=0, end=1, text="so happy"), END])
        assert len(played.timeline["readings"]) == 1


def test_a_stream_is_saved_where_its_client_asks_and_the_server_keeps_any(tmp_path: Path) -> None:
    words = [said(type="words", start=0, end=1, text="so happy"), END]
    with serving(tmp_path / "a", reader()) as running:
        (ended,) = play(running.url, {"words": True, "save": True, "subjects": {"*": "person-1"}}, words).of("ended")
        saved = httpx.get(f"{running.url.replace('ws', 'http', 1)}/v1/sessions/{ended['session']}").json()
    assert [one["scores"] for one in saved["readings"]] == [one["scores"] for one in ended["timeline"]["readings"]]
    with serving(tmp_path / "b", reader(), keep_readings_days=0) as running:
        assert refused(running.url, said(type="start", words=True, save=True))[0] == 4403


def test_only_people_who_agreed_are_told_of_where_consent_is_needed(tmp_path: Path) -> None:
    with serving(tmp_path, reader(), require_consent=True) as running:
        assert refused(running.url, START)[0] == 4403
        base = running.url.replace("ws", "http", 1)
        agreed = {"purpose": "other", "modalities": ["speech"]}
        assert httpx.post(f"{base}/v1/subjects/s1/consents", json=agreed).status_code < 300
        sounds = [*heard(sound(LINES, seconds=9.0)), END]
        assert len(play(running.url, {**SOUND, "subjects": {"anna": "s1"}}, sounds).timeline["readings"]) == 3
        hidden = play(running.url, {"sound": {}, "subjects": {"anna": "s1"}}, sounds)  # nobody says that it is she who speaks
        assert not hidden.of("reading") and not hidden.timeline["readings"]


@contextmanager
def runs(running: Running, headers: dict[str, str], **start: Any) -> Iterator[ClientConnection]:
    """A stream of words that has begun to read a line."""
    with connect(f"{running.url}/v1/stream", additional_headers=headers) as socket:
        socket.send(said(type="start", words=True, **start))
        assert json.loads(socket.recv())["type"] == "started"
        socket.send(said(type="words", start=0, end=1, text="so happy"))
        yield socket


def keys_of(folder: Path, *names: str) -> tuple[Store, dict[str, tuple[str, dict[str, str]]]]:
    """A store, and the id and headers of readers' keys beside one of an admin."""
    store = open_store(folder)
    make_key(store, "boss", role="admin")
    made = {name: make_key(store, name, role="reader") for name in names}
    return store, {name: (key.id, {"Authorization": f"Bearer {word}"}) for name, (key, word) in made.items()}


def test_a_stream_ends_when_its_key_is_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ASKING", 0.1)
    store, keys = keys_of(tmp_path, "desk", "other")
    desk, other = keys.values()
    with serving(tmp_path, reader(), access="keys") as running, runs(running, desk[1]) as ends, runs(running, other[1]) as goes:
        revoke_key(store, desk[0])
        told = rest(ends)
        assert told[-1]["status"] == 401 and ends.protocol.close_code == 4401
        goes.send(END)
        assert rest(goes)[-1]["type"] == "ended"
    store.close()


def test_a_stream_ends_when_a_consent_is_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ASKING", 0.1)
    store = open_store(tmp_path)
    given = give_consent(store, "s1", purpose="other", modalities=["speech"], how="", by="open")
    with serving(tmp_path, reader(), require_consent=True) as running, runs(running, {}, **SOUND, subjects={"anna": "s1"}) as socket:
        withdraw_consent(store, "s1", given.id, by="open")
        told = rest(socket)
    assert told[-1]["problem"] == "urn:affekt:problem:consent-needed" and socket.protocol.close_code == 4403
    store.close()


def test_what_may_no_longer_be_read_when_a_stream_ends_is_not_saved(tmp_path: Path) -> None:
    store, keys = keys_of(tmp_path, "desk")
    put_subject(store, "s1")
    asked = {"save": True, "subjects": {"*": "s1"}}
    with serving(tmp_path, reader(), access="keys") as running:
        for change, status in (
            (lambda: erase_subject(store, "s1", by="open", voices={}), 403),
            (lambda: revoke_key(store, keys["desk"][0]), 401),
        ):
            with runs(running, keys["desk"][1], **asked) as socket:
                change()
                socket.send(END)
                assert rest(socket)[-1]["status"] == status
    assert list_sessions(store) == [] and list_subjects(store) == []
    store.close()


def test_a_stream_says_since_when_and_what_it_read_of_somebody_erased_is_not_saved_later(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put_subject(store, "s1")
    with serving(tmp_path, reader()) as running, connect(f"{running.url}/v1/stream") as socket:
        socket.send(said(type="start", words=True))
        since = json.loads(socket.recv())["since"]
        socket.send(said(type="words", start=0, end=1, text="so happy"))
        socket.send(END)
        timeline = rest(socket)[-1]["timeline"]
        erase_subject(store, "s1", by="open", voices={})
        saving = f"{running.url.replace('ws', 'http', 1)}/v1/sessions"
        late = httpx.post(saving, json={"timeline": timeline, "subjects": {"*": "s1"}, "since": since})
        assert late.status_code == 403 and list_sessions(store) == [] and list_subjects(store) == []
    store.close()


def test_of_several_keys_none_has_more_than_half_of_the_streams(tmp_path: Path) -> None:
    store, keys = keys_of(tmp_path, "desk", "other")
    store.close()
    with serving(tmp_path, reader(), access="keys", streams=2) as running, runs(running, keys["desk"][1]):
        with connect(f"{running.url}/v1/stream", additional_headers=keys["desk"][1]) as second:
            second.send(said(type="start", words=True))
            assert rest(second)[-1]["status"] == 429 and second.protocol.close_code == 4429
        with runs(running, keys["other"][1]):
            pass


@pytest.mark.parametrize("subject", ["a/b", ".x", "", "a\u0000", "x" * 201])
def test_ids_of_people_that_no_address_can_hold_are_refused(tmp_path: Path, subject: str) -> None:
    with serving(tmp_path, reader()) as running:
        code, told = refused(running.url, said(type="start", words=True, subjects={"*": subject}))
    assert code == 4400 and "subjects" in told[-1]["detail"]
