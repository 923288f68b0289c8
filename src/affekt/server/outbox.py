"""What a live stream has to tell its client, numbered, kept until the client is likely to have seen it."""

from collections import deque
from dataclasses import dataclass

from affekt.server.problems import Problem

KEPT = 2048  # messages that were sent and can be sent again: minutes of them, and a dropped connection shows within seconds
WAITING = 4096  # messages that may wait to be sent
PASSING = 32  # provisional readings among them; older ones are left out, newer ones say more


@dataclass(frozen=True, slots=True)
class Told:
    """One message. Args: passing: what comes later takes its place, so it need not arrive."""

    seq: int
    text: str
    passing: bool


class Outbox:
    """Messages of one stream, in order."""

    def __init__(self) -> None:
        self.seq = 0
        self.fresh: deque[Told] = deque()  # to be sent
        self.kept: deque[Told] = deque()  # sent
        self.forgotten = 0  # the last one that was sent and is kept no more
        self.passing = 0  # among those to be sent

    def add(self, start: str, *, passing: bool = False) -> None:
        """Numbers a message and has it sent.

        Args:
            start: the message's JSON up to where its number stands, without an end: '{"type":"ended","timeline":null'.
            passing: what comes later takes its place.
        """
        self.seq += 1
        self.fresh.append(Told(self.seq, f'{start},"seq":{self.seq}}}', passing))
        self.passing += passing
        if self.passing > PASSING:
            self.fresh.remove(next(one for one in self.fresh if one.passing))
            self.passing -= 1

    @property
    def full(self) -> bool:
        """Whether more waits than may."""
        return len(self.fresh) > WAITING

    def sent(self, told: Told) -> None:
        """Takes note that the first message that waits was sent."""
        if not self.fresh or self.fresh[0] is not told:  # it was left out while it was on its way
            return
        self.fresh.popleft()
        self.passing -= told.passing
        if not told.passing:
            self.kept.append(told)
        if len(self.kept) > KEPT:
            self.forgotten = self.kept.popleft().seq

    def again(self, after: int) -> None:
        """Has all be sent again that came after this number.

        Raises:
            Problem: 422, there is no such number; 409, it lies too far back.
        """
        if after > self.seq:
            raise Problem(422, "invalid-message", f"after {after}, and the last message is number {self.seq}")
        if after < self.forgotten:
            raise Problem(409, "too-far-behind", f"messages up to {self.forgotten} are not kept any more; begin a new stream")
        while self.kept and self.kept[-1].seq > after:
            self.fresh.appendleft(self.kept.pop())
        while self.fresh and self.fresh[0].seq <= after:
            self.passing -= self.fresh.popleft().passing
