"""Scenes that are made of what was heard and seen."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt import scene as room
from affekt.fusion import open_fusion
from affekt.hearing import Heard, Hearing
from affekt.results import Reading
from affekt.scene import Scene
from affekt.sources.audio import RATE, Audio
from affekt.sources.pictures import pushed
from affekt.transcripts import Transcript
from affekt.watching import Sight, Watching
from staged import LABELS, Face, Voice


def scene_of(
    heard: Sequence[Heard] = (),
    seen: Sequence[Sight] = (),
    *,
    lines: Sequence[Reading] = (),
    moves: dict[str, Callable[[float], float]] | None = None,
    hears: bool = True,
    sees: bool = True,
    names: Sequence[str] = (),
) -> Scene:
    """A scene in which all of this has been heard and seen.

    Args:
        moves: face -> log odds that its mouth speaks by the seconds.
    """
    hearing = Hearing(Audio("talk", 1, None, lambda: iter(()), []), Voice(), LABELS, names=names) if hears else None
    watching = Watching(pushed([], name="talk"), Face(), LABELS, mouths=True) if sees else None
    if hearing is not None:
        hearing.heard, hearing.samples = list(heard), 100 * RATE
    if watching is not None:
        watching.sights = sorted(seen, key=lambda sight: sight.start)
        watching.times = sorted({sight.start for sight in seen})
        watching.position, watching.ended = max(watching.times, default=0.0), True
        for face, odds in (moves or {}).items():
            assert watching.watcher.mouths is not None
            watching.watcher.mouths[face] = [(at, odds(at)) for at in np.arange(0, 60, 0.1).tolist()]
    return Scene(hearing, watching, labels=LABELS, rule=open_fusion("log_linear"), transcript=Transcript(list(lines)))


def alone(before: set[threading.Thread]) -> bool:
    """Whether what was begun since comes to an end."""
    for _ in range(50):
        if not set(threading.enumerate()) - before:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(autouse=True)
def mouths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In scenes that are made, how a mouth moved is how likely it spoke."""

    def told(moved: Sequence[tuple[float, float]], voice: Any, *, prior: float = 0.0) -> float:
        return prior + (float(np.mean([odds for _, odds in moved[-5:]])) if moved else 0.0)

    if "film_path" not in request.fixturenames:
        monkeypatch.setattr(room, "speaking", told)
