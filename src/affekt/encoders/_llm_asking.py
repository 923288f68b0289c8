"""Asks a language model about many texts at once: finds out how its endpoint can answer, keeps answers, counts failures."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Literal

from affekt.encoders._llm_cache import FOLDER, Cache, key_of
from affekt.encoders._llm_client import LETTER_TOKENS, Endpoint, Refused, Reply
from affekt.encoders._llm_prompt import Messages, Unusable, again, from_letters, from_scores, messages_of, schema_of, takes_letters
from affekt.errors import EndpointError
from affekt.parts import LabelSet

TURNS = 2  # times that a text is asked about: a model that is told what was wrong mostly does better, and seldom at the third time
ROOM = 64  # tokens of an answer beside its scores
SCORE = 12  # tokens of a score, beside its label's name
SHOWN = 3  # kinds of failure that an error lists

Answer = Literal["letter", "scores"]
Way = tuple[Answer, str]  # what is answered, and how that is asked for
_WAYS: tuple[Way, ...] = (("letter", "logprobs"), ("scores", "json_schema"), ("scores", "json_object"), ("scores", "text"))


@dataclass(slots=True)
class Asking:
    """One model that is asked about one label set; may be used from several threads.

    Args:
        way: how the endpoint can answer; None: not known before the first text.
    """

    endpoint: Endpoint
    labels: LabelSet
    cache: Cache | None
    way: Way | None = None
    settling: Lock = field(default_factory=Lock)

    @property
    def answer(self) -> Literal["auto", "letter", "scores"]:
        """What is answered, as far as it is known."""
        return self.way[0] if self.way else self.endpoint.settings.answer

    def ask(self, texts: Sequence[str]) -> list[list[float]]:
        """Raw outputs for each text, in order; the same text is asked about once.

        Raises:
            EndpointError: a text has no answer, after all retries; the message says how many.
        """
        began, settings, usage = time.monotonic(), self.endpoint.settings, self.endpoint.usage
        distinct = list(dict.fromkeys(texts))
        stopped = Event()
        pool = ThreadPoolExecutor(min(settings.concurrency, max(len(distinct), 1)), thread_name_prefix="affekt-llm")
        try:
            found = self._gather({pool.submit(self._answer, text, stopped): text for text in distinct})
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            with self.endpoint.lock:
                usage.texts += len(texts)
                usage.seconds += time.monotonic() - began
        return [found[text] for text in texts]

    def _gather(self, waiting: dict[Any, str]) -> dict[str, list[float]]:
        found, failed = dict[str, list[float]](), Counter[str]()
        for future in as_completed(waiting):
            try:
                found[waiting[future]] = future.result()
            except Unusable as problem:
                failed[str(problem)] += 1
            except EndpointError as problem:  # the endpoint itself: the others would fare no better
                had = f"; {len(found)} of {len(waiting)} texts had been answered" if found else ""
                raise EndpointError(f"{problem}{had}{self._kept(len(found))}") from None
        if failed:
            why = "; ".join(f"{count} × {problem}" for problem, count in failed.most_common(SHOWN))
            model, kept = self.endpoint.settings.model, self._kept(len(found))
            raise EndpointError(f"{failed.total()} of {len(waiting)} texts have no answer from {model}: {why}{kept}")
        return found

    def _kept(self, answered: int) -> str:
        if not answered:
            return ""
        return "; the others' answers are kept" if self.cache else f"; set {FOLDER} to a folder to keep answers for the next time"

    def _answer(self, text: str, stopped: Event) -> list[float]:
        """Raw outputs for one text, from the cache or the endpoint."""
        settings, reply = self.endpoint.settings, None
        if self.way is None and settings.answer == "auto":
            reply = self._settle(text, stopped)
        key = key_of(settings.model, dict(settings.extra), messages_of(text, self.labels, settings, answer=self.answer))
        if self.cache and reply is None and (kept := self.cache.get(key)) is not None and len(kept) == len(self.labels.labels):
            with self.endpoint.lock:
                self.endpoint.usage.cached += 1
            return kept
        raw = self._converse(text, reply or self._settle(text, stopped), stopped)
        if self.cache:
            self.cache.put(key, raw)
        return raw

    def _converse(self, text: str, reply: Reply | None, stopped: Event) -> list[float]:
        """Raw outputs from a first answer, None: it has yet to be asked for; a model that gives one of no use is told so."""
        assert self.way is not None
        messages = messages_of(text, self.labels, self.endpoint.settings, answer=self.way[0])
        last = Unusable("nothing was asked")
        for _ in range(TURNS):
            if stopped.is_set():
                break  # nobody waits for it any more
            try:
                reply = reply or self._send(messages, self.way)
                return self._read(reply, self.way)
            except Unusable as problem:
                last = problem
            if reply and reply.cut and self.way[0] == "scores":
                break  # it would be cut off again
            if reply and reply.content:
                messages = again(messages, reply.content, last, self.labels, answer=self.way[0])
            reply = None
        raise last

    def _read(self, reply: Reply, way: Way) -> list[float]:
        if way[0] == "letter":
            if not reply.tops:
                raise EndpointError(
                    f"{self.endpoint.url} tells no log-probabilities, on which {self.endpoint.settings.model} was calibrated; make it anew"
                )
            return from_letters(reply.tops, self.labels)
        try:
            return from_scores(reply.content, self.labels)
        except Unusable as problem:
            if reply.cut:
                raise Unusable(f"{problem}, cut off at {self._most(way)} tokens: raise max_tokens, if the model thinks first") from None
            raise

    def _most(self, way: Way) -> int:
        if way[0] == "letter":
            return LETTER_TOKENS
        names = sum(len(name.encode()) + SCORE for name in self.labels.labels)  # a token is a byte at least
        return self.endpoint.settings.max_tokens or ROOM + names

    def _send(self, messages: Messages, way: Way) -> Reply:
        return self.endpoint.send(messages, wire=way[1], schema=schema_of(self.labels), most=self._most(way))

    def _settle(self, text: str, stopped: Event) -> Reply | None:
        """Finds out how the endpoint can answer, on a first text, and gives the answer to it; None: it is known already, or is no use."""
        with self.settling:
            if self.way is not None:
                return None
            if stopped.is_set():
                raise Unusable("nothing was asked")
            try:
                self.way, reply = self._first(text)
            except EndpointError:
                stopped.set()  # before another text tries the same
                raise
            return reply

    def _first(self, text: str) -> tuple[Way, Reply | None]:
        refused: EndpointError = EndpointError("there is no way to ask")
        for way in self._ways():
            trying = way[0] == "letter" and self.endpoint.settings.answer == "auto"
            try:
                reply = self._send(messages_of(text, self.labels, self.endpoint.settings, answer=way[0]), way)
                if trying:
                    from_letters(reply.tops, self.labels)
            except Refused as error:
                refused = error
            except Unusable:
                if not trying:
                    return way, None  # the form is taken, though this answer is of no use
            else:
                return way, reply
        raise refused

    def _ways(self) -> list[Way]:
        wanted = self.endpoint.settings.answer
        return [way for way in _WAYS if wanted in ("auto", way[0]) and (way[0] == "scores" or takes_letters(self.labels))]
