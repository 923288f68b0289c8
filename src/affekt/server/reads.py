"""`POST /v1/read`: texts, or one file of any kind, in; timelines out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from affekt.errors import InputError
from affekt.results import Modality, Timeline
from affekt.server.access import Caller, Reads
from affekt.server.named import Name, SubjectId, Words
from affekt.server.permission import modalities_of, only_agreed, permit, permit_now
from affekt.server.problems import Problem, problem_of
from affekt.server.service import File, Service, Serving, Text
from affekt.server.uploads import ending_of, form_of, form_with, name_of, named, received
from affekt.sources import open_source
from affekt.store.audit import last_number
from affekt.store.sessions import add_session, check_saving

router = APIRouter(tags=["read"])
Asked = TypeVar("Asked", bound=BaseModel)


class Options(BaseModel):
    """How something is read."""

    model_config = ConfigDict(extra="forbid")

    labels: Name | None = Field(None, description="label set that readings speak; null: the server's own")
    save: bool = Field(False, description="keep the readings as a session, as long as the server's settings say")
    name: Words = Field("", description="what the session is called; best nothing that says who is in it")
    subjects: dict[Name, SubjectId] = Field(
        default_factory=dict,
        max_length=64,
        description="who is who: name of a person in the timeline, or * for all others -> id of a subject, by which they can be erased",
    )


class ReadTexts(Options):
    """Texts to read."""

    text: str | None = Field(None, description="one text", examples=["so proud of you all"])
    texts: list[str] | None = Field(None, min_length=1, description="several texts")
    whole: bool = Field(False, description="one reading a text, instead of one a sentence")


class ReadFile(Options):
    """How a file is read."""

    who: list[Name] = Field(default_factory=list, max_length=8, description="names of the speakers of a sound, one a microphone")


ANSWER = {
    "type": "object",
    "required": ["timelines", "problems", "sessions"],
    "additionalProperties": False,
    "properties": {
        "timelines": {
            "type": "array",
            "description": "one a text or file, in order; null, where one of several texts could not be read",
            "items": {"anyOf": [{"$ref": "#/components/schemas/Timeline"}, {"type": "null"}]},
        },
        "problems": {
            "type": "array",
            "description": "what could not be read, and why",
            "items": {
                "allOf": [{"$ref": "#/components/schemas/Problem"}],
                "type": "object",
                "required": ["index"],
                "properties": {"index": {"type": "integer", "minimum": 0}},
            },
        },
        "sessions": {
            "type": "array",
            "description": "one a timeline: the id under which it is saved; null, where it is not",
            "items": {"type": ["string", "null"]},
        },
    },
}
TEXTS = {"schema": {"$ref": "#/components/schemas/ReadTexts"}}
FORM = form_with("ReadFile", what="a text, a conversation, a sound, a video or an image")
BODY = {"required": True, "content": {"application/json": TEXTS, "multipart/form-data": FORM}}
SCHEMAS = (ReadTexts, ReadFile)  # that only `BODY` names


@router.post(
    "/v1/read",
    openapi_extra={"requestBody": BODY},
    responses={200: {"content": {"application/json": {"schema": ANSWER}}}},
)
async def read(request: Request, service: Serving, caller: Reads) -> JSONResponse:
    """Reads texts or a file. Who felt what, when, and how surely."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return JSONResponse(await _read_texts(parsed(ReadTexts, await request.body()), service, caller))
    if kind == "multipart/form-data":
        async with form_of(request) as form:
            return JSONResponse(await _read_file(form, service, caller))
    raise Problem(415, "unknown-body", f"a body of type {kind or 'none'}; it is application/json, or multipart/form-data")


def parsed(model: type[Asked], body: bytes | str) -> Asked:
    """What a body says, in its model.

    Raises:
        RequestValidationError: it is not JSON, or not of this model.
    """
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from error


