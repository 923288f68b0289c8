"""An OpenAI-compatible endpoint for tests, in a thread: it answers as it is told to, and remembers what it was sent."""

import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = re.compile(r"<text>(.*?)</text>", re.DOTALL)
KEYS = re.compile(r'"([^"]+)": …')  # the labels in the wording of a prompt
WORDS = {"happy": "joy", "angry": "anger", "sad": "sadness", "afraid": "fear", "良い": "好"}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `body` is JSON, or bytes as they are; None: the line is cut instead."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Model = Callable[[dict[str, Any]], Answer]


def said(content: str | None, *, tops: list[dict[str, float]] | None = None, finish: str = "stop", refusal: str | None = None) -> Answer:
    """A completion.

    Args:
        tops: for each token, the probabilities of those likeliest in its place, the likeliest first.
    """
    told = [
        {
            "token": next(iter(likely)),
            "logprob": math.log(next(iter(likely.values()))),
            "bytes": None,
            "top_logprobs": [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in likely.items()],
        }
        for likely in tops or ()
    ]
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": content, "refusal": refusal},
        "logprobs": {"content": told} if tops is not None else None,
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return Answer({"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage})


def failed(status: int, message: str = "", **headers: str) -> Answer:
    """An error as OpenAI words it."""
    quick = {"retry-after-ms": "1"}  # tests do not wait
    return Answer({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}, status, quick | headers)


def text_of(body: Mapping[str, Any]) -> str:
    """The text that is to be judged."""
    return TEXT.findall(body["messages"][-1]["content"])[-1]


def scores_of(body: Mapping[str, Any]) -> dict[str, int]:
    """What a model that knows a few words says of a text: 80 for the label of the word in it, 2 for each other."""
    labels = KEYS.findall(body["messages"][0]["content"])
    found = next((label for word, label in WORDS.items() if word in text_of(body)), "neutral")
    return {label: 80 if label == found else 2 for label in labels}


def scoring(body: dict[str, Any]) -> Answer:
    """A model that answers in JSON, whatever form it is asked for, and tells no log-probabilities."""
    return said(json.dumps({"scores": scores_of(body)}))


def spelling(body: dict[str, Any]) -> Answer:
    """A model that tells log-probabilities where it is asked for a letter."""
    if not body.get("logprobs"):
        return scoring(body)
    options = dict(re.findall(r"^([A-Z]): (.+)$", body["messages"][0]["content"], re.MULTILINE))
    found = next((label for word, label in WORDS.items() if word in text_of(body)), list(options.values())[-1])
    letter = next(letter for letter, label in options.items() if label == found)
    other = next(one for one in options if one != letter)
    return said(letter, tops=[{letter: 0.6, f" {letter}": 0.2, other: 0.1, "The": 0.05}])


@dataclass
class Endpoint:
    """A running endpoint.

    Args:
        url: its base URL.
        sent: bodies of requests, in order.
        headers: theirs.
        most: how many were answered at once.
    """

    url: str
    model: Model
    sent: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, change: int) -> None:
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)


@contextmanager
def endpoint(model: Model = scoring, *, host: str = "127.0.0.1") -> Iterator[Endpoint]:
    """An endpoint while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with served.lock:
                served.sent.append(body)
                served.headers.append({name.lower(): value for name, value in self.headers.items()})
            served.count(1)
            try:
                answer = served.model(body)
            finally:
                served.count(-1)
            self.reply(answer)

        def reply(self, answer: Answer) -> None:
            if answer.body is None:
                self.close_connection = True
                return
            raw = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in ({"content-type": "application/json"} | dict(answer.headers)).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    class Server(ThreadingHTTPServer):
        request_queue_size = 64
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server((host, 0), Handler)
    served = Endpoint(f"http://{host}:{server.server_address[1]}/v1", model)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
