"""Speaks to one OpenAI-compatible endpoint: requests, retries, what they took, and what goes wrong in words.

Nothing that was sent or answered is ever repeated in an error: it may be somebody's letter. Nor is a key.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from threading import BoundedSemaphore, Lock
from typing import Any, NoReturn
from urllib.parse import urlsplit

from affekt.encoders._llm_prompt import Messages, Unusable
from affekt.encoders._llm_settings import Settings
from affekt.errors import EndpointError, MissingExtra

ENDPOINTS = ("AFFEKT_LLM_ENDPOINT", "OPENAI_BASE_URL")  # environment variables, the first that is set counts
HERE = ("localhost", "127.0.0.1", "::1")
FORM = (400, 403, 422, 501)  # HTTP: a form of request is not taken (OpenAI says 403 where a model tells no log-probabilities)
OPTIONAL = ("temperature", "max_tokens")  # which models that think refuse
TOP = 20  # log-probabilities of a token, the most that OpenAI tells
LETTER_TOKENS = 4  # some models put a blank before the letter


class Refused(EndpointError):
    """The endpoint takes no request of this form."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Args:
        tops: for each token, itself and the log-probabilities of those likeliest in its place; empty: the endpoint does not tell.
        cut: it ends where it may not go on.
    """

    content: str
    tops: Sequence[tuple[str, Mapping[str, float]]] = ()
    cut: bool = False


@dataclass(slots=True)
class Usage:
    """What has been asked so far."""

    texts: int = 0
    cached: int = 0
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


def open_library() -> Any:
    """The library `openai`.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module("openai")
    except ImportError as error:
        raise MissingExtra("openai", "llm") from error


@dataclass(slots=True)
class Endpoint:
    """One endpoint, opened when it is first spoken to; may be used from several threads.

    Args:
        url: its base URL as errors show it, once it is open.
    """

    settings: Settings
    usage: Usage = field(default_factory=Usage)
    lock: Lock = field(default_factory=Lock)
    url: str = ""
    _client: Any = None
    _key: str = ""
    _without: set[str] = field(default_factory=set)
    _free: BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = BoundedSemaphore(self.settings.concurrency)

    def send(self, messages: Messages, *, wire: str, schema: Mapping[str, Any], most: int) -> Reply:
        """One answer.

        Args:
            wire: "logprobs", or how JSON is asked for: "json_schema", "json_object", "text".
            schema: of the JSON.
            most: tokens of the answer.

        Raises:
            Refused: the endpoint does not take this form.
            EndpointError: it cannot be reached, refuses or fails, also after the retries.
            Unusable: what came back holds no answer.
        """
        openai, client = open_library(), self._open()
        body: dict[str, Any] = {"temperature": 0, "max_tokens": most, **_form(wire, schema)}
        while True:
            body = {name: value for name, value in body.items() if name not in self._without}
            try:
                with self._free:
                    answer = client.chat.completions.create(
                        model=self.settings.model, messages=messages, **body, extra_body=dict(self.settings.extra)
                    )
            except openai.APIStatusError as error:
                if unwanted := self._unwanted(error, body):
                    self._without.add(unwanted)
                    continue
                self._raise(error, messages)
            except openai.OpenAIError as error:
                self._raise(error, messages)
            except ValueError:  # the library gives JSON's own error through
                raise EndpointError(f"{self.url} says that it answers in JSON, and does not; {_BASE}") from None
            return self._reply(answer)

    def _open(self) -> Any:
        with self.lock:
            if self._client is None:
                openai = open_library()
                base = self.settings.endpoint or next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), "")
                self.url = _without_secrets(base)
                if not base.startswith(("http://", "https://")):
                    raise EndpointError(
                        f"no endpoint is named for {self.settings.model}: {self.url or 'nothing'!r} is no URL; set {ENDPOINTS[0]}, "
                        "say to http://localhost:8000/v1, or make the model with endpoint="
                    )
                trusted = _is_trusted(base)
                self._key = os.environ.get(self.settings.key_variable, "") if trusted else ""
                self._client = openai.OpenAI(
                    base_url=base,
                    api_key=self._key or "none",  # the library wants one, and servers of one's own mostly do not
                    timeout=self.settings.timeout,
                    max_retries=self.settings.retries,
                    http_client=openai.DefaultHttpxClient(
                        follow_redirects=False,  # what is sent goes where it was sent to
                        event_hooks={} if trusted else {"request": [_strip]},
                    ),
                )
            return self._client

    def _unwanted(self, error: Any, body: Mapping[str, Any]) -> str | None:
        """The field that the endpoint does not want, if it says so and can do without."""
        if error.status_code not in FORM:
            return None
        told = f"{error.message} {getattr(error, 'param', '')}"
        return next((name for name in OPTIONAL if name in body and name in told), None)

    def _reply(self, answer: Any) -> Reply:
        if isinstance(answer, str) or not hasattr(answer, "choices"):
            raise EndpointError(f"{self.url} answers with something else than JSON, a page perhaps; {_BASE}")
        used = getattr(answer, "usage", None)
        with self.lock:
            self.usage.requests += 1
            self.usage.tokens_in += getattr(used, "prompt_tokens", 0) or 0
            self.usage.tokens_out += getattr(used, "completion_tokens", 0) or 0
        if not answer.choices or (message := answer.choices[0].message) is None:
            raise Unusable("an error in place of an answer" if getattr(answer, "error", None) else "nothing at all")
        choice = answer.choices[0]
        if getattr(message, "refusal", None):
            raise Unusable("a refusal")
        if choice.finish_reason == "content_filter":
            raise Unusable("an answer that the endpoint's filter withheld")
        content = message.content if isinstance(message.content, str) else ""
        told = getattr(choice.logprobs, "content", None) or ()
        tops = tuple((one.token, {top.token: top.logprob for top in one.top_logprobs or ()}) for one in told)
        return Reply(content, tops, choice.finish_reason == "length")

    def _raise(self, error: Any, messages: Messages) -> NoReturn:
        """Raises what a failed request means.

        `from None`: the library's own error holds the answer, which may repeat what was sent.
        """
        openai, tried = open_library(), f"{self.settings.retries + 1} times"
        if isinstance(error, openai.APITimeoutError):
            raise EndpointError(f"{self.url} did not answer within {self.settings.timeout:g} s, {tried}") from None
        if isinstance(error, openai.APIConnectionError):
            why = type(error.__cause__ or error).__name__
            raise EndpointError(f"{self.url} cannot be reached ({why}), tried {tried}; is it running, and is that its address?") from None
        if not isinstance(error, openai.APIStatusError):
            raise EndpointError(f"{self.url}: the library openai gave up ({type(error).__name__}); {_BASE}") from None
        status = f"HTTP {error.status_code}{_told(error, [self._key, *(one['content'] for one in messages if one['role'] == 'user')])}"
        if error.status_code == 401:
            raise EndpointError(f"{self.url} refuses the key ({status}); {self._key_advice()}") from None
        if error.status_code == 404:
            raise EndpointError(f"{self.url} has no model {self.settings.model!r}, or nothing at all ({status}); {_BASE}") from None
        if error.status_code == 429:
            raise EndpointError(f"{self.url} takes no more requests ({status}), tried {tried}; wait, pay, or lower concurrency") from None
        if error.status_code in FORM:
            raise Refused(f"{self.url} refuses the request for {self.settings.model!r} ({status})") from None
        if error.status_code < 400:
            raise EndpointError(f"{self.url} sends requests elsewhere ({status}), and they stay here; name that address itself") from None
        raise EndpointError(f"{self.url} fails ({status}), tried {tried if error.status_code >= 500 else 'once'}") from None

    def _key_advice(self) -> str:
        name = self.settings.key_variable
        if self._key:
            return f"is the one in {name} right, and for this endpoint?"
        if os.environ.get(name):
            return f"none was sent, for only the model's folder names this endpoint: set {ENDPOINTS[0]} to it to send the one in {name}"
        return f"none was sent, for {name} is not set"


