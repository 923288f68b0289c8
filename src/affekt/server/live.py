"""Live streams that outlive their connections: what has come, what is to be told, and the thread that reads."""

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from secrets import token_urlsafe
from typing import Any

from affekt.errors import EmptyInput
from affekt.hearing import Paced
from affekt.pipeline import Reader
from affekt.results import Reading, Timeline
from affekt.server.access import Caller
from affekt.server.inlets import HEARD_AT_ONCE, Inlet, frames_of, lines_of, pieces_of
from affekt.server.outbox import Outbox
from affekt.server.problems import Problem, problem_of
from affekt.server.protocol import GAP, PICTURE_BYTES, PIECE, SOUND, Pictures, Resume, Signal, Start, Words, invalid
from affekt.server.sockets import SHUTTING_DOWN, message_of
from affekt.server.thinning import Thinning
from affekt.settings import ServerSettings
from affekt.store.tables import new_id

RESUMABLE = 30.0  # seconds after a connection was lost, or a stream has ended, in which another can go on with it
AHEAD = 10.0  # seconds of sound that may wait to be listened to
FRAMES = 25  # pictures that may wait to be looked at: a second of a camera
LINES = 64  # lines that may wait to be read
SAYING = 10.0  # seconds between two warnings of pictures that were left out
FINISHING = 20.0  # seconds in which streams come to an end when the server shuts down
LATEST = 1.0  # seconds that sound is ahead of the clock from which it is no live source, whose waiting tells nothing


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a stream that may begin is given.

    Args:
        streams: that its key may have at a time; None: as many as all may.
        since: number of the last entry of the audit log when it began.
    """

    streams: int | None = None
    since: int = 0


Check = Callable[[Caller, Start], Allowed]
Again = Callable[[Caller, Start], object]
Shows = Callable[[Start, Reading], bool]
Made = Callable[[Caller, Start, Timeline, int], tuple[Timeline, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a deployment has to say of its streams; all of it is asked in threads.

    Args:
        check: is asked before a stream begins, and raises what it is refused for.
        again: is asked from time to time, and raises what a stream that runs is ended for.
        shows: whether a reading may be told.
        made: is given the timeline when all has been read, and `Allowed.since`; gives what is told of it, and what "ended" has beside it.
    """

    check: Check = lambda *_: Allowed()
    again: Again = lambda *_: None
    shows: Shows = lambda *_: True
    made: Made = lambda *given: (given[2], {})


class Connection:
    """What a stream is joined to its client by. Args: taken: another takes its place. left: it is done with the stream."""

    def __init__(self) -> None:
        self.taken, self.left = asyncio.Event(), asyncio.Event()


