"""`GET /v1/trends`: what was felt from day to day, over the sessions that a caller sees."""

import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from affekt.results import Modality
from affekt.server.access import Reads
from affekt.server.problems import Problem
from affekt.server.service import Serving
from affekt.server.sessions import Moment, Subject
from affekt.store.trends import Window, label_sets, observations
from affekt.trends import by_day

router = APIRouter(tags=["sessions"])


class ToldEstimate(BaseModel):
    """A mean with its 95 % interval."""

    mean: float
    low: float | None = Field(description="null: one reading is all that there is")
    high: float | None
    of: Literal["sessions", "readings"] = Field(
        description="what the interval rests on: sessions or, where a day has one alone, its readings, which makes it too narrow"
    )


class ToldDay(BaseModel):
    """What was felt on a day."""

    day: datetime.date
    sessions: int
    readings: int
    valence: ToldEstimate | None
    arousal: ToldEstimate | None
    labels: dict[str, ToldEstimate] = Field(description="label -> mean calibrated probability")


class Trends(BaseModel):
    """What was felt from day to day."""

    labels: str | None = Field(description="label set that most of the sessions speak; null: there are none")
    left_out: int = Field(description="sessions that speak another")
    days: list[ToldDay] = Field(description="that have readings, the oldest first")


@router.get("/v1/trends")
def trends(
    service: Serving,
    caller: Reads,
    subject: Subject = None,
    since: Moment = None,
    until: Moment = None,
    modality: Annotated[Modality | None, Query(description="of the readings; null: fused ones, where a session has them, else all")] = None,
    zone: Annotated[str, Query(max_length=100, description="by whose clock days begin, as Europe/Berlin (IANA)")] = "UTC",
) -> Trends:
    """What was felt from day to day: means with 95 % intervals, in which the session is the unit.

    A session's mean is weighted by the length of its readings; a day's is the mean of its sessions, with Student's interval. Readings of
    one session depend on each other, so they count as one observation (Altman and Bland 1997, BMJ 314:1874). Readings that abstain count
    as well, for their scores are probabilities too. A session belongs to the day on which it was saved.
    """
    clock = _clock(zone)
    key = None if caller.may("analyst") else caller.key
    window = Window(key=key, subject=subject, since=since, until=until, modality=modality)
    sets = label_sets(service.store, window)
    if not sets:
        return Trends(labels=None, left_out=0, days=[])
    labels, *others = sets
    days = by_day(observations(service.store, window, labels=labels, zone=clock))
    told = [ToldDay.model_validate(day, from_attributes=True) for day in days]
    return Trends(labels=labels, left_out=sum(sets[other] for other in others), days=told)


def _clock(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:  # no such file, none below its folder, or a folder
        raise Problem(422, "invalid-request", f"no time zone {zone!r}; give one of the IANA database, as Europe/Berlin or UTC") from error
