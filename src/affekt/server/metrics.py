"""`GET /metrics`: how the server does, for Prometheus; and what is counted to tell it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select

from affekt.results import Reading
from affekt.server.access import needs
from affekt.server.batching import Batcher
from affekt.server.drift import Drift
from affekt.server.service import Service, Serving
from affekt.store.tables import Job

SECONDS = (
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
)  # a text takes milliseconds, a film minutes
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
STATES = ("waiting", "running", "done", "failed", "cancelled")
EXAMPLE = 'affekt_requests_total{method="POST",route="/v1/read",status="200"} 42.0\n'
router = APIRouter(tags=["health"])


@dataclass(slots=True)
class Metrics:
    """What is counted; each app has its own.

    Args:
        requests: by route template, method and status.
        seconds: of a call, by stage (receive, queue, model, total) and route template.
        batch: items of a model's run, by queue.
        queue: items that wait, by queue.
        streams: WebSockets that are open, by route template.
        jobs: in the database, by state.
        readings, abstained: by modality, label set, and label.
        share, drift: of the labels lately, see `affekt.server.drift`.
    """

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    batch: Histogram
    queue: Gauge
    streams: Gauge
    jobs: Gauge
    readings: Counter
    abstained: Counter
    share: Gauge
    distance: Gauge
    drift: Drift = field(default_factory=Drift)
    children: dict[tuple[Any, ...], Any] = field(default_factory=dict)  # a metric's child is found by its labels faster here

    def of(self, metric: Any, *labels: str) -> Any:
        """A metric's child of these labels."""
        key = (metric, *labels)
        if key not in self.children:
            self.children[key] = metric.labels(*labels)
        return self.children[key]

    def count(self, readings: Iterable[Reading]) -> None:
        """Counts what was read; what is provisional is not yet."""
        for one in readings:
            if one.provisional or one.top is None:
                continue
            self.of(self.readings, one.modality, one.labels, one.top[0]).inc()
            if one.abstained:
                self.of(self.abstained, one.modality, one.labels).inc()
            self.drift.add((one.modality, one.labels, one.model), one.top[0])


def make_metrics() -> Metrics:
    """Metrics that have counted nothing yet."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)

    def made(kind: Callable[..., Any], name: str, what: str, labels: str, **more: Any) -> Any:
        return kind(f"affekt_{name}", what, labels.split(), registry=registry, **more)

    return Metrics(
        registry,
        requests=made(Counter, "requests", "calls that were answered", "route method status"),
        seconds=made(Histogram, "request_seconds", "seconds of a call, by stage", "stage route", buckets=SECONDS),
        batch=made(Histogram, "batch_items", "items that went through a model together", "queue", buckets=ITEMS),
        queue=made(Gauge, "queue_items", "items that wait", "queue"),
        streams=made(Gauge, "streams", "WebSockets that are open", "route"),
        jobs=made(Gauge, "jobs", "jobs in the database", "state"),
        readings=made(Counter, "readings", "final readings, by their likeliest label", "modality labels label"),
        abstained=made(Counter, "readings_abstained", "readings in which no label was sure enough", "modality labels"),
        share=made(Gauge, "label_share", "share of a label in the last readings", "modality labels model label"),
        distance=made(Gauge, "label_drift", "Jensen-Shannon distance of the labels lately from others", "modality labels model against"),
    )


def watch_queue(metrics: Metrics, name: str, batcher: "Batcher[Any, Any]") -> None:
    """Has a queue tell how much waits in it."""
    metrics.queue.labels(name).set_function(lambda: batcher.waiting)


@router.get(
    "/metrics",
    dependencies=[needs("reader")],
    response_class=Response,
    responses={
        200: {"description": "in Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}, "example": EXAMPLE}}}
    },
)
def metrics(service: Serving) -> Response:
    """How the server does: calls, latency by stage, queues, batches, streams, jobs, labels and their drift, memory."""
    kept = service.metrics
    for state, count in _jobs(service).items():
        kept.jobs.labels(state).set(count)
    for kind, label, share in kept.drift.shares():
        kept.share.labels(*kind, label).set(share)
    for kind, against, distance in kept.drift.distances():
        kept.distance.labels(*kind, against).set(distance)
    return Response(generate_latest(kept.registry), media_type=CONTENT_TYPE_LATEST)


def _jobs(service: Service) -> dict[str, int]:
    with service.store.reads() as session:
        found = {row[0]: row[1] for row in session.execute(select(Job.state, func.count()).group_by(Job.state))}
    return dict.fromkeys(STATES, 0) | found
