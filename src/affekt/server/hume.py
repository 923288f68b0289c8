"""`/v0/stream/models`: what clients of Hume's retired expression measurement API ask for and understand, so that another address is enough.

Requests, replies and codes have the shape of that API's reference (dev.hume.ai/reference/expression-measurement-api/stream, and its page
of errors). Emotions are those of the server's label set, not Hume's 48. Each message gets one reply.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.websockets import WebSocket, WebSocketDisconnect

from affekt.results import Timeline
from affekt.server.access import REMEMBERED, Caller, Reads, check_again
from affekt.server.hume_media import Window, ending_in, from_base64
from affekt.server.hume_reply import FOUND, NOTHING, made_of, size_of
from affekt.server.permission import modalities_of, permit
from affekt.server.problems import Problem, problem_of
from affekt.server.service import File, Service, Serving, Text
from affekt.server.uploads import received
from affekt.sources import open_source
from affekt.store.tables import new_id

router = APIRouter(tags=["dialects"])
IDLE = 60.0  # seconds without a message after which a connection closes, as Hume's did
MODELS = ("face", "prosody", "language")
NOT_JSON, NOT_SO, UNFIT, UNKNOWN, TOO_LONG, TOO_LARGE, TOO_MUCH = "E0100", "E0101", "E0102", "E0200", "E0203", "E0205", "E0206"


class Face(BaseModel):
    """How faces are read; members that are not here are ignored."""

    identify_faces: bool = False
    prob_threshold: float = Field(0.0, ge=0, le=1)
    min_face_size: float = Field(0.0, ge=0)


class Language(BaseModel):
    """How texts are read."""

    granularity: str = Field("sentence", pattern="^(word|sentence|utterance|passage|conversational_turn)$")


class Models(BaseModel):
    """What is read; others than these are not offered."""

    model_config = ConfigDict(extra="allow")

    face: Face | None = None
    prosody: dict[str, Any] | None = None
    language: Language | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """The models that are asked for, of those that are offered."""
        return tuple(name for name in MODELS if getattr(self, name) is not None)


class Payload(BaseModel):
    """One message."""

    data: str | None = None
    models: Models | None = None
    raw_text: bool = False
    payload_id: str | None = Field(None, max_length=200)
    stream_window_ms: float | None = Field(None, ge=0)
    reset_stream: bool | None = False
    job_details: bool | None = False


@dataclass(slots=True)
class Talk:
    """What a connection keeps: which models its client asked for last, and what was heard lately."""

    service: Service
    caller: Caller
    models: Models | None = None
    window: Window = field(default_factory=Window)
    job: str = field(default_factory=lambda: new_id("job"))
    asked: float = field(default_factory=time.monotonic)  # when its caller was last let in

    async def ask_again(self) -> None:
        """Nothing, where the caller still may; asked of the store from time to time.

        Raises:
            Problem: as of `check_again`.
        """
        if time.monotonic() - self.asked > REMEMBERED:
            await run_in_threadpool(check_again, self.service, self.caller)
            self.asked = time.monotonic()


class Refused(Exception):
    """A message that is answered with an error. Args: code: Hume's."""

    def __init__(self, code: str, told: str) -> None:
        self.code = code
        super().__init__(told)


@router.websocket("/v0/stream/models")
async def stream_models(socket: WebSocket, service: Serving, caller: Reads) -> None:
    """The retired Hume API's stream of measurements."""
    await socket.accept()
    talk = Talk(service, caller)
    with suppress(WebSocketDisconnect, RuntimeError):  # the client has gone
        while True:
            try:
                async with asyncio.timeout(IDLE):
                    given = await socket.receive()
            except TimeoutError:
                await socket.close(4408, "timed out")
                return
            if given["type"] == "websocket.disconnect":
                return
            await socket.send_text(json.dumps(await _answer(talk, given.get("text"))))


async def _answer(talk: Talk, given: str | None) -> dict[str, Any]:
    """The reply to a message, whatever it is."""
    told: dict[str, Any] = {}
    try:
        payload = _parsed(given)
        told = {"payload_id": payload.payload_id} if payload.payload_id is not None else {}
        if payload.job_details:
            told["job_details"] = {"job_id": talk.job}
        talk.service.rate.spend(talk.caller.key)
        await talk.ask_again()
        return {**told, **await _read(talk, payload)}
    except Refused as error:
        return {**told, "error": str(error), "code": error.code}
    except Exception as error:
        problem = problem_of(error)
        return {**told, "error": problem.detail, "code": _code_of(problem)}


