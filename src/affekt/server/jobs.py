"""`/v1/jobs`: files that are read while nobody waits: long sounds and videos, and tables; taken in, followed, fetched, cancelled."""

from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from affekt.batch import open_table
from affekt.errors import AffektError
from affekt.results import Modality, Timeline
from affekt.server.access import Caller, Reads
from affekt.server.formats import file_of, find, media_type
from affekt.server.media import Limits, examine, told
from affekt.server.named import IdPath, Limit, Name, Word
from affekt.server.permission import permit
from affekt.server.problems import Problem
from affekt.server.reads import ReadFile, sent
from affekt.server.service import Service, Serving
from affekt.server.uploads import ending_of, form_of, form_with, keep, name_of
from affekt.settings import ServerSettings
from affekt.sources.table import ENDINGS as TABLES
from affekt.sources.table import is_table
from affekt.store import jobs, tables
from affekt.store.sessions import check_saving
from affekt.store.tables import new_id, now

router = APIRouter(tags=["jobs"])
COME_AGAIN = {"Retry-After": "30"}  # seconds: a job takes seconds to hours, so this is only a beginning


class ReadJob(ReadFile):
    """How the file of a job is read."""

    column: Name | None = Field(None, description="column of a table that holds the text; null: found out")


class Summary(BaseModel):
    """What reading a table did: its rows, how many could not be read, and number and problem of the first hundred of these."""

    rows: int
    bad_rows: int
    bad: list[tuple[int, str]]


class Job(BaseModel):
    """A job, as it is now."""

    id: str
    file: str = Field(description="what its file is called")
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    progress: float = Field(description="in [0, 1]", ge=0, le=1)
    created: datetime
    started: datetime | None
    finished: datetime | None
    result_until: datetime | None = Field(description="when its result is deleted")
    problem: dict[str, Any] | None = Field(description="why it failed, or has no result any more, as RFC 9457 has it")
    table: Summary | None = Field(description="of a table that was read")
    session: str | None = Field(description="id of the session in which it was saved")
    links: dict[str, str]


class Page(BaseModel):
    """Jobs, the newest first."""

    jobs: list[Job]
    next: str | None = Field(description="`before` of the next page; null: there is none")


FORM = form_with("ReadJob", what="a text, a sound, a video, an image or a table")
BODY = {"required": True, "content": {"multipart/form-data": FORM}}
SCHEMAS = (ReadJob,)  # that only `BODY` names


