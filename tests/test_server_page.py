"""The pages for people, and what the description of the interface promises to programs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from affekt.server.app import make_app
from affekt.server.headers import SAFE
from affekt.settings import resolve_server
from people_made import serving

ELSEWHERE = re.compile(r"""(?:src|href|action|url\()\s*=?\s*["']?(?:https?:)?//""")
NO_EXAMPLE = {"GET /v1/sessions/{id}/media"}  # what it answers is a file


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture(scope="module")
def described(client: TestClient) -> dict[str, Any]:
    made: dict[str, Any] = client.get("/openapi.json").json()
    return made


def _operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method.upper()} {path}", one) for path, methods in described["paths"].items() for method, one in methods.items()]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/html")
    assert not ELSEWHERE.search(reply.text)
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "http" not in policy
    assert "'unsafe-eval'" not in policy and not re.search(r"script-src[^;]*'unsafe-inline'", policy)


def test_swagger_ui_comes_with_the_package(client: TestClient) -> None:
    page = client.get("/docs").text
    for path in re.findall(r'(?:src|href)="(docs/[^"]+)"', page):
        reply = client.get(f"/{path}")
        assert reply.status_code == 200 and len(reply.content) > 1000 and reply.headers["x-content-type-options"] == "nosniff"
    assert client.get("/docs/../app.py").status_code == 404 and client.get("/docs/redoc.standalone.js").status_code == 422


def test_every_reply_has_safe_headers(client: TestClient) -> None:
    def fail(_: Any) -> Any:
        raise ValueError

    replies = [client.get(path) for path in ("/", "/docs", "/healthz", "/v1/labels", "/nowhere", "/v1/notice", "/metrics")]
    run, client.app.state.service.texts.run = client.app.state.service.texts.run, fail
    replies.append(client.post("/v1/read", json={"text": "so happy"}))
    client.app.state.service.texts.run = run
    replies.append(client.post("/v1/read", content=b"x", headers={"Content-Length": str(2**40)}))
    assert [one.status_code for one in replies] == [200, 200, 200, 200, 404, 200, 200, 500, 413]
    for reply in replies:
        assert {name.lower() for name in SAFE} <= set(reply.headers), reply.url
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"], reply.url


# The description -------------------------------------------------------------------------------------------------------------------------


def test_every_route_says_what_it_is_for_who_may_and_gives_an_example(described: dict[str, Any]) -> None:
    for name, one in _operations(described):
        assert one["summary"] and one["description"] and len(one["summary"]) < 120, name
        if name.split(" ")[1].startswith("/v1/") and name.split(" ")[1] not in ("/v1/notice", "/v1/receipts/key"):
            assert one["security"] == [{"key": []}] and re.search(
                r"Needs a key of the role (reader|analyst|admin)\.", one["description"]
            ), name
        if name in NO_EXAMPLE:
            continue
        bodies = [one["requestBody"]] if "requestBody" in one else []
        answers = [answer for code, answer in one["responses"].items() if code.startswith("2") and answer.get("content")]
        for part in [*bodies, *answers[:1]]:
            assert any("example" in form for form in part["content"].values()), f"{name} has no example; run python docs/examples.py"


def test_the_examples_are_as_the_schemas_say(described: dict[str, Any]) -> None:
    parts = {"components": described["components"]}
    for name, one in _operations(described):
        for answer in (*one["responses"].values(), one.get("requestBody", {})):
            for kind, form in answer.get("content", {}).items():
                if "example" in form and kind == "application/json":
                    jsonschema.Draft202012Validator({**parts, **form["schema"]}).validate(form["example"]), name


def test_no_example_holds_a_key(described: dict[str, Any]) -> None:
    assert not re.search(r"affekt_[A-Za-z0-9_-]{40}", json.dumps(described))


def test_the_description_is_made_without_a_folder(tmp_path: Path) -> None:
    app = make_app(resolve_server(folder=str(tmp_path / "none")))
    assert app.openapi() is app.openapi() and not (tmp_path / "none").exists()
