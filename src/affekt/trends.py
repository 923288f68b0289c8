"""How what was felt changes from day to day: means over sessions, with 95 % intervals.

Readings of one session depend on each other: the same people talk about the same thing. A mean over all readings would take a hundred of
them for a hundred observations, and its interval would be far too narrow. The session is therefore the unit of analysis (Altman and Bland
1997, Statistics notes: units of analysis, BMJ 314:1874): each session has one mean, over its readings weighted by their length, and a day
has the mean of its sessions, each counting the same, with Student's interval (Student 1908, The probable error of a mean, Biometrika 6(1)).
Where a day has one session, the spread of its own readings is all that there is; the interval is then told to be one of readings.

Readings that abstain count: their scores are calibrated probabilities as well, and a day on which little was clear would else look as
clear as the few readings that were.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Literal

Unit = Literal["sessions", "readings"]
SCORE, DIMENSION = (0.0, 1.0), (-1.0, 1.0)  # ranges
SHORTEST = 1e-6  # weight of a reading that takes no time, such as that of an image
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)  # 97.5 % of Student's t with 1, 2, … degrees of freedom
NORMAL = 1.959964  # the same of the normal distribution
Mean = tuple[float, float | None]  # and half its interval; None: one value has no spread


@dataclass(frozen=True, slots=True)
class Observed:
    """One reading.

    Args:
        session: id of that which it is of.
        day: of the session.
        fused: of several modalities; where a session has such readings, the others do not count.
        length: in the unit of its session.
    """

    session: str
    day: date
    fused: bool
    length: float
    scores: Mapping[str, float]
    valence: float | None
    arousal: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval.

    Args:
        low, high: None, where one reading is all that there is.
        of: what the interval rests on: sessions or, where there is one alone, its readings, which makes it too narrow.
    """

    mean: float
    low: float | None
    high: float | None
    of: Unit


@dataclass(frozen=True, slots=True)
class Day:
    """What was felt on a day.

    Args:
        labels: label -> mean calibrated probability.
    """

    day: date
    sessions: int
    readings: int
    valence: Estimate | None
    arousal: Estimate | None
    labels: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class _Session:
    """The means of a session: its readings, of which there may be a hundred thousand, are looked at once and let go."""

    readings: int
    valence: Mean | None
    arousal: Mean | None
    labels: Mapping[str, Mean]


def by_day(readings: Iterable[Observed]) -> list[Day]:
    """The days that have readings, in their order. Args: readings, all of one label set, session by session."""
    days: dict[date, list[_Session]] = defaultdict(list)
    for (day, _), mine in groupby(readings, key=lambda one: (one.day, one.session)):
        days[day].append(_session(_speaking(list(mine))))
    return [_day(day, sessions) for day, sessions in sorted(days.items())]


def estimate(sessions: Iterable[Sequence[tuple[float, float]]], *, within: tuple[float, float]) -> Estimate | None:
    """The mean over sessions, each of which counts the same; None: there is nothing to take it of.

    Args:
        sessions: of each its readings, as values and their weights.
        within: the range in which values lie, and which intervals do not leave.
    """
    return _over([_mean(session) for session in sessions if session], within)


def _over(sessions: Sequence[Mean], within: tuple[float, float]) -> Estimate | None:
    if not sessions:
        return None
    mean, half = _mean([(mean, 1.0) for mean, _ in sessions]) if len(sessions) > 1 else sessions[0]
    unit: Unit = "sessions" if len(sessions) > 1 else "readings"
    if half is None:
        return Estimate(round(mean, 4), None, None, unit)
    low, high = max(mean - half, within[0]), min(mean + half, within[1])
    return Estimate(round(mean, 4), round(low, 4), round(high, 4), unit)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t; beyond a table by Cornish and Fisher (Abramowitz and Stegun 1964, 26.7.5).

    >>> student(1), round(student(30), 3)
    (12.706, 2.042)
    """
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1]
    x = NORMAL
    terms = ((x**3 + x) / 4, (5 * x**5 + 16 * x**3 + 3 * x) / 96, (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384)
    return x + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))


def _mean(values: Sequence[tuple[float, float]]) -> Mean:
    """A weighted mean, and half its interval, which for equal weights is Student's.

    It is that of a ratio of two sums (Cochran 1977, Sampling techniques, chapter 6).
    """
    total, many = math.fsum(weight for _, weight in values), len(values)
    mean = math.fsum(value * weight for value, weight in values) / total
    if many < 2:
        return mean, None
    squares = math.fsum((weight * (value - mean)) ** 2 for value, weight in values)
    return mean, student(many - 1) * math.sqrt(many / (many - 1) * squares) / total


def _speaking(readings: list[Observed]) -> list[Observed]:
    """The readings of a session that speak for it: those that were fused, where there are any."""
    return [one for one in readings if one.fused] or readings


def _session(readings: list[Observed]) -> _Session:
    def mean(known: Iterable[tuple[float | None, Observed]]) -> Mean | None:
        pairs = [(value, _weight(one)) for value, one in known if value is not None]
        return _mean(pairs) if pairs else None

    names = dict.fromkeys(label for one in readings for label in one.scores)
    labels = {label: found for label in names if (found := mean((one.scores.get(label), one) for one in readings)) is not None}
    return _Session(len(readings), mean((one.valence, one) for one in readings), mean((one.arousal, one) for one in readings), labels)


def _day(day: date, sessions: list[_Session]) -> Day:
    def of(means: Iterable[Mean | None], within: tuple[float, float]) -> Estimate | None:
        return _over([one for one in means if one is not None], within)

    names = dict.fromkeys(label for session in sessions for label in session.labels)
    labels = {label: found for label in names if (found := of((one.labels.get(label) for one in sessions), SCORE)) is not None}
    valence, arousal = of((one.valence for one in sessions), DIMENSION), of((one.arousal for one in sessions), DIMENSION)
    return Day(day, len(sessions), sum(one.readings for one in sessions), valence, arousal, labels)


def _weight(one: Observed) -> float:
    return max(one.length, SHORTEST)
