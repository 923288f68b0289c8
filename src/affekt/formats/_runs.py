"""What a face shows for a while, as one reading: for people who read a table, not frames."""

from collections.abc import Sequence
from dataclasses import replace

from affekt.results import Reading

APART = 0.5  # seconds without a reading that end a run


def runs(readings: Sequence[Reading]) -> list[Reading]:
    """Readings of one face that follow each other and say the same become one, with their mean scores; others stay as they are.

    A fused reading that rests on a face alone is one of a face, too.
    """
    groups: dict[tuple[str | None, str], list[Reading]] = {}
    made: list[list[Reading]] = []
    for reading in readings:
        if reading.modality != "face" and set(reading.shares or ()) != {"face"}:
            made.append([reading])
            continue
        key = (reading.who, reading.modality)
        open_ = groups.get(key)
        if open_ and reading.start - open_[-1].end < APART and _says(reading) == _says(open_[-1]):
            open_.append(reading)
        else:
            groups[key] = [reading]
            made.append(groups[key])
    return sorted((_one(group) for group in made), key=lambda reading: (reading.start, reading.end))


def _says(reading: Reading) -> tuple[object, ...]:
    return (reading.abstained, reading.abstained or (reading.present if not reading.single else reading.top and reading.top[0]))


def _one(group: Sequence[Reading]) -> Reading:
    if len(group) == 1:
        return group[0]
    scores = {name: round(sum(reading.scores[name] for reading in group) / len(group), 4) for name in group[0].scores}
    return replace(group[0], end=group[-1].end, scores=scores)
