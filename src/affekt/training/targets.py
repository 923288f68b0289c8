"""From a corpus row to what each head should say about it, with a mask for what the corpus does not know."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from affekt.labels import ekman6, ekman7, goemotions28, plutchik8, sentiment3, vad
from affekt.parts import LabelSet, Row

Floats = npt.NDArray[np.float32]
SETS: tuple[LabelSet, ...] = (goemotions28.PART, ekman7.PART, ekman6.PART, plutchik8.PART, sentiment3.PART, vad.PART)
HEADS = {labels.name: len(labels.labels) for labels in SETS}
WIDTH = sum(HEADS.values())  # 28 + 7 + 6 + 8 + 3 + 3 = 55
ENDS = np.cumsum(list(HEADS.values()))
SLICES = {name: slice(int(end) - size, int(end)) for (name, size), end in zip(HEADS.items(), ENDS, strict=True)}


def targets(row: Row, corpus: str, *, label_map: Mapping[str, str | None] | None = None) -> tuple[Floats, Floats]:
    """What the heads should say: (values, known), both (55,); single-label heads get a distribution, so "anger and fear" is half each.

    Args:
        corpus: the corpus's key; it decides which heads the row's own labels speak to.
        label_map: its names in ekman7's, where its labels are none of our sets.
    """
    values, known = np.zeros(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def say(labels: LabelSet, names: Iterable[str], space: tuple[str, ...] | None = None) -> None:
        at, said = SLICES[labels.name], list(names)
        known[at] = [1.0 if space is None or name in space else 0.0 for name in labels.labels]
        for name in said:
            values[at.start + labels.labels.index(name)] += 1.0 / len(said) if labels.kind == "single" else 1.0

    if row.vad is not None:
        values[SLICES["vad"]], known[SLICES["vad"]] = row.vad, 1.0
    if row.sentiment is not None and corpus == "cped":
        say(sentiment3.PART, [row.sentiment])
    names = row.labels or ()
    if corpus in ("goemotions", "goemotions_ko"):
        say(goemotions28.PART, names)
        _project(say, goemotions28.PART, names)
    elif corpus == "brighter":
        say(ekman6.PART, names, row.space)
        if row.votes is not None:  # halfway between the verdict and how many share it
            at = SLICES["ekman6"]
            values[at] = 0.5 * values[at] + 0.5 * np.array([row.votes.get(name, 0.0) for name in ekman6.PART.labels])
        say(ekman7.PART, names or ["neutral"], (*(row.space or ekman7.PART.labels), "neutral"))
        say(sentiment3.PART, _agreed(ekman6.PART, names) or (() if names else ["neutral"]))
    elif corpus == "xed":
        names = tuple(name for name in names if name != "neutral")
        say(plutchik8.PART, names)
        certain = [name for name in names if name not in ("anticipation", "trust")]  # Ekman has no place for these two
        if certain or not names:
            _project(say, plutchik8.PART, certain)
    elif label_map is not None:
        ours = [ours for name in names if (ours := label_map.get(name)) is not None]
        if ours:
            say(ekman7.PART, ours)
            if row.sentiment is None:
                say(sentiment3.PART, _agreed(ekman7.PART, ours))
    for labels in SETS:  # a distribution that says nothing is not known
        at = SLICES[labels.name]
        if labels.kind == "single" and values[at].sum() == 0:
            known[at] = 0.0
    return values, known


def _project(say: Callable[[LabelSet, Iterable[str]], None], labels: LabelSet, names: Iterable[str]) -> None:
    names = list(names)
    say(ekman7.PART, [labels.projections["ekman7"][name] for name in names] or ["neutral"])
    say(sentiment3.PART, _agreed(labels, names) or (() if names else ["neutral"]))


def _agreed(labels: LabelSet, names: Iterable[str]) -> list[str]:
    """The sentiment that all the names share, or none."""
    found = {labels.projections["sentiment3"][name] for name in names}
    return list(found) if len(found) == 1 else []
