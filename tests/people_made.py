"""A talk of two people, as a timeline, and a server to keep it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from affekt.results import Event, Reading, Timeline
from affekt.server.app import make_app
from affekt.settings import resolve_server

ANNA, BOB = "I am so happy today", "nobody asked me anything"
TRANSCRIPT = f"{ANNA}\n{BOB}"
SCORES = {"anger": 0.1, "disgust": 0.1, "fear": 0.1, "joy": 0.4, "neutral": 0.1, "sadness": 0.1, "surprise": 0.1}


def reading(who: str | None, start: float, **given: Any) -> Reading:
    usual = {"modality": "speech", "labels": "ekman7", "scores": SCORES, "end": start + 1, "model": "made@0", "present": ("joy",)}
    return Reading(**{**usual, **given}, who=who, start=start)


def talk() -> Timeline:
    """Anna and Bob say a sentence each, are seen, and are read together; who speaks at the end is not known."""
    span, other = (0, len(ANNA)), (len(ANNA) + 1, len(TRANSCRIPT))
    readings = (
        reading("Anna", 0, span=span, words=ANNA),
        reading("Anna", 0, modality="face", box=(0.1, 0.1, 0.2, 0.2)),
        reading("Bob", 2, span=other, words=BOB),
        reading(None, 4),
    )
    fused = (
        reading("Anna", 0, modality="fused", span=span),
        reading("Bob", 2, modality="fused", span=other),
        reading(None, 0, modality="fused"),
    )
    events = (Event("joy", "Anna", 0, 0.5, 1, 0.9), Event("joy", "Bob", 2, 2.5, 3, 0.9))
    warning = "Anna is hard to see"
    return Timeline("anna-and-bob.mp4", 5, "seconds", "ekman7", readings, fused, TRANSCRIPT, (warning,), ("Anna", "Bob"), events)


def decided(timeline: Timeline) -> dict[str, Any]:
    """All but what the file was called."""
    return {name: value for name, value in timeline.to_dict().items() if name != "source"}


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[TestClient]:
    """A server in this process; `client.app.state.service` is its service."""
    app = make_app(resolve_server(folder=str(folder), **settings))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def shown(word: str) -> dict[str, str]:
    """The headers of a call with a key."""
    return {"Authorization": f"Bearer {word}"}
