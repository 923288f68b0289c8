"""The examples of /docs: each route is called, and what was asked and answered goes to src/affekt/server/examples.json.

python docs/examples.py
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from affekt.server.app import make_app
from affekt.settings import resolve_server

PACKAGE = Path(__file__).parents[1] / "src" / "affekt"
SUBJECT = "customer-17"
TEXTS = ("text/", "application/jsonl", "application/x-pem-file")
LONG = 2  # items of a list that are shown


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, TestClient(make_app(resolve_server(folder=folder, access="open"))) as client:
        made = called(client)
    (PACKAGE / "server" / "examples.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(made)} routes")


def called(client: TestClient) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}

    def call(method: str, path: str, asked: Any = None, *, form: dict[str, str] | None = None, file: str | None = None, **ids: str) -> Any:
        files = None if file is None else {"file": (file, (PACKAGE / "samples" / file).read_bytes())}
        reply = client.request(method, path.format(**ids), json=asked, data=form, files=files)
        assert reply.is_success, f"{method} {path}: {reply.text}"
        kind = reply.headers.get("content-type", "").partition(";")[0]
        answered = reply.json() if kind == "application/json" and reply.content else reply.text if kind.startswith(TEXTS) else None
        shown = form if file else asked
        made[f"{method} {path}"] = {name: one for name, one in (("asked", shown), ("answered", short(answered))) if one is not None}
        return answered

    while client.get("/readyz").status_code != 200:
        pass
    for path in ("/healthz", "/readyz", "/v1/models", "/v1/labels", "/v1/formats", "/v1/deployment", "/v1/notice", "/v1/receipts/key"):
        call("GET", path)
    call("PUT", "/v1/subjects/{id}", id=SUBJECT)
    consent = {"purpose": "customer_service", "modalities": ["speech"], "how": "signed form of 3 May, folder 12"}
    consent = call("POST", "/v1/subjects/{id}/consents", consent, id=SUBJECT)
    read = call("POST", "/v1/read", {"text": "so proud of you all", "save": True, "subjects": {"*": SUBJECT}})
    session = read["sessions"][0]
    call("POST", "/v1/read", {"text": "so proud of you all"})
    timeline = {**read["timelines"][0], "marks": [{"time": 9, "note": "ask again"}]}
    call("POST", "/v1/formats/{name}", timeline, name="csv")
    given = {"timeline": timeline, "name": "call with customer 17", "subjects": {"*": SUBJECT}}
    call("DELETE", "/v1/sessions/{id}", id=call("POST", "/v1/sessions", given)["id"])
    call("POST", "/v1/sessions/{id}/feedback", {"number": 0, "labels": ["joy"]}, id=session)
    for path in ("/v1/sessions", "/v1/sessions/{id}", "/v1/sessions/{id}/about", "/v1/sessions/{id}/feedback", "/v1/trends"):
        call("GET", path, id=session)
    job = call("POST", "/v1/jobs", form={"options": '{"labels": "ekman7"}'}, file="comments.csv")
    while call("GET", "/v1/jobs/{job}", job=job["id"])["state"] in ("waiting", "running"):
        pass
    call("GET", "/v1/jobs/{job}/result", job=job["id"])
    call("GET", "/v1/jobs")
    call("DELETE", "/v1/jobs/{job}", job=job["id"])
    form = {"model": "whisper-1", "response_format": "verbose_json"}
    call("POST", "/v1/audio/transcriptions", form=form, file="train.ogg")
    for path in (
        "/v1/feedback",
        "/v1/subjects",
        "/v1/subjects/{id}",
        "/v1/subjects/{id}/export",
        "/v1/keys",
        "/v1/audit",
        "/v1/audit/verify",
    ):
        call("GET", path, id=SUBJECT)
    call("DELETE", "/v1/subjects/{id}/consents/{consent}", id=SUBJECT, consent=consent["id"])
    call("DELETE", "/v1/sessions/{id}", id=session)
    call("DELETE", "/v1/subjects/{id}", id=SUBJECT)
    key = call("POST", "/v1/keys", {"name": "dashboards", "role": "reader"})
    client.headers["Authorization"] = f"Bearer {call('POST', '/v1/keys', {'name': 'operations', 'role': 'admin'})['key']}"
    call("DELETE", "/v1/keys/{id}", id=key["id"])
    return made


def short(answer: Any) -> Any:
    """An answer whose lists are not longer than an example needs."""
    if isinstance(answer, dict):
        return {name: short(one) for name, one in answer.items()}
    if isinstance(answer, list):
        return [short(one) for one in answer[:LONG]] if answer and isinstance(answer[0], (dict, list)) else answer
    if isinstance(answer, str):
        return "affekt_…" if answer.startswith("affekt_") else "\n".join(answer.splitlines()[:4])
    return answer


if __name__ == "__main__":
    main()