class Session:
    """One live stream.

    Args:
        over: is called when the thread has come to an end.
    """

    def __init__(
        self,
        asked: Start,
        caller: Caller,
        *,
        since: int,
        settings: ServerSettings,
        thinning: Thinning,
        rules: Rules,
        over: Callable[["Session"], object],
    ) -> None:
        self.id, self.token, self.asked, self.caller = new_id("stream"), token_urlsafe(24), asked, caller
        self.settings, self.thinning, self.rules, self.since = settings, thinning, rules, since
        self.loop = asyncio.get_running_loop()
        self.began = time.monotonic()
        self.received = 0  # inputs taken so far
        self.outbox, self.woken = Outbox(), asyncio.Event()
        self.pongs = 0  # to be sent
        self.heard_of = self.loop.time()  # when something came last
        self.connection: Connection | None = None
        self.lost: asyncio.TimerHandle | None = None  # when it ends, where no connection is
        self.failed: Problem | None = None  # why it ended before its time
        self.reason: Problem | None = None  # why it is finished before its client says so
        self.ending = self.over = False
        self.heard = self.seen = 0.0  # seconds up to which sound and pictures have come
        self.last = 0.0  # the time of the last sound that had one
        self.left, self.said = 0, -SAYING  # pictures left out since that was told, and when it was
        self._over = over
        self.sound = Inlet(room=AHEAD, least=HEARD_AT_ONCE, told=self._waited) if asked.sound else None
        self.pictures = Inlet(room=1.0) if asked.pictures else None
        self.words = Inlet(room=1.0) if asked.words else None

    # What comes --------------------------------------------------------------------------------------------------------------------

    async def take(self, given: Signal | Words) -> None:
        """Has an input wait to be read, as soon as there is room; it is counted when it waits.

        Raises:
            Problem: the stream has no such modality, or a time goes back or too far; or too much comes at once.
        """
        if self.ending and self.reason is None and self.failed is None:
            raise invalid("an input after the end; begin a new stream")
        if isinstance(given, Words):
            await self._take_words(given)
        elif given.kind == SOUND:
            await self._take_sound(given)
        else:
            self._take_picture(given)
        if max(self.heard, self.seen, time.monotonic() - self.began) > self.settings.most_job_seconds:
            self.finish(Problem(413, "too-long", f"a stream of more than {self.settings.most_job_seconds:,.0f} s; begin a new one"))

    async def _take_sound(self, given: Signal) -> None:
        if self.sound is None or self.asked.sound is None:
            raise invalid("sound, which the message 'start' does not promise")
        length = len(given.data) / 2 / self.asked.sound.rate
        if length > PIECE:
            raise Problem(413, "too-large", f"{length:.1f} s of sound in one frame; it has at most {PIECE:.0f} s")
        begin = self.heard if given.time is None else given.time
        self._check_time(given.time, last=self.last, end=self.heard, what="sound")
        size = max(length, 0.001) + max(begin - self.heard, 0.0)
        await self.sound.wait(min(size, AHEAD))
        self.sound.put((given.time, given.data), size)
        self.heard, self.last = max(self.heard, begin + length), begin if given.time is not None else self.last
        self._count()

    def _take_picture(self, given: Signal) -> None:
        if self.pictures is None:
            raise invalid("a picture, which the message 'start' does not promise")
        if given.time is None:
            raise invalid("a picture without a time; only sound may follow on")
        if len(given.data) > (most := min(PICTURE_BYTES, self.settings.most_bytes)):
            raise Problem(413, "too-large", f"a picture of {len(given.data):,} bytes; it has at most {most:,}")
        self._check_time(given.time, last=self.seen, end=self.seen, what="a picture")
        self.left += self.pictures.put_newest((given.time, given.data), 1 / FRAMES + len(given.data) / (2 * PICTURE_BYTES))
        self.seen = given.time
        self._count()
        if time.monotonic() - self.said > SAYING:
            self._tell_left()

    def _tell_left(self) -> None:
        if self.left:
            self.warn(f"{self.left} pictures were left out: they come faster than they can be looked at")
            self.left, self.said = 0, time.monotonic()

    async def _take_words(self, given: Words) -> None:
        if self.words is None:
            raise invalid("words, which the message 'start' does not promise")
        await self.words.wait(1 / LINES)
        self.words.put((given.start, given.end, given.text, given.who), 1 / LINES)
        self._count()

    def _check_time(self, given: float | None, *, last: float, end: float, what: str) -> None:
        if given is not None and given < last:
            raise invalid(f"{what} of {given:.3f} s after one of {last:.3f} s; time goes on")
        if given is not None and given > end + GAP:
            raise invalid(f"{what} of {given:.3f} s, and what came before ended at {end:.3f} s; after {GAP:.0f} s begin a new stream")

    def end(self) -> None:
        """Takes nothing more; what has come is read to its end.

        Raises:
            Problem: it was ended before.
        """
        if self.ending and self.reason is None and self.failed is None:
            raise invalid("a second end")
        self._count()
        self._tell_left()
        self._close()

    def finish(self, reason: Problem) -> None:
        """The same, not by the client's will."""
        if not self.ending:
            self.reason = reason
            self._close()

    def fail(self, problem: Problem) -> None:
        """Ends at once; what has come is not read."""
        self.failed = self.failed or problem
        self._close(discard=True)
        self.stream.stop()

    def _close(self, *, discard: bool = False) -> None:
        self.ending = True
        for inlet in filter(None, (self.sound, self.pictures, self.words)):
            inlet.close(discard=discard)
        self.woken.set()

    def _count(self) -> None:
        self.received += 1
        if not self.received % 50:
            self.woken.set()

    def _waited(self, seconds: float) -> None:
        if self.heard < time.monotonic() - self.began + LATEST:
            self.thinning.tell(seconds)

    # What is told ------------------------------------------------------------------------------------------------------------------

    def read(self, reader: Reader) -> None:
        """Begins to read, in a thread of its own.

        Raises:
            InputError: what is asked for cannot be read by this reader.
        """
        asked = self.asked
        self.stream = reader.stream(
            None if self.sound is None else pieces_of(self.sound),
            pictures=None if self.pictures is None else self._frames(self.pictures),
            words=None if self.words is None else lines_of(self.words),
            rate=asked.sound.rate if asked.sound else 16_000,
            who=asked.who,
            paced=Paced(self.thinning.run if asked.provisional else lambda _: None, self.thinning.behind),
        )
        threading.Thread(target=self._run, name=self.id, daemon=True).start()

    def warn(self, text: str) -> None:
        """Tells the client of something that is not as it should be."""
        self._add(f'{{"type":"warning","warning":{json.dumps(text)}')

    def _frames(self, inlet: Inlet) -> Iterator[Any]:
        try:
            yield from frames_of(inlet, most=self.settings.most_pixels, damaged=lambda text: self._post(self.warn, text))
        except Exception as error:
            self._post(self.fail, problem_of(error))

    def _run(self) -> None:
        """Reads to the end; in its thread."""
        last: tuple[str, Problem | None]
        try:
            for reading in self.stream:
                if (self.asked.provisional or not reading.provisional) and self.rules.shows(self.asked, reading):
                    text = f'{{"type":"reading","reading":{_json(reading.to_dict())}'
                    self._post(self._add, text, reading.provisional)
            last = self._result(self.stream.timeline())
        except EmptyInput as error:
            self._post(self.warn, str(error))
            last = self._result(None)
        except Exception as error:
            last = "", problem_of(error)
        self._post(self._end, *last)

    def _result(self, timeline: Timeline | None) -> tuple[str, Problem | None]:
        """The last message, and the problem that it is, if it is one; in the thread."""
        more: dict[str, Any] = {}
        if timeline is not None and self.failed is None:
            timeline, more = self.rules.made(self.caller, self.asked, timeline, self.since)
        for event in timeline.events if timeline else ():
            self._post(self._add, f'{{"type":"event","event":{_json(asdict(event))}')
        told = {"type": "ended"} if self.reason is None else message_of(self.reason)
        return _json({**told, **more, "timeline": None if timeline is None else timeline.to_dict()})[:-1], self.reason

    def _end(self, text: str, problem: Problem | None) -> None:
        self.over, self.ending = True, True
        self.failed = self.failed or problem
        if self.failed is None or self.failed is self.reason:
            self._add(text)
        self._close(discard=True)
        self._over(self)

    def _add(self, start: str, passing: bool = False) -> None:
        self.outbox.add(start, passing=passing)
        self.woken.set()
        if self.outbox.full and not self.over:
            self.fail(Problem(409, "too-far-behind", "more waits to be told than is kept; read what the server sends"))

    def _post(self, call: Callable[..., object], *given: object) -> None:
        """Has the loop do something."""
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self.loop.call_soon_threadsafe(call, *given)


