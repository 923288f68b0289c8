"""What stands behind a fused reading: the single readings of the same person and time, the words, and who disagrees with whom."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from affekt.formats._moments import excerpt
from affekt.formats._runs import runs
from affekt.results import Modality, Reading, Timeline


@dataclass(frozen=True, slots=True)
class Side:
    """What one modality says where it disagrees with another.

    Args:
        label: None where it has no reading in that stretch.
        score: mean over its readings, in [0, 1].
    """

    modality: Modality
    label: str | None
    score: float

    def __str__(self) -> str:
        return f"{self.modality} {self.label} {self.score:.2f}" if self.label else self.modality


def fused_of(timeline: Timeline) -> tuple[Reading, ...]:
    """The readings that several modalities make together, in order of time; not that of a whole long text."""
    return tuple(sorted((one for one in timeline.fused if one.modality == "fused"), key=lambda one: (one.start, one.end)))


def behind(timeline: Timeline) -> Callable[[Reading, Modality], list[Reading]]:
    """Gives the readings of a modality, of the person of a fused reading, whose middles lie in its stretch."""
    groups: dict[tuple[str | None, Modality], list[Reading]] = {}
    for reading in timeline.readings:
        groups.setdefault((reading.who, reading.modality), []).append(reading)
    for group in groups.values():
        group.sort(key=_middle)
    middles = {key: [_middle(reading) for reading in group] for key, group in groups.items()}

    def found(fused: Reading, modality: Modality) -> list[Reading]:
        key = (fused.who, modality)
        if key not in groups:
            return []
        return groups[key][bisect_left(middles[key], fused.start) : bisect_left(middles[key], fused.end)]

    return found


def words_of(timeline: Timeline) -> Callable[[Reading], str]:
    """Gives the words of a reading; those of a fused one are of the text readings behind it."""
    found = behind(timeline) if timeline.transcript else None

    def words(reading: Reading) -> str:
        if reading.modality != "fused" or reading.span or found is None:
            return excerpt(reading, timeline)
        return " ".join(excerpt(one, timeline) for one in found(reading, "text"))

    return words


def told(timeline: Timeline) -> list[Reading]:
    """What people are told, in order of time: of whom there are fused readings, those; of others, the single ones.

    What a face shows for a while is one reading. Where there are no others, all of `fused` is told.
    """
    fused = fused_of(timeline)
    named = {one.who for one in fused}
    alone = [one for one in timeline.readings or timeline.fused if one.who not in named]
    return sorted((*runs(fused), *runs(alone)), key=lambda one: (one.start, one.end))


def pair(reading: Reading) -> str:
    """Who disagrees, in words: "text and speech"."""
    return " and ".join(reading.between or ()) or "modalities"


def sides(reading: Reading, found: Callable[[Reading, Modality], list[Reading]]) -> list[Side]:
    """What each of the two modalities that disagree says.

    Args:
        found: of `behind`.
    """
    made = []
    for modality in reading.between or ():
        scores: dict[str, float] = {}
        known = [one for one in found(reading, modality) if one.scores and not one.abstained]
        for one in known:
            for label, score in one.scores.items():
                scores[label] = scores.get(label, 0.0) + score / len(known)
        top = max(scores, key=scores.__getitem__, default=None)
        made.append(Side(modality, top, scores[top] if top else 0.0))
    return made


def _middle(reading: Reading) -> float:
    return (reading.start + reading.end) / 2
