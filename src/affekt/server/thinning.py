"""Provisional readings as far as there is time for them, so that final ones are in time.

Of a provisional reading, what has been said of an utterance so far is read anew, five times a second: seven times the work of all else.
They get a share of the cores' time. It shrinks by half where sound waits to be listened to, and grows slowly where none does: additive
increase and multiplicative decrease, as of Chiu and Jain 1989, Computer Networks and ISDN Systems 17(1).
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")
MOST, LEAST = 0.25, 0.005  # shares of all cores
LATE = 0.1  # seconds that sound waits from which a server is behind: a fifth of what a final reading may take
BURST = 0.5  # seconds of all cores that may be spent at once where little was spent before
SHRINK, GROW = 0.5, 0.01  # the share is halved, at most twice a second; and grows by so much a second
PAUSE = 0.5  # seconds between two times that it shrinks


class Thinning:
    """One for all streams of a server.

    Args:
        cores: that do the work.
    """

    def __init__(self, cores: int | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self.cores, self.now = cores or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores or 1, now
        self.share = MOST
        self.seconds = BURST * self.cores  # that may be spent
        self.running = self.left_out = self.made = 0
        self._looked = self._shrunk = now()
        self._changing = threading.Lock()

    def tell(self, waited: float) -> None:
        """Takes note of how long sound had waited until it was listened to, in seconds."""
        if waited < LATE:
            return
        with self._changing:
            self._pass()
            if self._looked - self._shrunk >= PAUSE:
                self.share, self._shrunk = max(self.share * SHRINK, LEAST), self._looked
                self.seconds = min(self.seconds, 0.0)

    def run(self, make: Callable[[], Made]) -> Made | None:
        """What `make` makes, if there is time for it."""
        with self._changing:
            self._pass()
            if self.seconds <= 0 or self.running >= max(1, self.cores // 2):
                self.left_out += 1
                return None
            self.running += 1
            self.made += 1
        began = self.now()
        try:
            return make()
        finally:
            with self._changing:
                self.running -= 1
                self.seconds -= self.now() - began

    def behind(self) -> bool:
        """Whether sound has had to wait again and again: then nothing is done that may turn out to be for nothing."""
        return self.share < MOST / 4

    def _pass(self) -> None:
        """Takes note of the time that has passed."""
        now = self.now()
        passed, self._looked = now - self._looked, now
        self.share = min(self.share + GROW * passed, MOST)
        self.seconds = min(self.seconds + self.share * self.cores * passed, BURST * self.cores * self.share)
