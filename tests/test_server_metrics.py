"""What the server tells of itself: counts, latency by stage, drift of labels, and spans; and what it never tells."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from affekt.results import Reading
from affekt.server.drift import FEW, FILE, LATELY, USUAL, Drift, distance
from affekt.server.metrics import make_metrics
from affekt.server.observed import Observed
from people_made import serving, shown

SECRET = "hedgehog"  # in what is read and in paths; in nothing that is told
KIND = ("text", "ekman7", "m@1")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with serving(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def exporter() -> InMemorySpanExporter:
    """What an SDK that somebody configured would export; there is one provider a process."""
    made = InMemorySpanExporter()
    if not isinstance(provider := trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(made))
    return made


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter


def _told(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    reply = client.get("/metrics")
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/plain")
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(reply.text)
        for one in family.samples
    }


def _value(told: Any, name: str, **labels: str) -> float:
    return told.get((name, frozenset(labels.items())), 0.0)


def test_calls_are_counted_by_template_method_and_status(client: TestClient) -> None:
    client.get(f"/v1/subjects/{SECRET}")
    client.post("/v1/read", json={"text": SECRET})
    client.post("/v1/read", json={"text": ""})
    client.get(f"/{SECRET}")
    client.request("BREW", "/healthz")
    told = _told(client)
    for route, method, status in (
        ("/v1/subjects/{id}", "GET", "404"),
        ("/v1/read", "POST", "200"),
        ("/v1/read", "POST", "422"),
        ("none", "GET", "404"),
        ("/healthz", "OTHER", "405"),
    ):
        assert _value(told, "affekt_requests_total", route=route, method=method, status=status) == 1, route
    assert SECRET not in client.get("/metrics").text


def test_the_stages_of_a_call_are_parts_of_the_whole(client: TestClient) -> None:
    client.post("/v1/read", json={"texts": ["so happy", "so sad", "so what"]})
    told = _told(client)
    seconds = {}
    for stage in ("receive", "queue", "model", "total"):
        assert _value(told, "affekt_request_seconds_count", stage=stage, route="/v1/read") == 1, stage
        seconds[stage] = _value(told, "affekt_request_seconds_sum", stage=stage, route="/v1/read")
    assert seconds["queue"] + seconds["model"] <= seconds["total"] and seconds["receive"] <= seconds["total"]
    assert _value(told, "affekt_batch_items_sum", queue="texts") == 3
    assert _value(told, "affekt_queue_items", queue="texts") == 0


def test_readings_are_counted_by_label_and_provisional_ones_are_not() -> None:
    metrics = make_metrics()

    def reading(**given: Any) -> Reading:
        return Reading("speech", "ekman7", {"joy": 0.7, "neutral": 0.3}, 0, 1, "m@1", **given)

    metrics.count([reading(), reading(abstained=True), reading(provisional=True)])
    assert metrics.registry.get_sample_value("affekt_readings_total", {"modality": "speech", "labels": "ekman7", "label": "joy"}) == 2
    assert metrics.registry.get_sample_value("affekt_readings_abstained_total", {"modality": "speech", "labels": "ekman7"}) == 1


def test_a_file_and_its_words_are_counted_once_each(client: TestClient) -> None:
    client.post("/v1/read", files={"file": ("a.txt", b"What a day. I am so happy!")})
    told = _told(client)
    counted = {key: value for key, value in told.items() if key[0] == "affekt_readings_total"}
    assert sum(counted.values()) == 2  # sentences; not the whole as well
    shares = [value for (name, _), value in told.items() if name == "affekt_label_share"]
    assert sum(shares) == pytest.approx(1)


def test_jobs_and_memory_are_told(client: TestClient) -> None:
    client.post("/v1/jobs", files={"file": ("a.txt", b"so happy")})
    told = _told(client)
    states = {dict(labels)["state"]: value for (name, labels), value in told.items() if name == "affekt_jobs"}
    assert set(states) == {"waiting", "running", "done", "failed", "cancelled"} and sum(states.values()) == 1
    assert _value(told, "process_resident_memory_bytes") > 2**20


def test_metrics_need_a_key_unless_the_server_is_open(tmp_path: Path) -> None:
    from affekt.store.keys import make_key

    with serving(tmp_path, access="keys") as client:
        assert client.get("/metrics").status_code == 401
        _, word = make_key(client.app.state.service.store, "prometheus", role="reader")
        assert client.get("/metrics", headers=shown(word)).status_code == 200


def test_open_streams_are_told(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost/v1/stream") as socket:
        assert _value(_told(client), "affekt_streams", route="/v1/stream") == 1
        socket.close()
    ends = time.monotonic() + 5
    while _value(_told(client), "affekt_streams", route="/v1/stream") and time.monotonic() < ends:
        time.sleep(0.01)
    assert _value(_told(client), "affekt_streams", route="/v1/stream") == 0


def test_two_apps_count_apart(tmp_path: Path) -> None:
    with serving(tmp_path / "a") as one, serving(tmp_path / "b") as other:
        one.post("/v1/read", json={"text": "so happy"})
        assert not [key for key in _told(other) if key[0] == "affekt_readings_total"]


# Drift -----------------------------------------------------------------------------------------------------------------------------------


def _drawn(shares: dict[str, float], count: int, *, seed: int) -> list[str]:
    return Random(seed).choices(list(shares), list(shares.values()), k=count)


def test_the_same_people_do_not_drift_and_others_do() -> None:
    drift, usual = Drift(), {"joy": 0.5, "anger": 0.2, "neutral": 0.3}
    for label in _drawn(usual, USUAL + LATELY, seed=1):
        drift.add(KIND, label)
    ((kind, against, same),) = drift.distances()
    assert (kind, against) == (KIND, "first") and same < 0.05
    for label in _drawn({"joy": 0.1, "anger": 0.6, "neutral": 0.3}, LATELY, seed=2):
        drift.add(KIND, label)
    ((_, _, other),) = drift.distances()
    assert other > 0.3
    assert {label: round(share, 1) for _, label, share in drift.shares()} == {"joy": 0.1, "anger": 0.6, "neutral": 0.3}


def test_of_few_readings_no_drift_is_told() -> None:
    drift = Drift()
    for label in _drawn({"joy": 1, "fear": 1}, FEW - 1, seed=1):
        drift.add(KIND, label)
    assert not list(drift.distances()) and list(drift.shares())


def test_the_window_holds_the_last_readings_and_no_more() -> None:
    drift = Drift()
    for label in ["joy"] * LATELY + ["anger"] * LATELY:
        drift.add(KIND, label)
    assert {label: share for _, label, share in drift.shares() if share} == {"anger": 1.0}
    assert list(drift.distances()) == [(KIND, "first", 1.0)]


def test_what_is_usual_survives_a_restart_and_another_model_learns_its_own(tmp_path: Path) -> None:
    drift = Drift(tmp_path)
    for label in ["joy"] * USUAL:
        drift.add(KIND, label)
    again = Drift(tmp_path)
    for label in ["anger"] * FEW:
        again.add(KIND, label)
        again.add(("text", "ekman7", "m@2"), label)
    assert {kind: far for kind, _, far in again.distances()} == {KIND: 1.0, ("text", "ekman7", "m@2"): 0.0}


@pytest.mark.parametrize(
    "damaged", ["", "{", "[1]", '[{"modality": 1}]', '[{"modality": "a", "labels": "b", "model": "c", "counts": {"joy": "x"}}]']
)
def test_a_damaged_file_of_the_usual_is_learned_anew(tmp_path: Path, damaged: str) -> None:
    (tmp_path / FILE).write_text(damaged, encoding="utf-8")
    drift = Drift(tmp_path)
    drift.add(KIND, "joy")
    assert [label for _, label, _ in drift.shares()] == ["joy"]


def test_the_distance_is_that_of_jensen_and_shannon() -> None:
    assert distance({"a": 1, "b": 1}, {"a": 3, "b": 1}) == pytest.approx(0.2209, abs=1e-3)  # sqrt(0.0488 bits), by hand
    assert distance({"a": 3, "b": 1}, {"a": 1, "b": 1}) == distance({"a": 1, "b": 1}, {"a": 3, "b": 1})


# Spans -----------------------------------------------------------------------------------------------------------------------------------


def _named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def test_a_call_continues_its_callers_trace_and_its_run_links_to_it(client: TestClient, spans: InMemorySpanExporter) -> None:
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    client.post("/v1/read", json={"texts": ["so happy", "so sad"]}, headers={"traceparent": parent})
    (call,) = _named(spans, "POST /v1/read")
    assert call.parent and format(call.context.trace_id, "032x") == TRACE and format(call.parent.span_id, "016x") == "00f067aa0ba902b7"
    assert dict(call.attributes or {}) == {"http.request.method": "POST", "http.route": "/v1/read", "http.response.status_code": 200}
    runs = _named(spans, "run texts")
    assert sum((run.attributes or {})["affekt.batch_items"] for run in runs) == 2
    for run in runs:
        assert [link.context.span_id for link in run.links] == [call.context.span_id]
        assert call.start_time <= run.start_time <= run.end_time <= call.end_time


def test_no_span_and_no_log_tells_what_was_read_or_of_whom(
    client: TestClient, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put(f"/v1/subjects/{SECRET}")
    client.get(f"/v1/subjects/{SECRET}?name={SECRET}")
    client.post("/v1/read", json={"text": f"my {SECRET} is happy"})

    def fail(_: Any) -> Any:
        raise ValueError(f"cannot read {SECRET}")

    client.app.state.service.texts.run = fail
    reply = client.post("/v1/read", json={"text": SECRET})
    assert reply.status_code == 500 and SECRET not in reply.text
    told = [span.to_json() for span in spans.get_finished_spans()]
    assert len(told) > 4 and not any(SECRET in one for one in told)
    assert SECRET not in caplog.text and "ValueError" in caplog.text
    failed = _named(spans, "POST /v1/read")[-1]
    assert failed.status.status_code is trace.StatusCode.ERROR


# What it costs ---------------------------------------------------------------------------------------------------------------------------


def test_measuring_a_call_costs_little() -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(_: Any) -> None:
        return None

    async def seconds(app: Any, calls: int = 500) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            await app({"type": "http", "method": "GET", "headers": []}, receive, send)
        return (time.perf_counter() - began) / calls

    observed = Observed(bare, metrics=make_metrics())
    best = min(asyncio.run(seconds(observed)) for _ in range(5))
    assert best < 500e-6  # some 40 µs; ten times as much where much else is going on


def test_a_caller_who_has_gone_is_no_fault(client: TestClient) -> None:
    from starlette.requests import ClientDisconnect

    async def gone(_: Any) -> Any:
        raise ClientDisconnect

    client.app.state.service.texts.submit = gone
    client.post("/v1/read", json={"text": "so happy"})
    told = _told(client)
    assert _value(told, "affekt_requests_total", route="/v1/read", method="POST", status="499") == 1
