"""`/v1/stream`: sound, pictures and words in while they happen, readings out; docs/streams.md describes the protocol."""

import asyncio
import json
import logging
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from affekt.results import Reading, Timeline
from affekt.server.access import Caller, check_again
from affekt.server.live import RESUMABLE, Allowed, Connection, Rules, Session, Streams
from affekt.server.permission import only_agreed, permit_now
from affekt.server.problems import Problem, problem_of
from affekt.server.protocol import FIRST, LATER, End, Ping, Resume, Start, Words, invalid, limits, message, signal
from affekt.server.service import Service, Serving
from affekt.server.sockets import code_of, entered, refuse
from affekt.store.audit import last_number
from affekt.store.keys import share
from affekt.store.sessions import EVERYBODY, check_saving, save_session

router = APIRouter(tags=["live"])
BEGIN = 10.0  # seconds in which a connection says what it is for
IDLE = 60.0  # seconds in which something comes, be it a ping
SEND = 10.0  # seconds that a client may leave what is sent to it unread
ASKING = 10.0  # seconds between two times that it is asked whether what runs still may
ACK = 1.0  # seconds between two times that inputs are acknowledged
ACKED = 50  # inputs after which they are
GONE = (WebSocketDisconnect, RuntimeError)  # what sending raises where the client has gone
log = logging.getLogger("affekt.server")


def streams_of(service: Service) -> Streams:
    """The live streams of a server, with what its deployment has to say of them."""

    def check(caller: Caller, asked: Start) -> Allowed:
        if asked.save:
            check_saving(service.settings)
        since = last_number(service.store)
        permit_now(service, caller, modalities=asked.modalities, subjects=asked.subjects)
        with service.store.reads() as transaction:
            return Allowed(share(transaction, service.settings.streams), since)

    def again(caller: Caller, asked: Start) -> None:
        check_again(service, caller)
        permit_now(service, caller, modalities=asked.modalities, subjects=asked.subjects, again=True)

    def shows(asked: Start, reading: Reading) -> bool:
        everyone = not service.settings.require_consent or EVERYBODY in asked.subjects
        return everyone or (asked.words and reading.modality == "text") or reading.who in asked.subjects

    def made(caller: Caller, asked: Start, timeline: Timeline, since: int) -> tuple[Timeline, dict[str, Any]]:
        service.count([timeline])
        timeline = only_agreed(service, timeline, subjects=asked.subjects, written=asked.words)  # where words are given, none are heard
        if not asked.save:
            return timeline, {}
        again(caller, asked)
        given: dict[str, Any] = {"subjects": asked.subjects, "settings": service.settings, "since": since}
        return timeline, {"session": save_session(service.store, timeline, key=caller.key, origin="stream", **given)}

    return Streams(service.settings, speaking=service.speaking, rules=Rules(check, again, shows, made))


async def keep_asking(streams: Streams) -> None:
    """Ends streams that may go on no longer: their key was revoked, or somebody's consent was withdrawn."""
    while True:
        await asyncio.sleep(ASKING)
        for session in [*streams.running]:
            try:
                await asyncio.to_thread(streams.rules.again, session.caller, session.asked)
            except SQLAlchemyError as error:  # before anything is saved it is asked again
                log.error("whether a stream may go on cannot be asked: %s", type(error).__name__)
            except Exception as error:
                session.fail(problem_of(error))


@router.websocket("/v1/stream")
async def stream(socket: WebSocket, service: Serving, caller: Annotated[Caller | None, entered("reader")]) -> None:
    """A live stream; see docs/streams.md."""
    if caller is None:
        return
    try:
        session = await _open(socket, service.streams, caller)
    except WebSocketDisconnect:
        return
    except Exception as error:
        await refuse(socket, problem_of(error))
        return
    await _serve(socket, session, service.streams)