async def _read_texts(asked: ReadTexts, service: Service, caller: Caller) -> dict[str, Any]:
    if asked.save:
        check_saving(service.settings)
    if (asked.text is None) == (asked.texts is None):
        raise Problem(422, "invalid-request", "give one of text and texts")
    texts = [asked.text] if asked.text is not None else asked.texts or []
    settings = service.settings
    if len(texts) > settings.most_texts:
        raise Problem(413, "too-large", f"{len(texts):,} texts; a call has at most {settings.most_texts:,}, a table goes to /v1/jobs")
    if (characters := sum(map(len, texts))) > settings.most_characters:
        raise Problem(
            413, "too-large", f"{characters:,} characters; a call has at most {settings.most_characters:,}, longer ones go to /v1/jobs"
        )
    labels, since = service.labels_of(asked.labels).name, await _began(service, asked)
    opened: dict[int, Text] = {}
    problems: dict[int, Exception] = {}
    for at, text in enumerate(texts):
        try:
            opened[at] = Text(open_source(text, kind="text"), labels, asked.whole)
        except InputError as error:
            problems[at] = error
    made = dict(zip(opened, await service.texts.submit(list(opened.values())), strict=True))
    problems |= {at: one for at, one in made.items() if isinstance(one, Exception)}
    if len(problems) == len(texts):
        raise problems[0]
    timelines = [None if at in problems else _sound(made[at]) for at in range(len(texts))]
    return {
        "timelines": [one and one.to_dict() for one in timelines],
        "problems": [{**problem_of(error).to_dict(), "index": at} for at, error in sorted(problems.items())],
        "sessions": await _saved(service, timelines, asked=asked, caller=caller, since=since),
    }


async def _read_file(form: FormData, service: Service, caller: Caller) -> dict[str, Any]:
    file, asked = await sent(form, ReadFile)
    labels, ending = service.labels_of(asked.labels).name, ending_of(file)
    if asked.save:
        check_saving(service.settings)
    modalities = modalities_of(ending)
    since = await _began(service, asked)
    await permit(service, caller, modalities=modalities, subjects=asked.subjects)
    async with received(file, service.store, ending=ending) as path:
        (made,) = await service.files.submit([File(path, name_of(file), labels, who=tuple(asked.who))])
        if isinstance(made, Exception):
            raise named(made, path, file)
        written = modalities == ("text",)
        timeline = only_agreed(service, made, subjects=asked.subjects, written=written)
        how: dict[str, Any] = {"modalities": modalities, "media": None if written else path, "since": since}
        sessions = await _saved(service, [timeline], asked=asked, caller=caller, **how)
    return {"timelines": [timeline.to_dict()], "problems": [], "sessions": sessions}


async def _began(service: Service, asked: Options) -> int | None:
    """By what is told later who was erased while it was read; None: nothing is saved."""
    return await run_in_threadpool(last_number, service.store) if asked.save else None


async def _saved(service: Service, timelines: Sequence[Timeline | None], *, asked: Options, caller: Caller, **how: Any) -> list[str | None]:
    """The ids under which timelines are saved, all or none; None, where one is not. Args: how: as of `_save`."""
    if not asked.save:
        return [None] * len(timelines)
    return await run_in_threadpool(_save, service, timelines, asked=asked, caller=caller, **how)


def _save(
    service: Service,
    timelines: Sequence[Timeline | None],
    *,
    asked: Options,
    caller: Caller,
    since: int | None,
    modalities: Sequence[Modality] = ("text",),
    media: Path | None = None,
) -> list[str | None]:
    permit_now(service, caller, modalities=modalities, subjects=asked.subjects, again=True)  # a consent may have been withdrawn meanwhile
    how: dict[str, Any] = {"key": caller.key, "origin": "read", "name": asked.name, "subjects": asked.subjects}
    how |= {"media": media, "since": since}
    with service.store.writes() as transaction:
        return [
            None if one is None else add_session(transaction, service.store, timeline=one, settings=service.settings, **how)
            for one in timelines
        ]


async def sent(form: FormData, model: type[Asked]) -> tuple[UploadFile, Asked]:
    """The file that a form holds, and how it is to be read.

    Raises:
        Problem: there is none.
        RequestValidationError: the options are not of this model.
    """
    file, options = form.get("file"), form.get("options") or "{}"
    if not isinstance(file, UploadFile):
        raise Problem(422, "invalid-request", "no file; it is the part of the name 'file', and has a file name")
    if isinstance(options, UploadFile):
        options = (await options.read()).decode("utf-8", "replace")
    return file, parsed(model, options)


def _sound(made: Timeline | Exception) -> Timeline:
    assert isinstance(made, Timeline)
    return made
