"""The workers: threads that run jobs, and one that says that they live, hears of cancelled jobs and finds those of dead workers."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from shutil import copyfile
from threading import Event, Lock, Thread
from typing import IO, Any

from sqlalchemy import update
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session as Transaction

from affekt.batch import read_table
from affekt.results import Timeline
from affekt.server.access import Caller
from affekt.server.media import Limits, read_file, told
from affekt.server.permission import modalities_of, only_agreed, permit_now
from affekt.server.problems import Problem, problem_of
from affekt.server.service import Service
from affekt.settings import ServerSettings
from affekt.sources.table import is_table
from affekt.store import jobs, living
from affekt.store.database import Store
from affekt.store.retention import sweep
from affekt.store.sessions import add_session
from affekt.store.tables import Job, new_id

BEAT = 1.0  # seconds between two signs of life: as long may go by until a worker hears that its job was cancelled
SEARCH = 5  # beats between two searches for jobs of dead workers
PAUSE = 2.0  # seconds until a database that does not answer is asked again
HOUR = 3600.0  # seconds
PATIENCE = 10.0  # seconds in which what is stopped should have come to an end
log = logging.getLogger("affekt.server")


class Stopped(Exception):
    """A job that is not to go on."""


@dataclass(slots=True, eq=False)
class Running:
    """A job that runs here."""

    job: Job
    claim: str
    progress: float = 0.0
    stop: Event = field(default_factory=Event)

    def report(self, progress: float) -> None:
        """Says how much has been done, in [0, 1].

        Raises:
            Stopped: it is enough.
        """
        self.progress = progress
        if self.stop.is_set():
            raise Stopped


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a job: a timeline, or the table at a path and its summary."""

    timeline: Timeline | None = None
    summary: dict[str, Any] | None = None
    path: str | None = None


