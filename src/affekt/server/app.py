"""The app: routes, what they share, and how it all starts and ends."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from affekt import __version__
from affekt.pipeline import READ, Reader
from affekt.server import (
    audit,
    declared,
    feedback,
    formats,
    health,
    hume,
    jobs,
    keys,
    listing,
    metrics,
    pages,
    reads,
    recordings,
    sessions,
    stream,
    subjects,
    transcriptions,
    trends,
)
from affekt.server.batching import Batcher
from affekt.server.drift import Drift, expected_by_cards
from affekt.server.headers import SafeHeaders
from affekt.server.limits import BodyLimit, Rate
from affekt.server.metrics import make_metrics, watch_queue
from affekt.server.observed import Observed, note_stages, observe_runs
from affekt.server.openapi import describe
from affekt.server.problems import Unraised, answer_with_problems
from affekt.server.service import Service, workers_of
from affekt.server.start import decide_access, declare
from affekt.server.stream import keep_asking, streams_of
from affekt.server.working import Workers, keep_sweeping
from affekt.settings import ServerSettings, Settings
from affekt.store.database import open_store

KEPT = (sessions.router, recordings.router, trends.router, feedback.router)
PEOPLE = (subjects.router, keys.router, audit.router, declared.router)
ROUTERS = (
    reads.router,
    jobs.router,
    transcriptions.router,
    formats.router,
    listing.router,
    health.router,
    metrics.router,
    stream.router,
    hume.router,
    pages.router,
    *KEPT,
    *PEOPLE,
)
SHAPES = {transcriptions.PATH: transcriptions.told}
SCHEMAS = (*reads.SCHEMAS, *jobs.SCHEMAS, *sessions.SCHEMAS, *formats.SCHEMAS)  # of bodies that FastAPI does not read by itself
TOGETHER = 16  # texts of a run: on a processor without VNNI more gain nothing, and all would wait for all
SMALL = 2**20  # bytes of a body without texts and files: FastAPI reads it before anybody has asked for the key
SAMPLE = "This is read once, so that the model is warm."
log = logging.getLogger("affekt.server")


def make_app(settings: ServerSettings) -> FastAPI:
    """The app of a server with these settings; its folder and database are opened when it starts.

    Raises:
        InputError: a model or label set that the settings name does not exist.
    """
    reader = reader_of(settings)
    app = FastAPI(
        title="Affekt",
        version=__version__,
        summary="Who felt what, when, and how surely.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # FastAPI's own tells paths, and these hold ids of people
    )
    app.state.settings, app.state.reader, app.state.metrics = settings, reader, make_metrics()
    for router in ROUTERS:
        app.include_router(router)
    answer_with_problems(app, shapes=SHAPES)
    written = (formats.PATH.format(name=name) for name in formats.NAMES)
    whole = ("/v1/read", transcriptions.PATH, *written)  # a body may hold as much as is read at once
    larger = {**dict.fromkeys(whole, settings.most_bytes), "/v1/jobs": settings.most_job_bytes, "/v1/sessions": settings.most_session_bytes}
    app.add_middleware(BodyLimit, most=min(SMALL, settings.most_bytes), larger=larger, shapes=SHAPES)
    app.add_middleware(Unraised, shapes=SHAPES)
    if origins := [origin.strip() for origin in settings.origins.split(",") if origin.strip()]:
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=["Retry-After"])
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observed, metrics=app.state.metrics)
    app.openapi = lambda: describe(app, routers=ROUTERS, models=SCHEMAS)  # type: ignore[method-assign]  # as FastAPI says to do
    return app


def reader_of(settings: ServerSettings) -> Reader:
    """What reads for a server: several runs of one core each do more than one run of all cores."""
    given = settings.model_dump(include=set(Settings.model_fields), exclude=None if "labels" in settings.model_fields_set else {"labels"})
    models: dict[str, str] = {modality: given.pop(f"{modality}_model") for modality in READ}
    return Reader(models=models, **{**given, "threads": settings.threads or 1})


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: ServerSettings = app.state.settings
    store = await asyncio.to_thread(open_store, settings.folder, url=settings.database)
    no_key = await asyncio.to_thread(decide_access, settings, store)
    await asyncio.to_thread(declare, settings, store)
    service = Service(settings, app.state.reader, store, Rate(settings.rate), open=no_key)
    service.metrics = app.state.metrics
    service.metrics.drift = Drift(store.folder, expected=await asyncio.to_thread(expected_by_cards, settings))
    _start_queues(service)
    service.streams = streams_of(service)
    app.state.service = service
    service.jobs = Workers(service)
    service.jobs.start()
    beside = [asyncio.create_task(one) for one in (_load(app, service), keep_sweeping(store, settings), keep_asking(service.streams))]
    try:
        yield
    finally:
        for task in beside:
            task.cancel()
        await asyncio.to_thread(service.jobs.close)
        await service.streams.close()
        await service.texts.close()
        await service.files.close()
        await service.recordings.close()
        await asyncio.to_thread(service.counted.close)
        await asyncio.to_thread(store.close)


def _start_queues(service: Service) -> None:
    settings, kept = service.settings, service.metrics
    workers = workers_of(settings)

    def started(name: str, run: Any, *, most: int = 1, wait: float = 0.0) -> Any:
        told = observe_runs(kept, name)
        made: Any = Batcher(run, most=most, wait=wait, queue=settings.queue, workers=workers, told=told, served=note_stages)
        watch_queue(kept, name, made)
        return made

    service.texts = started("texts", service.read_texts, most=min(settings.batch, TOGETHER), wait=settings.batch_wait_ms / 1000)
    service.files = started("files", service.read_files)
    service.recordings = started("recordings", service.write_down)


async def _load(app: FastAPI, service: Service) -> None:
    """Loads what everyone will need, so that nobody waits for it."""
    began = time.monotonic()
    try:
        await asyncio.to_thread(service.reader.read, SAMPLE, kind="text")
    except Exception as error:
        log.error("the text model cannot be loaded: %s", error)
        return
    service.ready = True
    log.info("ready after %.1f s", time.monotonic() - began)
    if address := getattr(app.state, "address", None):
        sys.stderr.write(f"affekt: open {address} in a browser; the interface for programs is described at {address}/docs\n")
