"""What the turns before say of a turn: a log-linear pull towards how the speaker, and the others, last sounded.

A speaker's emotion lasts (Kuppens et al. 2010, Emotional inertia and psychological maladjustment, Psychological Science 21(7))
and passes on (Hatfield et al. 1993, Emotional contagion, Current Directions in Psychological Science 2(3)). `recipes/text/context`
has how far that holds of the text model's scores, and where it does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import read_card
from affekt.errors import InputError, WeightsError

Floats = NDArray[np.float32]
SHIPPED = Path(__file__).parents[1] / "weights" / "text_context"


@dataclass(frozen=True, slots=True)
class Context:
    """How strongly earlier turns pull: log q = log p + own * f * (p_own - usual) + other * f * (p_other - usual) + a constant.

    p_own are the scores of the speaker's last turn, p_other those of the last turn of anybody else, and f is `decay` to the
    power of the turns in between. A turn that says what turns usually say pulls nowhere, so that what is frequent gains nothing.

    Args:
        labels: the label set whose scores are pulled; those of other sets stay as they are.
        usual: (labels,) the mean scores of a turn.
        own, other: nats that a label gains for each 1 by which its score was above the usual.
        decay: in [0, 1].
    """

    labels: str
    usual: tuple[float, ...]
    own: float
    other: float
    decay: float


class Conversation:
    """One conversation, heard turn by turn: a turn depends on those before it and on none after it.

    >>> talk = Conversation(Context("sentiment3", usual=(0.3, 0.4, 0.3), own=2.0, other=0.0, decay=1.0))
    >>> first = talk.hear("Ann", np.array([0.8, 0.1, 0.1], np.float32))
    >>> second = talk.hear("Ann", np.array([0.4, 0.4, 0.2], np.float32))
    >>> " ".join(f"{score:.2f}" for score in second)
    '0.75 0.15 0.09'
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._usual = np.array(context.usual, np.float32)  # (labels,)
        self._turns = 0
        self._last: dict[str, tuple[int, Floats]] = {}  # who -> when they last spoke, and the scores then; the latest stand last

    def hear(self, who: str | None, scores: Floats) -> Floats:
        """The scores of the next turn, pulled by those before it; unchanged where the speaker is unknown or nobody spoke before.

        Args:
            scores: (labels,) calibrated, a distribution, as they are without context.

        Raises:
            InputError: not as many scores as the context's label set has labels.
        """
        if scores.shape != self._usual.shape:
            raise InputError(f"context in {self.context.labels} takes {len(self._usual)} scores a turn; given: shape {scores.shape}")
        own, other = self.before(who)
        self._turns += 1
        if who is not None:
            self._last.pop(who, None)
            self._last[who] = (self._turns, scores)
        pull = self.context.own * own + self.context.other * other
        if not pull.any():
            return scores
        pulled = scores * np.exp(np.minimum(pull - pull[scores > 0].max(), 0))  # the likeliest label that can be keeps its score
        return np.asarray(pulled / pulled.sum(), np.float32)

    def before(self, who: str | None) -> tuple[Floats, Floats]:
        """What the last turns say before the next: (labels,) of the same speaker's, and of anybody else's.

        Each is its scores less the usual ones, faded; zeros where there is no such turn, or who is about to speak is unknown.
        """
        latest = None if who is None else next((name for name in reversed(self._last) if name != who), None)
        return self._faded(who), self._faded(latest)

    def _faded(self, who: str | None) -> Floats:
        if who is None or who not in self._last:
            return np.zeros_like(self._usual)
        turn, scores = self._last[who]
        return np.asarray(self.context.decay ** (self._turns - turn) * (scores - self._usual), np.float32)


def in_context(scores: Sequence[Floats], who: Sequence[str | None], context: Context) -> list[Floats]:
    """The scores of all turns of a conversation, each pulled by those before it.

    Args:
        scores: one (labels,) a turn.
        who: who speaks in each turn; None: not known.

    Raises:
        InputError: not as many speakers as turns, or not as many scores as the context's label set has labels.
    """
    if len(scores) != len(who):
        raise InputError(f"{len(scores)} turns and {len(who)} speakers; every turn has one, None where it is not known")
    conversation = Conversation(context)
    return [conversation.hear(name, one) for name, one in zip(who, scores, strict=True)]


def open_context(folder: Path = SHIPPED) -> Context:
    """The numbers in a folder that `recipes/text/context/fit.py` wrote, or the shipped ones.

    Raises:
        WeightsError: there is no card, or it lacks a number.
    """
    facts = read_card(folder).facts
    try:
        own, other, decay = (float(facts[name]) for name in ("own", "other", "decay"))
        return Context(str(facts["labels"]), tuple(map(float, facts["usual"])), own, other, decay)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the card in {folder} holds no context: {error!r}; fit one with recipes/text/context/fit.py") from error
