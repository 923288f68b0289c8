"""A person's own running baseline: what readings of this person have said so far, so that a solution can tell what is unusual for them.

Means and variances are exponentially weighted by time (West 1979, Updating mean and variance estimates, Communications of the ACM
22(9)), so that what was long ago counts less; only what came before counts, so that a stream and a file tell alike.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from affekt.errors import InputError
from affekt.results import DIMENSIONS, Reading

HALF_LIFE = 120.0  # seconds (of text without a clock: characters) after which what was said counts half
LEAST = 0.05  # standard deviation; nobody's is known more finely


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of a person, up to a moment.

    Args:
        scores: label -> mean score.
        mean, spread: dimension -> mean and standard deviation, where readings have it.
        weight: how many readings of the same moment it rests on; 0: nothing is known.
    """

    scores: Mapping[str, float]
    mean: Mapping[str, float]
    spread: Mapping[str, float]
    weight: float = 0.0

    def unusual(self, reading: Reading) -> dict[str, float]:
        """By how many standard deviations each dimension of a reading differs; nothing, where too little is known to tell."""
        told = {name: getattr(reading, name) for name in self.mean} if self.weight > 1 else {}
        return {name: (value - self.mean[name]) / self.spread[name] for name, value in told.items() if value is not None}


def running(readings: Iterable[Reading], *, half_life: float = HALF_LIFE) -> Iterator[tuple[Reading, Usual]]:
    """Each reading, and what was usual of its person before it; readings that abstain change nothing.

    Args:
        readings: in order of time, say `timeline.fused`, or those of one modality.

    Raises:
        InputError: the half-life is not above 0.

    >>> told = [Reading("text", "ekman7", {}, at, at + 1, "m", valence=value) for at, value in ((0, 0.1), (9, 0.2), (18, -0.9))]
    >>> [round(usual.unusual(reading).get("valence", 0.0)) for reading, usual in running(told)]
    [0, 0, -21]
    """
    if not half_life > 0:
        raise InputError(f"a half-life of {half_life}; it is a number above 0")
    known: dict[str | None, tuple[float, Usual, Mapping[str, float]]] = {}
    nothing = Usual({}, {}, {})
    for reading in readings:
        last, usual, squares = known.get(reading.who, (reading.start, nothing, {}))
        fade = 0.5 ** (max(reading.start - last, 0.0) / half_life)
        yield reading, usual
        if not reading.abstained:
            known[reading.who] = (reading.start, *_after(usual, squares, reading, fade))


def _after(usual: Usual, squares: Mapping[str, float], reading: Reading, fade: float) -> tuple[Usual, Mapping[str, float]]:
    """What is usual after one more reading, and the weighted sums of squares around the means."""
    weight = fade * usual.weight + 1
    scores = {name: _mean(usual.scores.get(name, score), score, weight) for name, score in reading.scores.items()}
    told = {name: value for name in DIMENSIONS if (value := getattr(reading, name)) is not None}
    mean = {name: _mean(usual.mean.get(name, value), value, weight) for name, value in told.items()}
    sums = {
        name: fade * squares.get(name, 0.0) + (value - usual.mean.get(name, value)) * (value - mean[name]) for name, value in told.items()
    }
    spread = {name: max(math.sqrt(max(one, 0.0) / weight), LEAST) for name, one in sums.items()}
    return Usual(scores, mean, spread, weight), sums


def _mean(before: float, value: float, weight: float) -> float:
    return before + (value - before) / weight