@router.post("/v1/jobs", status_code=202, openapi_extra={"requestBody": BODY}, responses={200: {"model": Job}})
async def add(request: Request, response: Response, service: Serving, caller: Reads, once: Word = None) -> Job:
    """Takes in a file that is read while nobody waits; the same `Idempotency-Key` again gives the same job, with 200."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(415, "unknown-body", f"a body of type {kind or 'none'}; it is multipart/form-data, with a part file")
    before = None if once is None else await run_in_threadpool(jobs.once, service.store, caller.key, once)
    if before is None and not await run_in_threadpool(jobs.has_room, service.store, caller.key, most=service.settings.queue):
        raise _too_busy(service)  # before a large body is read
    async with form_of(request) as form:
        job, new = await _accept(form, service, caller, once=once, before=before)
    service.jobs.wake()
    response.status_code = 202 if new else 200
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return _shown(job, service.settings)


@router.get("/v1/jobs")
def list_jobs(
    service: Serving,
    caller: Reads,
    limit: Limit = 100,
    before: Annotated[str | None, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]+$", description="id of the last job of a page")] = None,
) -> Page:
    """The caller's jobs, the newest first; everybody's for an analyst."""
    found = jobs.list_jobs(service.store, key=None if caller.may("analyst") else caller.key, limit=limit + 1, before=before)
    shown = [_shown(job, service.settings) for job in found[:limit]]
    return Page(jobs=shown, next=shown[-1].id if len(found) > limit else None)


@router.get("/v1/jobs/{job}")
def get(job: IdPath, service: Serving, caller: Reads) -> Job:
    """How a job is doing."""
    return _shown(_found(service, caller, job), service.settings)


@router.get(
    "/v1/jobs/{job}/result",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Timeline"}}, "*/*": {"schema": {}}}}},
)
def result(
    job: IdPath,
    service: Serving,
    caller: Reads,
    format_: Annotated[str | None, Query(alias="format", max_length=40, description="json, csv, webvtt, …; a table has its own")] = None,
) -> Response:
    """What came of a job: a timeline, in any format; or the rows of a table with their scores beside them."""
    found = _found(service, caller, job)
    if found.state != "done":
        more = {} if found.problem is None else {"problem": found.problem}
        raise Problem(409, "no-result", f"the job is {found.state}; only one that is done has a result", more=more)
    if found.problem is not None:
        raise Problem(410, "result-deleted", str(found.problem["detail"]))
    if found.result_path is not None:
        return _table(service, found, format_)
    kept = jobs.result_of(service.store, job)
    if kept is None:
        raise _gone()
    if format_ in (None, "json"):
        return JSONResponse(kept)
    return file_of(Timeline.from_dict(kept), find(format_ or "json"), stem=found.request["name"])


@router.delete("/v1/jobs/{job}", status_code=204)
def cancel(job: IdPath, service: Serving, caller: Reads) -> None:
    """Cancels a job that waits or runs; deletes one that has ended, with its result."""
    found = _found(service, caller, job)
    if found.key != caller.key and not caller.may("admin"):
        raise Problem(403, "not-allowed", f"job {job} is another key's; only an admin deletes it")
    if not jobs.cancel_job(service.store, job):
        jobs.delete_job(service.store, job)
    service.jobs.stop(job)
    jobs.remove_file(service.store, found.path)
    jobs.remove_written(service.store, job)


async def _accept(
    form: FormData, service: Service, caller: Caller, *, once: str | None, before: tables.Job | None
) -> tuple[tables.Job, bool]:
    """The job of a form, and whether it is new."""
    file, asked = await sent(form, ReadJob)
    ending = ending_of(file, more=TABLES)
    options = {**asked.model_dump(exclude={"labels"}), "labels": service.labels_of(asked.labels).name}
    request = {"file": name_of(file), "size": file.size, **options}
    if once is not None:
        request["sha256"] = await run_in_threadpool(_digest, file)
    if before is not None:
        return _same(before, request), False
    path = await keep(file, service.store, ending=ending)
    try:
        modalities = await run_in_threadpool(_examine, path, service.settings, asked, name_of(file))
        await permit(service, caller, modalities=modalities, subjects=asked.subjects)
        relative = str(path.relative_to(service.store.folder))
        whole = {**request, "modalities": modalities}
        job = tables.Job(id=new_id("job"), key=caller.key, once=once, state="waiting", request=whole, path=relative, created=now())
        job.progress, job.attempts = 0.0, 0
        kept = await run_in_threadpool(jobs.add_job, service.store, job, most=service.settings.queue)
        if kept is None:
            raise _too_busy(service)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if kept.id != job.id:  # the same came at the same time
        path.unlink(missing_ok=True)
        return _same(kept, request), False
    return job, True


def _examine(path: Path, settings: ServerSettings, asked: ReadJob, name: str) -> tuple[Modality, ...]:
    """What there is to read in a file; one that cannot be read, as far as can be told at once, is not taken in."""
    if asked.save:
        check_saving(settings)
    if asked.column is not None and not is_table(path):
        raise Problem(422, "invalid-request", f"column is of a table, and {name} is none; leave it out")
    if is_table(path) and (asked.who or asked.save or asked.subjects):
        raise Problem(422, "invalid-request", f"who, save and subjects are not of a table, and {name} is one; leave them out")
    try:
        if is_table(path):
            open_table(path, column=asked.column)
            return ("text",)
        return examine(path, limits=Limits(settings.most_job_seconds, settings.most_pixels))
    except AffektError as error:
        raise told(error, path, name=name) from error


def _digest(file: UploadFile) -> str:
    """SHA-256 of what was sent, in hex."""
    file.file.seek(0)
    return file_digest(file.file, "sha256").hexdigest()  # type: ignore[arg-type]  # a spooled file is read like any other


def _same(job: tables.Job, request: dict[str, Any]) -> tables.Job:
    """The job of a call that comes again."""
    if {name: job.request.get(name) for name in request} != request:
        raise Problem(422, "invalid-request", "this Idempotency-Key was that of another file, or of other options; choose a new one")
    return job


def _too_busy(service: Service) -> Problem:
    many = service.settings.queue
    detail = f"{many} jobs wait already, or half as many of this key; call again later"
    return Problem(429, "too-busy", detail, headers=COME_AGAIN)


def _found(service: Service, caller: Caller, job: str) -> tables.Job:
    found = jobs.find_job(service.store, job)
    if found is None or not caller.sees(found.key):
        raise Problem(404, "unknown-job", f"there is no job {job}; it was deleted, or is another key's")
    return found


def _gone() -> Problem:
    return Problem(410, "result-deleted", "the result has just been deleted")


def _shown(job: tables.Job, settings: ServerSettings) -> Job:
    done = job.state == "done"
    links = {"self": f"/v1/jobs/{job.id}"}
    if done and job.problem is None:
        links["result"] = f"{links['self']}/result"
    until = job.finished + timedelta(hours=settings.keep_results_hours) if done and job.finished else None
    return Job(
        **{part: getattr(job, part) for part in ("id", "state", "progress", "created", "started", "finished", "problem")},
        file=job.request["file"],
        result_until=until,
        table=None if job.result_path is None or job.result is None else Summary(**job.result),
        session=job.request.get("session"),
        links=links,
    )


def _table(service: Service, job: tables.Job, asked: str | None) -> Response:
    path = service.store.folder / (job.result_path or "")
    ending = path.suffix.removeprefix(".")
    if asked not in (None, ending):
        raise Problem(422, "invalid-request", f"no format {asked!r} of the result of a table; it is {ending}, as the table was")
    if not path.is_file():
        raise _gone()
    stem = job.request["file"].lower().removesuffix(".gz").removesuffix(path.suffix)
    return FileResponse(path, media_type=media_type(ending), filename=f"{stem}.affekt{path.suffix}")
