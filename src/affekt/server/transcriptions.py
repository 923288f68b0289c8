"""`POST /v1/audio/transcriptions`: what OpenAI's clients ask for and understand, with the emotion of each segment beside its words.

Requests, replies and errors have the shape of OpenAI's API reference (platform.openai.com/docs/api-reference/audio), so that a client that
transcribes needs only another address. What is not OpenAI's: `emotion`, `warnings`, and `labels` in the request.
"""

import math
import zlib
from collections.abc import Sequence
from html import escape
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from affekt.formats._cues import clock, milliseconds, plain
from affekt.preprocessing.transcript import joined, sure
from affekt.results import DIMENSIONS, Reading
from affekt.server.access import Reads
from affekt.server.named import SubjectId
from affekt.server.permission import permit
from affekt.server.problems import Problem
from affekt.server.service import Serving
from affekt.server.spoken import Recording, Transcription, Utterance, writer_of
from affekt.server.uploads import ending_of, form_of, named, received
from affekt.store.sessions import EVERYBODY

PATH = "/v1/audio/transcriptions"
ALIASES = ("whisper-1", "affekt")  # what clients that know only OpenAI ask for, and the server's own model, whatever it is
GRANULARITIES = "timestamp_granularities[]"
router = APIRouter(tags=["dialects"])


class Transcribe(BaseModel):
    """How a recording is written down."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=200, description="whisper-1 or affekt: the server's own model; or its name", examples=["whisper-1"])
    language: str = Field(
        "", pattern="^([a-z]{2,3})?$", description="language that is spoken, by ISO 639; empty: found out", examples=["en"]
    )
    prompt: str = Field("", max_length=10_000, description="is not used: words are decoded without a text before them")
    response_format: Literal["json", "text", "verbose_json", "srt", "vtt"] = "json"
    temperature: float = Field(0, ge=0, le=1, description="is not used: the same sound always gives the same words")
    timestamp_granularities: list[Literal["segment", "word"]] = Field(
        default_factory=list,
        alias="timestamp_granularities[]",
        max_length=2,
        description="of verbose_json; segments unless only words are asked for",
    )
    stream: Literal[False] = Field(False, description="is not offered; /v1/stream is live")
    labels: str | None = Field(None, min_length=1, max_length=200, description="label set of the emotion; the server's own")
    subject: SubjectId | None = Field(None, description="id of who speaks, where the deployment asks for consent")


NUMBER, TEXT, SCORE = {"type": "number"}, {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}
MAYBE = {"type": ["number", "null"], "minimum": -1, "maximum": 1}
EMOTION = {
    "type": "object",
    "required": ["label", "scores", "abstained"],
    "properties": {
        "label": {"type": ["string", "null"], "description": "the likeliest"},
        "labels": {"type": "string", "description": "label set"},
        "scores": {"type": "object", "additionalProperties": SCORE},
        "present": {"type": "array", "items": TEXT, "description": "the labels that apply"},
        "confidence": SCORE,
        "abstained": {"type": "boolean", "description": "no label is sure enough to act on"},
        "reason": {"type": ["string", "null"], "description": "why it abstains"},
        **dict.fromkeys(DIMENSIONS, MAYBE),
        "who": {"type": ["string", "null"]},
        "modality": TEXT,
        "model": TEXT,
        "clarity": {"type": ["number", "null"]},
        "disagreement": {"type": ["number", "null"], "description": "chance that voice and words show different emotions"},
    },
}
SEGMENT = {
    "type": "object",
    "required": ["id", "seek", "start", "end", "text", "tokens", "temperature", "compression_ratio", "emotion"],
    "properties": {
        "id": {"type": "integer"},
        "seek": {"type": "integer"},
        "start": NUMBER,
        "end": NUMBER,
        "text": TEXT,
        "tokens": {"type": "array", "items": {"type": "integer"}, "maxItems": 0, "description": "are not told"},
        "temperature": NUMBER,
        "avg_logprob": {"type": ["number", "null"], "description": "natural logarithm of the words' mean probability"},
        "compression_ratio": NUMBER,
        "no_speech_prob": {"type": "null", "description": "is not told: a voice activity detector has heard speech"},
        "emotion": EMOTION,
    },
}
WORD = {"type": "object", "required": ["word", "start", "end"], "properties": {"word": TEXT, "start": NUMBER, "end": NUMBER}}
ANSWER = {
    "type": "object",
    "required": ["text"],
    "properties": {
        "text": TEXT,
        "usage": {"type": "object", "properties": {"type": {"const": "duration"}, "seconds": {"type": "integer"}}},
        "warnings": {"type": "array", "items": TEXT},
        "task": {"const": "transcribe"},
        "language": {"type": ["string", "null"], "description": "by ISO 639"},
        "duration": {"type": "number", "description": "seconds"},
        "segments": {"type": "array", "items": SEGMENT},
        "words": {"type": "array", "items": WORD},
        "emotion": {"type": "object", "properties": {"label": TEXT, "scores": {"type": "object", "additionalProperties": SCORE}}},
    },
}
FIELDS = Transcribe.model_json_schema()
FILE = {"type": "string", "format": "binary", "description": "a sound, or a video whose sound is heard"}
FORM = {**FIELDS, "properties": {"file": FILE, **FIELDS["properties"]}, "required": ["file", *FIELDS["required"]]}
BODY = {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {"message": TEXT, "type": TEXT, "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}},
        }
    },
}
EXAMPLE = {"text": "I waited three hours for the train.", "usage": {"type": "duration", "seconds": 3}}


def told(problem: Problem) -> JSONResponse:
    """A problem in the shape of OpenAI's errors, which their clients raise by its status."""
    status = 400 if problem.status == 422 else problem.status
    known = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {
        "message": str(problem),
        "type": {403: "permission_error", 429: "rate_limit_error"}.get(status, kind),
        "param": problem.more.get("param", _first(problem)),
        "code": known.get(status, problem.kind.replace("-", "_")),
    }
    wait = {"x-should-retry": "false"} if status == 501 else {}  # their client tries what is 5xx again, unless told
    return JSONResponse({"error": error}, status, headers={**problem.headers, **wait})