async def _open(socket: WebSocket, streams: Streams, caller: Caller) -> Session:
    """The stream that a connection begins, or goes on with."""
    try:
        async with asyncio.timeout(BEGIN):
            first = await _received(socket)
    except TimeoutError as error:
        raise Problem(408, "timed-out", f"no message 'start' or 'resume' within {BEGIN:.0f} s") from error
    if isinstance(first, bytes):
        raise invalid("a binary frame first; the first message is 'start' or 'resume'")
    asked: Start | Resume = message(first, among=FIRST)
    if isinstance(asked, Start):
        session = await streams.begin(asked, caller)
        session.connection = Connection()
        allowed = {**limits(streams.settings), "resume_seconds": RESUMABLE, "idle_seconds": IDLE}
        told: dict[str, Any] = {"type": "started", "stream": session.id, "resume": session.token, "since": session.since, "limits": allowed}
    else:
        session = await streams.resume(asked, caller)
        told = {"type": "resumed", "received": session.received}
    with suppress(*GONE):  # `_serve` will notice
        await socket.send_text(json.dumps(told))
    return session


async def _serve(socket: WebSocket, session: Session, streams: Streams) -> None:
    """Takes what comes and tells what is read, until the stream has ended or the connection is lost."""
    connection = session.connection
    assert connection is not None
    session.heard_of = asyncio.get_running_loop().time()
    receiving, sending = asyncio.create_task(_receive(socket, session)), asyncio.create_task(_send(socket, session))
    tasks: list[asyncio.Task[Any]] = [receiving, sending, asyncio.create_task(connection.taken.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        _, sent, _ = outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        problem = next((one for one in outcomes if isinstance(one, Exception) and not isinstance(one, (*GONE, TimeoutError))), None)
        if problem is not None:
            session.fail(problem_of(problem))
        streams.leave(session)
    if session.failed is not None and session.failed is not session.reason:
        await refuse(socket, session.failed)
    elif connection.taken.is_set():
        await refuse(socket, Problem(409, "taken-over", "another connection goes on with this stream"))
    elif sent is None:  # all was told, the problem as well, where it ended with one
        with suppress(*GONE):
            await socket.close(1000 if session.reason is None else code_of(session.reason))


async def _receive(socket: WebSocket, session: Session) -> None:
    loop = asyncio.get_running_loop()
    while True:
        given = await _received(socket)
        session.heard_of = loop.time()
        if isinstance(given, bytes):
            await session.take(signal(given))
            continue
        said: Words | End | Ping = message(given, among=LATER)
        if isinstance(said, Words):
            await session.take(said)
        elif isinstance(said, End):
            session.end()
        else:
            session.pongs += 1
            session.woken.set()


async def _received(socket: WebSocket) -> str | bytes:
    """The next message.

    Raises:
        WebSocketDisconnect: there is none, the client has gone.
    """
    given = await socket.receive()
    if given["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(given.get("code", 1006))
    text: str | None = given.get("text")
    data: bytes = given.get("bytes") or b""
    return data if text is None else text


async def _send(socket: WebSocket, session: Session) -> None:
    """Tells all that there is to be told; returns when that was the last.

    Raises:
        TimeoutError: the client does not read.
    """
    loop = asyncio.get_running_loop()
    acked, then = 0, -ACK
    while session.failed is None or session.failed is session.reason:
        session.woken.clear()
        if session.outbox.fresh:
            told = session.outbox.fresh[0]
            await _tell(socket, told.text)
            session.outbox.sent(told)
            continue
        if session.over:
            return
        if session.pongs:
            session.pongs -= 1
            await _tell(socket, '{"type":"pong"}')
            continue
        if session.received - acked >= ACKED or loop.time() - then >= ACK:
            acked, then = session.received, loop.time()
            await _tell(socket, f'{{"type":"ack","received":{acked}}}')
            _check_idle(session, then)
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(max(then + ACK - loop.time(), 0.0)):
                await session.woken.wait()


def _check_idle(session: Session, now: float) -> None:
    """Once a second, and not with each message that comes, of which there are many.

    Raises:
        Problem: nothing has come for too long.
    """
    if not session.ending and now - session.heard_of > IDLE:
        raise Problem(408, "timed-out", f"nothing came for {IDLE:.0f} s; a client that has nothing to send sends a ping")


async def _tell(socket: WebSocket, text: str) -> None:
    async with asyncio.timeout(SEND):
        await socket.send_text(text)
