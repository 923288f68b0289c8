"""Who may call: every route is walked, also those that are added later, and each refuses whom it should."""

import asyncio
import io
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from affekt.server import access, limits
from affekt.server.app import make_app
from affekt.server.start import decide_access
from affekt.settings import resolve_server
from affekt.store.audit import entries
from affekt.store.database import Store, open_store
from affekt.store.keys import ROLES, list_keys, make_key
from people_made import serving, shown

PAGES = {"/", "/assets/{asset}", "/docs", "/docs/{asset}", "/icon.svg", "/samples/{name}"}  # the same files for everybody
PUBLIC = PAGES | {"/healthz", "/openapi.json", "/readyz", "/v1/notice", "/v1/receipts/key"}
WRONG = "affekt_" + "0" * 43


def routes_of(client: TestClient) -> list[tuple[str, str, str | None]]:
    """(method, path, role that it asks for) of every route that the app has; the method of a WebSocket is WEBSOCKET."""
    found = set[tuple[str, str, str | None]]()
    for route in leaves(client.app.routes):  # type: ignore[attr-defined]
        role = max(roles(getattr(route, "dependant", None)), key=ROLES.index, default=None)
        methods = {"WEBSOCKET"} if isinstance(route, WebSocketRoute) else set(getattr(route, "methods", None) or {"GET"})
        found |= {(method, route.path, role) for method in methods - {"HEAD", "OPTIONS"}}  # type: ignore[attr-defined]
    return sorted(found, key=str)