class Streams:
    """The live streams of a server."""

    def __init__(self, settings: ServerSettings, *, speaking: Callable[[str | None], Reader], rules: Rules | None = None) -> None:
        self.settings, self.speaking, self.rules = settings, speaking, rules or Rules()
        self.open = True
        self.sessions: dict[str, Session] = {}  # those that can be resumed
        self.running: set[Session] = set()  # those that read
        self.thinning = Thinning()

    async def begin(self, asked: Start, caller: Caller) -> Session:
        """A new stream.

        Raises:
            Problem: there are too many, the server is shutting down, or it may not be read here.
        """
        reader, allowed = await asyncio.to_thread(self._checked, asked, caller)
        if not self.open:
            raise Problem(503, SHUTTING_DOWN, "the server is shutting down; come again in a moment")
        if len(self.running) >= self.settings.streams:
            raise Problem(429, "too-many-streams", f"{len(self.running)} streams run, which is as many as may; come again later")
        mine = sum(one.caller.key == caller.key for one in self.running)
        if allowed.streams is not None and mine >= allowed.streams:
            raise Problem(429, "too-many-streams", f"{mine} streams of this key run, which is as many as one may have; come again later")
        how: dict[str, Any] = {"settings": self.settings, "thinning": self.thinning, "rules": self.rules, "over": self._ended}
        session = Session(asked, caller, since=allowed.since, **how)
        session.read(reader)
        self.running.add(session)
        self.sessions[session.id] = session
        return session

    async def resume(self, asked: Resume, caller: Caller) -> Session:
        """A stream that goes on with another connection; the one that it has, if it has one, is taken from it.

        Raises:
            Problem: 404, there is none, any more, that this token and caller belong to; or as of `Outbox.again`.
        """
        session = self.sessions.get(asked.stream)
        if session is None or not hmac.compare_digest(session.token.encode(), asked.resume.encode()) or session.caller.key != caller.key:
            raise Problem(404, "unknown-stream", f"no such stream; one can be resumed within {RESUMABLE:.0f} s")
        while session.connection is not None:
            session.connection.taken.set()
            await session.connection.left.wait()
        session.outbox.again(asked.after)
        session.connection = Connection()
        if session.lost is not None:
            session.lost.cancel()
        return session

    def leave(self, session: Session) -> None:
        """Has a stream wait for another connection, if it may have one."""
        if session.connection is not None:
            session.connection.left.set()
            session.connection = None
        if session.failed is not None and session.failed is not session.reason:
            self.drop(session)
            return
        session.lost = asyncio.get_running_loop().call_later(RESUMABLE, self.drop, session)
        ended = [one for one in self.sessions.values() if one.over and one.connection is None]
        for one in ended[: max(0, len(ended) - self.settings.streams)]:
            self.drop(one)

    def drop(self, session: Session) -> None:
        """Forgets a stream."""
        if session.lost is not None:
            session.lost.cancel()
        self.sessions.pop(session.id, None)
        if not session.over:
            session.fail(Problem(408, "lost", f"no connection for {RESUMABLE:.0f} s"))

    async def close(self) -> None:
        """Takes no more, has all come to their end, and tells their clients."""
        self.open = False
        for session in self.running:
            session.finish(Problem(503, SHUTTING_DOWN, "the server is shutting down; what came until now was read"))
        until = time.monotonic() + FINISHING
        while (self.running or any(one.connection for one in self.sessions.values())) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        for session in [*self.sessions.values()]:
            self.drop(session)

    def _checked(self, asked: Start, caller: Caller) -> tuple[Reader, Allowed]:
        allowed = self.rules.check(caller, asked)
        rate = asked.pictures.rate if isinstance(asked.pictures, Pictures) else None
        return self.speaking(asked.labels).sharing(face_rate=rate), allowed

    def _ended(self, session: Session) -> None:
        self.running.discard(session)


def _json(given: Any) -> str:
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))