class Workers:
    """Runs the jobs of a server, as many at a time as its settings say."""

    def __init__(self, service: Service) -> None:
        self.service, self.store = service, service.store
        self.name = new_id("worker")
        self.running: dict[str, Running] = {}
        self._numbers = count(1)
        self._came, self._stopping, self._lock = Event(), Event(), Lock()
        self._threads: list[Thread] = []
        self._alive: IO[bytes] | None = None

    def start(self) -> None:
        """Begins to work; a server without workers of its own leaves that to others."""
        many = self.service.settings.job_workers
        if not many:
            return
        self._alive = living.live(self.store.folder, self.name)
        targets = [self._keep, *[self._work] * many]
        self._threads = [Thread(target=target, name=f"affekt-job-{at}", daemon=True) for at, target in enumerate(targets)]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Says that a job has come."""
        self._came.set()

    def stop(self, job: str) -> None:
        """Stops a job that was cancelled or deleted, where it runs here."""
        with self._lock:
            if job in self.running:
                self.running[job].stop.set()

    def close(self) -> None:
        """Stops what runs and gives it back, for another server or the next start."""
        self._stopping.set()
        self._came.set()
        with self._lock:
            for one in self.running.values():
                one.stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        if self._alive is not None and not any(thread.is_alive() for thread in self._threads):
            living.bury(self.store.folder, self.name)
            self._alive.close()

    # Working ----------------------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._came.clear()
            claim = f"{self.name}.{next(self._numbers)}"
            try:
                job = jobs.claim_job(self.store, claim)
            except SQLAlchemyError as error:
                log.error("no job can be fetched: %s", type(error).__name__)
                self._stopping.wait(PAUSE)
                continue
            if job is None:
                self._came.wait(BEAT)
                continue
            one = Running(job, claim)
            with self._lock:
                self.running[job.id] = one
                if self._stopping.is_set():
                    one.stop.set()
            try:
                self._run(one)
            except Exception as error:  # the next job has done nothing wrong
                log.error("%s came to no end: %s", job.id, problem_of(error).detail)
            finally:
                with self._lock:
                    del self.running[job.id]

    def _run(self, one: Running) -> None:
        job = one.job
        try:
            made = self._read(one)
            ended = self._insist(lambda: self._finish(one, made))
        except Stopped:
            self._stopped(one)
            return
        except Exception as error:  # whatever is wrong with a job, its caller is told
            problem = told(error, self.store.folder / (job.path or ""), name=job.request["file"]).to_dict()
            made = Made()
            ended = self._insist(lambda: jobs.finish_job(self.store, job.id, claim=one.claim, state="failed", problem=problem))
        if not ended:
            self._stopped(one)
            return
        jobs.remove_file(self.store, job.path)
        for path in jobs.written(self.store, job.id):
            if path != self.store.folder / (made.path or ""):
                path.unlink(missing_ok=True)

    def _finish(self, one: Running, made: Made) -> bool:
        job, timeline = one.job, made.timeline
        also = None if timeline is None or not job.request["save"] else lambda transaction: self._save(transaction, job, timeline)
        result = made.summary if timeline is None else timeline.to_dict()
        return jobs.finish_job(self.store, job.id, claim=one.claim, state="done", result=result, result_path=made.path, also=also)

    def _save(self, transaction: Transaction, job: Job, timeline: Timeline) -> None:
        """Saves what was read as a session, and notes at the job which one."""
        request, path = job.request, self.store.folder / (job.path or "")
        session = add_session(
            transaction,
            self.store,
            timeline=timeline,
            key=job.key,
            origin="job",
            name=request["name"],
            subjects=request["subjects"],
            settings=self.service.settings,
            media=path if modalities_of(path.suffix) != ("text",) and path.is_file() else None,
        )
        transaction.execute(update(Job).where(Job.id == job.id).values(request={**request, "session": session}))

    def _stopped(self, one: Running) -> None:
        """Gives a job back where it is still ours, and tidies up where nobody's it is any more."""
        if self._insist(lambda: jobs.give_back(self.store, one.job.id, claim=one.claim)):
            return
        now = jobs.find_job(self.store, one.job.id)
        if now is None or now.state == "cancelled":
            jobs.remove_file(self.store, one.job.path)
            jobs.remove_written(self.store, one.job.id)

    def _insist(self, write: Callable[[], bool]) -> bool:
        """What a write says, when the database answers again at last; no work is lost to its restart.

        Raises:
            SQLAlchemyError: the server shuts down before it does, or it will never take this.
        """
        while True:
            try:
                return write()
            except (OperationalError, InterfaceError, NoConnection) as error:
                log.error("what came of a job cannot be written yet: %s", type(error).__name__)
                if self._stopping.wait(PAUSE):
                    raise

    # Reading ----------------------------------------------------------------------------------------------------------------------

    def _read(self, one: Running) -> Made:
        job, settings = one.job, self.service.settings
        request, path = job.request, self.store.folder / (job.path or "")
        # A consent may have been withdrawn while the job waited or was read, and the server started anew in another setting.
        asked_by = Caller(job.key, "reader")
        permit_now(self.service, asked_by, modalities=request["modalities"], subjects=request["subjects"], again=True)
        reader = self.service.speaking(request["labels"])
        if not is_table(path):
            limits = Limits(settings.most_job_seconds, settings.most_pixels)
            who = tuple(request["who"])
            made = read_file(reader, path, name=request["file"], limits=limits, who=who, report=one.report)
            self.service.count([made])
            permit_now(self.service, asked_by, modalities=request["modalities"], subjects=request["subjects"], again=True)
            return Made(only_agreed(self.service, made, subjects=request["subjects"], written=request["modalities"] == ["text"]))
        out = _resumed(self.store.folder / jobs.RESULTS, job, ending=path.name.removesuffix(".gz").rpartition(".")[2])
        often = reader.sharing(report=lambda _: one.report(one.progress))  # so that it can be stopped more often than a table reports
        summary = read_table(path, out=out, column=request["column"], reader=often, report=lambda done, _: one.report(done))
        counts = {"rows": summary.rows, "bad_rows": summary.bad_rows, "bad": summary.bad}
        return Made(summary=counts, path=str(out.relative_to(self.store.folder)))

    # Keeping ----------------------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        beats = 0
        while not self._stopping.wait(BEAT if beats else 0):
            try:
                self._beat()
                if beats % SEARCH == 0:
                    self._search()
            except SQLAlchemyError as error:
                log.error("jobs cannot be kept alive: %s", type(error).__name__)
            beats += 1

    def _beat(self) -> None:
        with self._lock:
            running = list(self.running.values())
        for one in running:
            if not jobs.beat(self.store, one.job.id, claim=one.claim, progress=one.progress):
                one.stop.set()

    def _search(self) -> None:
        """Has the jobs of dead workers run again."""
        sqlite = self.store.engine.dialect.name == "sqlite"  # whose servers are all on this machine; locks do not reach further
        dead = living.dead(self.store.folder) if sqlite else set()
        lost = jobs.requeue_lost(self.store, dead=lambda claim: claim.rpartition(".")[0] in dead, problem=GIVEN_UP.to_dict())
        for job in lost:
            log.warning("the worker of %s is gone after %d attempts", job.id, job.attempts)
            if job.attempts >= jobs.ATTEMPTS:
                jobs.remove_file(self.store, job.path)
                jobs.remove_written(self.store, job.id)
        for name in dead:
            living.bury(self.store.folder, name)
        if lost:
            self._came.set()


GIVEN_UP = Problem(
    500,
    "given-up",
    f"the server stopped {jobs.ATTEMPTS} times while it ran this job, and does not try again; if that goes on, the file may be the cause",
)


async def keep_sweeping(store: Store, settings: ServerSettings) -> None:
    """Deletes what has been kept long enough, now and every hour."""
    while True:
        try:
            swept = {name: count for name, count in asdict(await asyncio.to_thread(sweep, store, settings)).items() if count}
            if swept:
                log.info("kept long enough and deleted: %s", swept)
        except (SQLAlchemyError, OSError) as error:
            log.error("what has been kept long enough cannot be deleted: %s", type(error).__name__)
        await asyncio.sleep(HOUR)


def _resumed(folder: Path, job: Job, *, ending: str) -> Path:
    """Where a table is written; what an attempt before this one wrote is there already.

    Each attempt has a file of its own, for a worker that was taken for dead may still write to that of the one before.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    out, before = (folder / f"{job.id}.{attempt}.{ending}" for attempt in (job.attempts, job.attempts - 1))
    parts = [(folder / f"{before.name}{more}", folder / f"{out.name}{more}") for more in (".part.json", ".part")]
    if all(old.is_file() for old, _ in parts):
        for old, new in parts:  # the journal first: what it says is in the other file by then
            copyfile(old, new)
        for old, _ in parts:
            old.unlink()
    return out
