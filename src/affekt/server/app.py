"""The app: routes, what they share, and how it all starts and ends."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from affekt import __version__
from affekt.pipeline import READ, Reader
from affekt.schema import json_schema
from affekt.server import health, listing, reads
from affekt.server.access import is_loopback
from affekt.server.batching import Batcher
from affekt.server.limits import BodyLimit, Rate
from affekt.server.problems import MEDIA_TYPE, answer_with_problems
from affekt.server.service import Service, workers_of
from affekt.settings import ServerSettings, Settings
from affekt.store.database import open_store
from affekt.store.keys import any_keys

ROUTERS = (reads.router, listing.router, health.router)
SAMPLE = "This is read once, so that the model is warm."
log = logging.getLogger("affekt.server")


def make_app(settings: ServerSettings) -> FastAPI:
    """The app of a server with these settings; its folder and database are opened when it starts.

    Raises:
        InputError: a model or label set that the settings name does not exist.
    """
    reader = reader_of(settings)
    app = FastAPI(title="Affekt", version=__version__, summary="Who felt what, when, and how surely.", lifespan=_lifespan, redoc_url=None)
    app.state.settings, app.state.reader = settings, reader
    for router in ROUTERS:
        app.include_router(router)
    answer_with_problems(app)
    app.add_middleware(BodyLimit, most=settings.most_bytes, larger={"/v1/jobs": settings.most_job_bytes})
    if origins := [origin.strip() for origin in settings.origins.split(",") if origin.strip()]:
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=["Retry-After"])
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # as FastAPI says to do
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
    no_key = settings.access == "open" or (settings.access == "auto" and is_loopback(settings.host) and not any_keys(store))
    service = Service(settings, app.state.reader, store, Rate(settings.rate), open=no_key)
    workers = workers_of(settings)
    service.texts = Batcher(
        service.read_texts, most=settings.batch, wait=settings.batch_wait_ms / 1000, queue=settings.queue, workers=workers
    )
    service.files = Batcher(service.read_files, most=1, wait=0.0, queue=settings.queue, workers=workers)
    app.state.service = service
    loading = asyncio.create_task(_load(service))
    try:
        yield
    finally:
        loading.cancel()
        await service.texts.close()
        await service.files.close()
        await asyncio.to_thread(store.close)


async def _load(service: Service) -> None:
    """Loads what everyone will need, so that nobody waits for it."""
    began = time.monotonic()
    try:
        await asyncio.to_thread(service.reader.read, SAMPLE, kind="text")
    except Exception as error:
        log.error("the text model cannot be loaded: %s", error)
        return
    service.ready = True
    log.info("ready after %.1f s", time.monotonic() - began)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description of all routes, with the one schema of timelines and the form of all problems."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for model in reads.SCHEMAS:
            schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= _timeline_schemas()
        problem = {"description": "a problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        for path in made["paths"].values():
            for operation in path.values():
                operation["responses"] = {code: one for code, one in operation["responses"].items() if code != "422"} | {"default": problem}
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema


def _timeline_schemas() -> dict[str, Any]:
    whole = _renamed(json_schema())
    parts = whole.pop("$defs")
    whole.pop("$schema")
    members = {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}}
    problem = {"type": "object", "description": "RFC 9457", "required": list(members), "properties": members}
    return {"Timeline": whole, "Reading": parts["reading"], "Event": parts["event"], "Problem": problem}


def _renamed(schema: Any) -> Any:
    """A schema whose references lead to where OpenAPI keeps schemas."""
    if isinstance(schema, dict):
        return {
            name: f"#/components/schemas/{value.rpartition('/')[2].capitalize()}" if name == "$ref" else _renamed(value)
            for name, value in schema.items()
        }
    return [_renamed(one) for one in schema] if isinstance(schema, list) else schema
