"""Each call is measured, and a span of OpenTelemetry is made of it and of each run of a model.

A route is told by its template, never by its path, which holds ids of people; no attribute holds what was read. Spans go nowhere unless
whoever runs the server configures an SDK of OpenTelemetry. Names are those of its semantic conventions for HTTP.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affekt.server.batching import Run
from affekt.server.metrics import Metrics

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ELSEWHERE = "none"  # the route of a call that has none
CONTINUED = (b"traceparent", b"tracestate", b"baggage")  # W3C Trace Context
tracer = trace.get_tracer("affekt.server")


@dataclass(slots=True)
class _Call:
    """A call that is being answered: seconds of its stages so far."""

    began: float
    status: int = 499  # of a reply that never began, for its caller had gone: as nginx counts it
    stages: dict[str, float] = field(default_factory=dict)


_current: ContextVar[_Call | None] = ContextVar("affekt_call", default=None)


def note_stages(waited: float, took: float) -> None:
    """Notes for the call that is being answered how long it waited for a model, and how long that took."""
    call = _current.get()
    if call is not None:
        for stage, seconds in (("queue", waited), ("model", took)):
            call.stages[stage] = call.stages.get(stage, 0.0) + seconds


def observe_runs(metrics: Metrics, queue: str) -> Callable[[Run], None]:
    """What a batcher tells its runs to: each becomes a span, which leads to the calls that it served."""

    def told(run: Run) -> None:
        metrics.of(metrics.batch, queue).observe(run.items)
        ended = time.time_ns()
        span = tracer.start_span(
            f"run {queue}",
            context=context.Context(),
            links=[Link(caller) for caller in run.callers],
            attributes={"affekt.queue": queue, "affekt.batch_items": run.items, "affekt.waited_seconds": round(run.waited, 6)},
            start_time=ended - int(run.took * 1e9),
        )
        span.end(ended)

    return told


class Observed:
    """Measures and traces what an app answers."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        carried = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in CONTINUED}
        parent = propagate.extract(carried) if carried else None
        with tracer.start_as_current_span(
            method_of(scope),
            context=parent,
            kind=SpanKind.SERVER,
            record_exception=False,  # it may quote what was read
            set_status_on_exception=False,
        ) as span:
            if scope["type"] == "http":
                await self._call(scope, receive, send, span)
            else:
                await self._stream(scope, receive, send, span)

    async def _call(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        call = _Call(time.perf_counter())
        token = _current.set(call)

        async def received() -> Message:
            message = await receive()
            if "receive" not in call.stages and not message.get("more_body", False):
                call.stages["receive"] = time.perf_counter() - call.began
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
            await send(message)

        try:
            await self.app(scope, received, sent)
        finally:
            _current.reset(token)
            call.stages["total"] = time.perf_counter() - call.began
            self._note(call, scope, span)

    def _note(self, call: _Call, scope: Scope, span: Span) -> None:
        metrics, route, method = self.metrics, route_of(scope), method_of(scope)
        metrics.of(metrics.requests, route, method, str(call.status)).inc()
        for stage, seconds in call.stages.items():
            metrics.of(metrics.seconds, stage, route).observe(seconds)
        _describe(span, route, method)
        span.set_attribute("http.response.status_code", call.status)
        if call.status >= 500:
            span.set_status(Status(StatusCode.ERROR))

    async def _stream(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        opened: list[str] = []

        async def sent(message: Message) -> None:
            if message["type"] == "websocket.accept":
                opened.append(route_of(scope))
                self.metrics.of(self.metrics.streams, opened[0]).inc()
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            for route in opened:
                self.metrics.of(self.metrics.streams, route).dec()
            _describe(span, route_of(scope), "GET")


def _describe(span: Span, route: str, method: str) -> None:
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)


def route_of(scope: Scope) -> str:
    """The template of the route that answers."""
    return str(getattr(scope.get("route"), "path", ELSEWHERE))


def method_of(scope: Scope) -> str:
    """The method, of those that there are: a caller could make up any number."""
    method = scope.get("method", "GET")
    return str(method) if method in METHODS else "OTHER"
