"""What all WebSockets share: who may open one, and how a problem is told on it before it closes.

A browser's WebSocket does not show its page the status with which a handshake was refused. So a connection is accepted first, then told
the problem, then closed with a code that says the same.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends
from starlette.websockets import WebSocket, WebSocketDisconnect

from affekt.server.access import Caller, Role, needs
from affekt.server.problems import Problem
from affekt.server.service import Serving

RESTART = 1012  # RFC 6455's registry: the server restarts, come again
CODES = {401: 4401, 403: 4403, 404: 4404, 408: 4408, 409: 4409, 413: 4413, 429: 4429}  # of a problem's status; 4000 on are for applications
INVALID, FAULT = 4400, 4500
SHUTTING_DOWN = "shutting-down"
Tell = Callable[[WebSocket, Problem], Awaitable[None]]


def code_of(problem: Problem) -> int:
    """The code with which a connection closes after a problem."""
    if problem.kind == SHUTTING_DOWN:
        return RESTART
    return CODES.get(problem.status, FAULT if problem.status >= 500 else INVALID)


def message_of(problem: Problem) -> dict[str, Any]:
    """A problem as a message; the type of RFC 9457 is its `problem`, for messages have a type of their own."""
    told = problem.to_dict()
    return {**told, "problem": told["type"], "type": "problem"}


async def refuse(socket: WebSocket, problem: Problem) -> None:
    """Tells a problem, and closes."""
    try:
        await socket.send_text(json.dumps(message_of(problem)))
        await socket.close(code_of(problem), problem.kind)
    except (WebSocketDisconnect, RuntimeError):  # who was to be told has gone
        pass


def entered(role: Role, *, tell: Tell = refuse) -> Any:
    """A dependency: who has opened a WebSocket, accepted; None: the caller may not, was told so, and the connection is closed.

    Args:
        tell: tells a problem, and closes.
    """
    check = needs(role).dependency

    async def enter(socket: WebSocket, service: Serving) -> Caller | None:
        await socket.accept()
        try:
            caller: Caller = await check(socket, service)
        except Problem as problem:
            await tell(socket, problem)
            return None
        return caller

    enter.needs = role  # type: ignore[attr-defined]  # a test walks the routes by it
    return Depends(enter)
