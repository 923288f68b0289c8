"""Errors as problem details (RFC 9457), made from the error tree: what was given, what is allowed, what to do; never a traceback."""

import logging
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affekt import errors
from affekt.store.tables import new_id

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[Exception], int] = {  # the most particular first
    errors.InputTooLarge: 413,
    errors.InputError: 422,
    errors.MissingExtra: 501,
    errors.EndpointError: 502,
    errors.PolicyRefused: 403,
    errors.LicenceRefused: 403,
    errors.WeightsError: 503,
    errors.StoreError: 503,
    errors.AffektError: 500,
}
log = logging.getLogger("affekt.server")


class Problem(Exception):
    """A call that is refused.

    Args:
        kind: one word or several, joined by hyphens; the problem's type is "urn:affekt:problem:" and this.
        headers: of the reply.
        more: members that the reply has beside those of the standard.
    """

    def __init__(
        self, status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        self.status, self.kind, self.detail, self.headers, self.more = status, kind, detail, headers or {}, more or {}
        super().__init__(detail)

    def to_dict(self) -> dict[str, Any]:
        """The problem as JSON has it."""
        title = self.kind.replace("-", " ").capitalize()
        return {"type": f"urn:affekt:problem:{self.kind}", "title": title, "status": self.status, "detail": self.detail, **self.more}


Shape = Callable[[Problem], JSONResponse]


def problem_of(error: Exception) -> Problem:
    """What a caller is told of an error; of one that nobody expected only a number, under which the log has more."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        told = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()]
        detail = "; ".join(f"{one['where']}: {one['what']}" for one in told)
        return Problem(422, "invalid-request", f"the request cannot be used: {detail}", more={"errors": told})
    if isinstance(error, HTTPException):
        return Problem(error.status_code, _hyphened(HTTPStatus(error.status_code).phrase), str(error.detail), headers=error.headers)
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return Problem(status, _hyphened(type(error).__name__), str(error))
    number = new_id("fault")
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{last[0].filename}:{last[0].lineno}" if last else "nowhere"
    log.error("%s: %s at %s", number, type(error).__name__, where)  # not its message, which may quote what was read
    if isinstance(error, SQLAlchemyError):
        return Problem(503, "store-unavailable", f"the database does not answer; try again ({number})", headers={"Retry-After": "5"})
    return Problem(500, "internal-error", f"something failed that should not; the log has more under {number}")


def reply(error: Exception, *, shape: Shape | None = None) -> JSONResponse:
    """A reply that tells an error, in a shape of its own where the route speaks somebody else's dialect."""
    problem = problem_of(error)
    if shape is not None:
        return shape(problem)
    return JSONResponse(problem.to_dict(), problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE)


def answer_with_problems(app: FastAPI, *, shapes: Mapping[str, Shape]) -> None:
    """Has an app answer every error in this way.

    Args:
        shapes: path -> how errors are told there.
    """

    async def handle(request: Request, error: Exception) -> JSONResponse:
        return reply(error, shape=shapes.get(request.url.path))

    for kind in (Problem, RequestValidationError, HTTPException, errors.AffektError):
        app.add_exception_handler(kind, handle)


class Unraised:
    """Answers what nobody expected as well: what left the app would be logged by the server, with what was read in its message.

    Args:
        shapes: path -> how errors are told there.
    """

    def __init__(self, app: ASGIApp, *, shapes: Mapping[str, Shape]) -> None:
        self.app, self.shapes = app, shapes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        began = False

        async def sent(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception as error:
            if scope["type"] not in ("http", "websocket"):
                raise
            answer = reply(error, shape=self.shapes.get(scope["path"]))  # also where it cannot be sent: it notes the error
            if scope["type"] == "http" and not began:
                await answer(scope, receive, send)
            elif scope["type"] == "websocket":
                with suppress(RuntimeError):  # it is closed already
                    await send({"type": "websocket.close", "code": 1011})


def _hyphened(name: str) -> str:
    """The words of a name in small letters, joined: of "EmptyInput" empty-input, of "Not Found" not-found."""
    spaced = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return "-".join(spaced.lower().split())
