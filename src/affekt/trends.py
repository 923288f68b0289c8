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
from typing import Literal

Unit = Literal["sessions", "readings"]
SCORE, DIMENSION = (0.0, 1.0), (-1.0, 1.0)  # ranges
SHORTEST = 1e-6  # weight of a reading that takes no time, such as that of an image
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)  # 97.5 % of Student's t with 1, 2, … degrees of freedom
NORMAL = 1.959964  # the same of the normal distribution


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


def by_day(readings: Iterable[Observed]) -> list[Day]:
    """The days that have readings, in their order. Args: readings, all of one label set."""
    days: dict[date, dict[str, list[Observed]]] = defaultdict(lambda: defaultdict(list))
    for one in readings:
        days[one.day][one.session].append(one)
    return [_day(day, [_speaking(mine) for mine in sessions.values()]) for day, sessions in sorted(days.items())]


def estimate(sessions: Iterable[Sequence[tuple[float, float]]], *, within: tuple[float, float]) -> Estimate | None:
    """The mean over sessions, each of which counts the same; None: there is nothing to take it of.

    Args:
        sessions: of each its readings, as values and their weights.
        within: the range in which values lie, and which intervals do not leave.
    """
    known = [session for session in sessions if session]
    if not known:
        return None
    if len(known) > 1:
        mean, half = _mean([(_mean(session)[0], 1.0) for session in known])
    else:
        mean, half = _mean(known[0])
    unit: Unit = "sessions" if len(known) > 1 else "readings"
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


def _mean(values: Sequence[tuple[float, float]]) -> tuple[float, float | None]:
    """A weighted mean, and half its interval, which for equal weights is Student's.

    It is that of a ratio of two sums (Cochran 1977, Sampling techniques, chapter 6). None: one value has no spread.
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


def _day(day: date, sessions: list[list[Observed]]) -> Day:
    def of(name: Literal["valence", "arousal"]) -> Estimate | None:
        known = ([(value, _weight(one)) for one in session if (value := getattr(one, name)) is not None] for session in sessions)
        return estimate(known, within=DIMENSION)

    def share(label: str) -> Estimate | None:
        return estimate(
            ([(one.scores[label], _weight(one)) for one in session if label in one.scores] for session in sessions), within=SCORE
        )

    names = dict.fromkeys(label for session in sessions for one in session for label in one.scores)
    labels = {label: found for label in names if (found := share(label)) is not None}
    return Day(day, len(sessions), sum(map(len, sessions)), of("valence"), of("arousal"), labels)


def _weight(one: Observed) -> float:
    return max(one.length, SHORTEST)