def _parsed(given: str | None) -> Payload:
    try:
        return Payload.model_validate_json(given or "")
    except ValidationError as error:
        first = error.errors()[0]
        code = NOT_JSON if first["type"] == "json_invalid" else NOT_SO
        raise Refused(code, f"{'.'.join(map(str, first['loc']))[:200]}: {first['msg'][:200]}".lstrip(": ")) from error


async def _read(talk: Talk, payload: Payload) -> dict[str, Any]:
    if payload.reset_stream:
        talk.window.clear()
    talk.models = payload.models or talk.models
    if payload.data is None:
        if payload.reset_stream or payload.job_details:
            return {}
        raise Refused(NOT_SO, "data: no data; it is base64, or a text with raw_text")
    if talk.models is None or not talk.models.wanted:
        raise Refused(NOT_SO, f"models: none that is offered; there are: {', '.join(MODELS)}")
    if payload.raw_text:
        return await _read_text(talk, payload.data)
    return await _read_file(talk, payload)


async def _read_text(talk: Talk, text: str) -> dict[str, Any]:
    service, models = talk.service, talk.models
    if models is None or models.language is None:
        raise Refused(UNFIT, "a text is read by language, which models does not ask for")
    if len(text) > service.settings.most_characters:
        raise Refused(TOO_MUCH, f"a text of {len(text):,} characters; it has at most {service.settings.most_characters:,}")
    opened = open_source(text, kind="text")
    one = Text(opened, service.labels_of(None).name, models.language.granularity in ("passage", "conversational_turn"))
    (made,) = await service.texts.submit([one])
    if isinstance(made, Exception):
        raise made
    return _told(made, ("language",), text=text)


async def _read_file(talk: Talk, payload: Payload) -> dict[str, Any]:
    service, models = talk.service, talk.models
    assert models is not None and payload.data is not None
    data = from_base64(payload.data)
    ending = None if data is None else ending_in(data)
    if data is None or ending is None:
        code, what = ("E0201", "data is not base64") if data is None else (UNKNOWN, "the data are of no kind that is read")
        raise Refused(code, what)
    modalities = modalities_of(ending)
    wanted = tuple(name for name in models.wanted if FOUND[name] in modalities or (name == "language" and "speech" in modalities))
    if not wanted:
        raise Refused(UNFIT, f"{' and '.join(modalities)} can be read of {ending}, and models asks for {', '.join(models.wanted)}")
    await permit(service, talk.caller, modalities=modalities, subjects={})
    async with received(UploadFile(BytesIO(data), filename=f"data{ending}"), service.store, ending=ending) as path:
        if modalities == ("speech",) and payload.stream_window_ms:
            await run_in_threadpool(talk.window.widen, path, seconds=payload.stream_window_ms / 1000, limits=service.limits)
        (made,) = await service.files.submit([File(path, f"data{ending}", service.labels_of(None).name)])
        size = await run_in_threadpool(size_of, path) if "face" in wanted and isinstance(made, Timeline) else (0, 0)
    if isinstance(made, Exception):
        problem = problem_of(made)
        if problem.kind != "empty-input":
            raise problem
        return _nothing(wanted)
    return _told(made, wanted, size=size, face=models.face.model_dump() if models.face else {})


def _told(made: Timeline, wanted: tuple[str, ...], **given: Any) -> dict[str, Any]:
    """The predictions of each model; a warning, where there is none at all."""
    predictions = {name: made_of(name, made, **given) for name in wanted}
    if not any(predictions.values()):
        return _nothing(wanted)
    return {name: {"predictions": ones} for name, ones in predictions.items()}


def _nothing(wanted: tuple[str, ...]) -> dict[str, Any]:
    code, what = NOTHING[wanted[0]]
    return {"warning": what, "code": code}


def _code_of(problem: Problem) -> str:
    """Hume's code of a problem, where it had one."""
    codes: Mapping[int, str] = {413: TOO_LARGE, 415: UNKNOWN, 422: UNKNOWN}
    if problem.status == 413 and " s " in problem.detail:
        return TOO_LONG
    return codes.get(problem.status, problem.kind)