def leaves(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    """The routes themselves, out of the routers and apps that hold them."""
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        yield from leaves(inner) if inner else [route]


def roles(dependant: Any) -> Iterator[str]:
    """The roles that a route's dependencies ask for."""
    if dependant is not None:
        yield from [dependant.call.needs] if hasattr(dependant.call, "needs") else []
        for one in dependant.dependencies:
            yield from roles(one)


def status_of(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    """What a call is answered with; of a WebSocket the status that its code of closing or refusal stands for."""
    address = path.replace("{", "").replace("}", "")
    if method != "WEBSOCKET":
        return client.request(method, address, headers=headers).status_code
    try:
        with client.websocket_connect(address, headers=headers) as socket:
            for _ in range(3):
                socket.receive_text()
    except WebSocketDisconnect as closed:
        if isinstance(closed, WebSocketDenialResponse):
            return closed.status_code
        return closed.code - 4000 if closed.code >= 4400 else closed.code
    return 101


@contextmanager
def closed(folder: Path) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A server that needs keys, and a word of each role."""
    store = open_store(folder)
    words = {role: make_key(store, role, role=role)[1] for role in ROLES}
    store.close()
    with serving(folder, access="keys") as client:
        yield client, words


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, dict[str, str]]]:
    with closed(tmp_path_factory.mktemp("server")) as made:
        yield made


def test_only_the_routes_named_here_are_public(server: tuple[TestClient, dict[str, str]]) -> None:
    client, _ = server
    routes = routes_of(client)
    assert len(routes) > 30 and ("POST", "/v1/read", "reader") in routes and any(method == "WEBSOCKET" for method, _, _ in routes)
    assert {path for _, path, role in routes if role is None} == PUBLIC


def test_every_other_route_refuses_who_has_no_key_or_a_wrong_one(server: tuple[TestClient, dict[str, str]]) -> None:
    client, _ = server
    for method, path, _ in routes_of(client):
        if path not in PUBLIC:
            for headers in ({}, shown(WRONG), {"x-api-key": WRONG}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}):
                assert status_of(client, method, path, headers) == 401, (method, path, headers)


def test_every_route_refuses_keys_of_lesser_roles(server: tuple[TestClient, dict[str, str]]) -> None:
    client, words = server
    refused = 0
    for method, path, role in routes_of(client):
        for lesser in ROLES[: ROLES.index(role)] if role else ():
            assert status_of(client, method, path, shown(words[lesser])) == 403, (method, path, lesser)
            refused += 1
    assert refused >= 15


def test_no_route_refuses_the_role_that_it_asks_for(server: tuple[TestClient, dict[str, str]]) -> None:
    client, words = server
    for method, path, role in routes_of(client):
        if role and method != "WEBSOCKET" and not (method == "DELETE" and path == "/v1/keys/{id}"):
            assert status_of(client, method, path, shown(words[role])) not in (401, 403), (method, path)


def test_public_routes_answer_without_a_key(server: tuple[TestClient, dict[str, str]]) -> None:
    client, _ = server
    for path in PUBLIC - {"/assets/{asset}", "/icon.svg", "/readyz"}:  # the console may not be built
        assert client.get(path.format(asset="swagger-ui.css", name="review.txt")).status_code == 200, path


def test_a_refusal_is_a_problem_and_says_how_to_send_a_key(server: tuple[TestClient, dict[str, str]]) -> None:
    client, words = server
    refused = client.get("/v1/keys")
    assert refused.headers["content-type"] == "application/problem+json" and refused.headers["www-authenticate"] == "Bearer"
    assert refused.json()["status"] == 401 and "Authorization" in refused.json()["detail"]
    assert "admin" in client.get("/v1/keys", headers=shown(words["reader"])).json()["detail"]


def test_a_key_is_made_told_once_and_revoked_at_once(server: tuple[TestClient, dict[str, str]]) -> None:
    client, words = server
    admin = shown(words["admin"])
    made = client.post("/v1/keys", json={"name": "desk", "role": "reader"}, headers=admin).json()
    assert client.get("/v1/labels", headers=shown(made["key"])).status_code == 200
    listed = client.get("/v1/keys", headers=admin)
    assert made["id"] in listed.text and made["key"] not in listed.text and listed.json()["access"] == "keys"
    revoked = client.delete(f"/v1/keys/{made['id']}", headers=admin).json()
    assert revoked["revoked"] and client.get("/v1/labels", headers=shown(made["key"])).status_code == 401
    assert client.delete("/v1/keys/key_none", headers=admin).status_code == 404
    mine = next(key["id"] for key in client.get("/v1/keys", headers=admin).json()["keys"] if key["role"] == "admin")
    assert client.delete(f"/v1/keys/{mine}", headers=admin).status_code == 422


def test_a_server_that_is_open_closes_when_the_first_key_is_made(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        assert client.get("/v1/keys").json() == {"keys": [], "access": "open"}
        assert client.post("/v1/keys", json={"name": "desk", "role": "reader"}).status_code == 409
        made = client.post("/v1/keys", json={"name": "boss", "role": "admin"}).json()
        assert client.get("/v1/labels").status_code == 401
        assert client.get("/v1/keys", headers=shown(made["key"])).json()["access"] == "keys"


def test_a_key_made_beside_the_server_closes_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "REMEMBERED", 0.0)
    with serving(tmp_path) as client:
        assert client.get("/v1/labels").status_code == 200
        beside = open_store(tmp_path)
        make_key(beside, "boss", role="admin")
        beside.close()
        time.sleep(0.01)
        assert client.get("/v1/labels").status_code == 401


def test_a_server_that_closes_while_keys_are_looked_up_stays_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "REMEMBERED", 0.0)
    with serving(tmp_path) as client:
        service = client.app.state.service  # type: ignore[attr-defined]

        def look(_: Store) -> bool:
            service.open = False  # by a call that makes the first key, after this one has found none
            return False

        monkeypatch.setattr(access, "any_keys", look)
        assert client.get("/v1/labels").status_code == 401


def test_who_has_no_key_cannot_have_the_server_read_a_large_body(server: tuple[TestClient, dict[str, str]]) -> None:
    client, _ = server
    large = b'{"name": "' + b"a" * 2**20 + b'"}'
    for path in ("/v1/keys", "/v1/subjects/anna/consents", "/v1/sessions/session_1/feedback"):
        assert client.post(path, content=large, headers={"content-type": "application/json"}).status_code == 413


ELSEWHERE = ({"x-forwarded-for": "1.2.3.4"}, {"host": "evil.example"}, {"host": "testserver"}, {"origin": "https://evil.example"})


def test_a_server_without_keys_refuses_who_comes_by_a_proxy_or_a_page_elsewhere(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        for headers in ELSEWHERE:
            assert client.get("/v1/labels", headers=headers).status_code == 401, headers
        assert client.get("/v1/labels", headers={"origin": "http://localhost:8700"}).status_code == 200


def test_a_server_that_is_open_by_choice_answers_everyone_who_reaches_it(tmp_path: Path) -> None:
    with serving(tmp_path, access="open") as client:
        for headers in ELSEWHERE:
            assert client.get("/v1/labels", headers=headers).status_code == 200, headers


def test_a_body_of_which_nothing_comes_any_more_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STILL", 0.05)
    store = open_store(tmp_path)
    word = make_key(store, "boss", role="admin")[1]
    store.close()
    json = b"application/json"
    for path, kind in (("/v1/read", json), ("/v1/keys", json), ("/v1/jobs", b"multipart/form-data; boundary=x")):
        with serving(tmp_path, access="keys") as client:
            headers = [(b"authorization", f"Bearer {word}".encode()), (b"content-type", kind)]
            scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "query_string": b"", "headers": headers}
            told = client.portal.call(post_slowly, client.app, scope)  # type: ignore[union-attr]
        assert told[0]["status"] == 408 and (b"connection", b"close") in told[0]["headers"], path


async def post_slowly(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What a client is told that stops after the first byte of a body."""
    told, came = list[dict[str, Any]](), [{"type": "http.request", "body": b"-", "more_body": True}]

    async def receive() -> dict[str, Any]:
        return came.pop() if came else await asyncio.sleep(30, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await app(scope, receive, send)
    return told


@pytest.mark.parametrize(
    ("given", "is_open", "says"),
    [
        ({}, True, "everyone and every program on this machine may do everything here"),
        ({"host": "0.0.0.0"}, False, "This is the first one, of the role admin"),
        ({"access": "keys"}, False, "This is the first one, of the role admin"),
        ({"access": "open", "host": "0.0.0.0"}, True, "everyone who reaches this server at 0.0.0.0 may do everything here"),
        ({"access": "open"}, True, "everyone who reaches this server at 127.0.0.1 may do everything here"),
    ],
)
def test_a_first_start_says_who_may_call(store: Store, given: dict[str, Any], is_open: bool, says: str) -> None:
    out = io.StringIO()
    assert decide_access(resolve_server(**given), store, out=out) is is_open
    assert says in out.getvalue() and ("--access keys" in out.getvalue()) is is_open
    assert [key.role for key in list_keys(store)] == ([] if is_open else ["admin"])


def test_the_first_key_is_shown_once_and_never_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    first, again = io.StringIO(), io.StringIO()
    for out in (first, again):
        decide_access(resolve_server(access="keys"), store, out=out)
    word = first.getvalue().split()[-1]
    assert word.startswith("affekt_") and again.getvalue() == "" and word not in caplog.text


def test_a_start_is_on_record_with_what_the_deployment_declares(tmp_path: Path) -> None:
    with serving(tmp_path, purpose="research", setting="education", reason="medical", contact="anna@example.org"):
        pass
    store = open_store(tmp_path)
    started = entries(store)[0]
    store.close()
    assert started.action == "server.started" and "anna" not in str(started.detail)
    assert {"purpose": "research", "setting": "education", "reason": "medical"}.items() <= started.detail.items()


def test_an_app_that_nobody_started_has_done_nothing(tmp_path: Path) -> None:
    make_app(resolve_server(folder=str(tmp_path / "data")))
    assert not (tmp_path / "data").exists()
