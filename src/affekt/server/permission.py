"""Whether a signal may be read: what the deployment's declaration and the people's consents say, asked before anything is read.

Refusals, and readings that only a declared reason allows, are counted in the audit log.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from affekt.errors import PolicyRefused
from affekt.policy.deployment import BIOMETRIC, deployment_of
from affekt.results import Modality, Reading, Timeline
from affekt.server.access import Caller
from affekt.server.problems import Problem
from affekt.server.service import Service
from affekt.sources import is_picture, is_sound, is_video
from affekt.store.sessions import EVERYBODY
from affekt.store.subjects import without_consent


def modalities_of(ending: str) -> tuple[Modality, ...]:
    """What is read of a file with this ending."""
    name = f"file{ending}"
    if is_video(name, None):
        return ("speech", "face")
    return ("speech",) if is_sound(name, None) else ("face",) if is_picture(name, None) else ("text",)


async def permit(service: Service, caller: Caller, *, modalities: Collection[Modality], subjects: Mapping[str, str]) -> None:
    """Nothing, where a signal may be read.

    Args:
        modalities: that would be read.
        subjects: person in it, or "*", -> id of a subject.

    Raises:
        PolicyRefused: one of the modalities may not be read in the setting of this deployment.
        Problem: 403, consent is needed, and somebody's is not on record.
    """
    if not set(modalities).isdisjoint(BIOMETRIC):
        await run_in_threadpool(permit_now, service, caller, modalities=modalities, subjects=subjects)


def permit_now(
    service: Service, caller: Caller, *, modalities: Collection[Modality], subjects: Mapping[str, str], again: bool = False
) -> None:
    """As `permit`, in the thread of the caller.

    Args:
        again: it was asked before, when a job was taken in; that a reason was used is not counted twice.

    Raises:
        PolicyRefused: as of `permit`.
        Problem: as of `permit`.
    """
    deployment, wanted = deployment_of(service.settings), [one for one in BIOMETRIC if one in modalities]
    told = {"setting": deployment.setting, "purpose": deployment.purpose, "modalities": wanted}
    try:
        ruled = deployment.check(wanted)
    except PolicyRefused:
        service.counted.count("policy.refused", who=caller.key, detail=told)
        raise
    if wanted and service.settings.require_consent:
        _check_consent(service, caller, modalities=wanted, subjects=subjects)
    if ruled and not again:
        service.counted.count("reason.used", who=caller.key, detail={**told, "reason": deployment.reason})


def only_agreed(service: Service, timeline: Timeline, *, subjects: Mapping[str, str], written: bool) -> Timeline:
    """The timeline without what was seen and heard of people whom nobody said to have agreed, where consent is needed.

    Args:
        written: its words were given as text; else they were written down from the voices, and go with these.
    """
    if not service.settings.require_consent or EVERYBODY in subjects:
        return timeline

    def agreed(one: Reading) -> bool:
        return (written and one.modality == "text") or one.who in subjects

    kept = [tuple(filter(agreed, readings)) for readings in (timeline.readings, timeline.fused)]
    left_out = len(timeline.readings) + len(timeline.fused) - len(kept[0]) - len(kept[1])
    if not left_out:
        return timeline
    warning = f"{left_out} readings of people who are not named in subjects are left out, for consent is needed"
    events = tuple(one for one in timeline.events if one.who in subjects)
    people = tuple(one for one in timeline.people if one in subjects or any(reading.who == one for reading in kept[0]))
    said = written or all(one.who in subjects for one in timeline.readings if one.modality != "face")  # by people who agreed, all of it
    marks = tuple(replace(one, note="") for one in timeline.marks)  # a note may name anybody
    left: dict[str, Any] = {"readings": kept[0], "fused": kept[1], "events": events, "people": people, "marks": marks}
    return replace(timeline, **left, transcript=timeline.transcript if said else None, warnings=(*timeline.warnings, warning))


def _check_consent(service: Service, caller: Caller, *, modalities: Collection[Modality], subjects: Mapping[str, str]) -> None:
    purpose = service.settings.purpose
    missing = without_consent(service.store, subjects.values(), purpose=purpose, modalities=modalities)
    if subjects and not missing:
        return
    service.counted.count("consent.missing", who=caller.key, detail={"purpose": purpose, "modalities": list(modalities)})
    what = f"{' and '.join(modalities)} for the purpose {purpose}"
    if not subjects:
        raise Problem(
            403,
            "consent-needed",
            f'here {what} is read only of people who agreed to it; say who they are with subjects, as {{"*": "their id"}}, or a name each',
        )
    raise Problem(
        403,
        "consent-needed",
        f"no consent to {what} is on record of {len(missing)} of the people; put it on record with POST /v1/subjects/ID/consents",
        more={"subjects": missing},
    )