def _first(problem: Problem) -> str | None:
    """The name of the first part of the body that cannot be used."""
    wrong = [one["where"].removeprefix("body.") for one in problem.more.get("errors", ())]
    return wrong[0] if wrong else None


@router.post(
    PATH,
    openapi_extra={"requestBody": BODY},
    response_class=Response,
    responses={
        200: {
            "description": "what was said; a text where the format is text, srt or vtt",
            "content": {"application/json": {"schema": ANSWER, "example": EXAMPLE}, "text/plain": {"schema": {"type": "string"}}},
        },
        "default": {"description": "a problem, in the shape of OpenAI's errors", "content": {"application/json": {"schema": ERROR}}},
    },
)
async def transcribe(request: Request, service: Serving, caller: Reads) -> Response:
    """Writes down what is said in a recording, as OpenAI's route of this name does, and how it is said."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(415, "unknown-body", f"a body of type {kind or 'none'}; it is multipart/form-data, with the part 'file'")
    async with form_of(request, fields=32) as form:
        file, asked = form.get("file"), _asked(form)
        if not isinstance(file, UploadFile):
            raise Problem(422, "invalid-request", "no file; it is the part of the name 'file', and has a file name", more={"param": "file"})
        model = writer_of(service.settings)
        if asked.model not in (*ALIASES, model):
            there_are = ", ".join(dict.fromkeys((*ALIASES, model)))
            raise Problem(404, "model-not-found", f"no model {asked.model!r} writes here; there are: {there_are}", more={"param": "model"})
        await permit(service, caller, modalities=["speech"], subjects={EVERYBODY: asked.subject} if asked.subject else {})
        labels = service.labels_of(asked.labels).name
        async with received(file, service.store, ending=ending_of(file)) as path:
            (made,) = await service.recordings.submit([Recording(path, labels, model, asked.language or service.settings.language)])
    if isinstance(made, Exception):
        raise named(made, path, file)
    return _reply(made, asked)


def _asked(form: FormData) -> Transcribe:
    """What the parts of a form say.

    Raises:
        RequestValidationError: they do not say it well.
    """
    given: dict[str, Any] = {name: form.get(name) for name in form if name not in ("file", GRANULARITIES)}
    if names := form.getlist(GRANULARITIES):
        given[GRANULARITIES] = names
    given |= {"stream": False} if given.get("stream") in ("false", "False", "0") else {}
    try:
        return Transcribe.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from error


def _reply(made: Transcription, asked: Transcribe) -> Response:
    written = [one for one in made.utterances if one.words]
    lines = [joined(one.words) for one in written]
    if asked.response_format == "text":
        return PlainTextResponse("\n".join(lines) + "\n")
    if asked.response_format in ("srt", "vtt"):
        return PlainTextResponse(_cues(written, lines, kind=asked.response_format))
    ignored = {"prompt": bool(asked.prompt), "temperature": bool(asked.temperature)}
    unused = [f"{name} is not used" for name, given in ignored.items() if given]
    warnings = [*unused, *(made.timeline.warnings if made.timeline else ())]
    usage = {"type": "duration", "seconds": math.ceil(made.duration)}
    answer = {"text": " ".join(lines), "usage": usage, **({"warnings": warnings} if warnings else {})}
    return JSONResponse(answer if asked.response_format == "json" else answer | _verbose(made, asked.timestamp_granularities))


def _verbose(made: Transcription, wanted: Sequence[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"task": "transcribe", "language": made.language, "duration": made.duration}
    if "segment" in wanted or not wanted:
        answer["segments"] = [_segment(one, number) for number, one in enumerate(made.utterances)]
    if "word" in wanted:
        said = (word for one in made.utterances for word in one.words)
        answer["words"] = [{"word": word.text.strip(), "start": word.start, "end": word.end} for word in said]
    if made.timeline and made.timeline.top:
        answer["emotion"] = {"label": made.timeline.top[0], "scores": made.timeline.scores}
    return answer


def _segment(one: Utterance, number: int) -> dict[str, Any]:
    """An utterance, also one without words that can be trusted, for it was felt as well."""
    text = joined(one.words).encode()
    return {
        "id": number,
        "seek": 0,
        "start": one.start,
        "end": one.end,
        "text": text.decode(),
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(max(sure(one.words), 1e-6)), 4) if one.words else None,
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 4),  # as Whisper has it
        "no_speech_prob": None,
        "emotion": emotion_of(one.reading),
    }


def emotion_of(reading: Reading) -> dict[str, Any]:
    """What a reading says, as a member of a reply in somebody else's dialect."""
    names = ("labels", "confidence", "abstained", "reason", *DIMENSIONS, "who", "modality", "model", "clarity", "disagreement")
    return {
        "label": reading.top[0] if reading.top else None,
        "scores": dict(reading.scores),
        "present": list(reading.present),
        **{name: getattr(reading, name) for name in names},
    }


def _cues(written: Sequence[Utterance], lines: Sequence[str], *, kind: str) -> str:
    """The words as subtitles, and nothing but them: players would show the rest."""
    point = "," if kind == "srt" else "."
    cues = []
    for number, (one, line) in enumerate(zip(written, lines, strict=True), 1):
        start = milliseconds(one.start)
        stretch = f"{clock(start, point=point)} --> {clock(max(milliseconds(one.end), start + 1), point=point)}"
        text = plain(line).replace("-->", "→") if kind == "srt" else escape(plain(line), quote=False)
        cues.append(f"{number}\n{stretch}\n{text}\n" if kind == "srt" else f"{stretch}\n{text}\n")
    return "\n".join(cues) if kind == "srt" else "\n".join(["WEBVTT\n", *cues])