_BASE = "is it the base URL of an OpenAI-compatible endpoint, such as http://localhost:8000/v1?"
_HEADERS = ("host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent")
_LONGEST = 200  # characters of an endpoint's message
_ECHO = 10  # characters in common with what was sent, which are hardly chance


def _is_trusted(base: str) -> bool:
    """Whether a key may be sent. A folder may be anybody's, and so may the endpoint in it: the environment must name it too."""
    host = urlsplit(base).hostname
    named = {os.environ.get(name, "").rstrip("/") for name in ENDPOINTS}
    return base.rstrip("/") in named or host in HERE or (host == "api.openai.com" and base.startswith("https://"))


def _without_secrets(base: str) -> str:
    """A URL as errors may show it: without a user's name and password, and what else may stand in it."""
    parts = urlsplit(base)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _strip(request: Any) -> None:
    """Takes from a request the headers that the library fills from the environment: keys, an organisation, what a user adds."""
    for name in [name for name in request.headers if name.lower() not in _HEADERS]:
        del request.headers[name]


def _form(wire: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if wire == "logprobs":
        return {"logprobs": True, "top_logprobs": TOP}
    if wire == "json_schema":
        return {"response_format": {"type": wire, "json_schema": {"name": "answer", "strict": True, "schema": schema}}}
    return {"response_format": {"type": wire}} if wire == "json_object" else {}


def _told(error: Any, sent: Sequence[str]) -> str:
    """What the endpoint says of an error, in short; nothing, where it repeats what was sent to it."""
    body = error.body
    for key in ("error", "message", "detail"):
        body = body.get(key, body) if isinstance(body, Mapping) else body
    if not isinstance(body, str) or body.lstrip().startswith("<"):
        return ""
    told = " ".join(body.split())[:_LONGEST]
    pieces = [told[at : at + _ECHO] for at in range(len(told) - _ECHO + 1)]
    return "" if not told or any(piece in one for one in sent for piece in pieces) else f": {told}"
