"""`/healthz` and `/readyz`: whether the process lives, and whether it can read; for who starts and watches it, without a key."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from affekt import __version__
from affekt.server.problems import Problem
from affekt.server.service import Service, Serving

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """That all is well."""

    status: Literal["ok"] = "ok"
    version: str = __version__


@router.get("/healthz")
def healthz() -> Health:
    """The process lives."""
    return Health()


@router.get("/readyz")
async def readyz(service: Serving) -> Health:
    """Models are loaded, the database answers, and the server is not shutting down."""
    if not service.ready or not service.texts.open:
        why = "models are still loading" if not service.ready else "the server is shutting down"
        raise Problem(503, "not-ready", f"{why}; ask again in a moment", headers={"Retry-After": "1"})
    await run_in_threadpool(_ask, service)
    return Health()


def _ask(service: Service) -> None:
    with service.store.reads() as session:
        session.execute(text("SELECT 1"))
