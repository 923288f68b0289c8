"""Times and sounds that the tests of streams make up."""

import numpy as np
import pytest

av = pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")

from affekt.sources.audio import RATE, Audio

PIXELS = np.zeros((4, 4, 3), np.uint8)


CHUNK = 640  # samples: 40 ms


def all_of(audio: Audio) -> np.ndarray:
    return np.concatenate(list(audio.blocks()), axis=1)[0]


def telling(begin: float, count: int, rate: float = RATE) -> np.ndarray:
    """Samples each of which says when it was heard, in thousands of seconds; none is 0."""
    return ((begin + np.arange(count) / rate) / 1000 + 1e-6).astype(np.float32)


class Time:
    """A clock that stands still until somebody moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
