"""What rows teach: the gold of each label set as arrays, and how good answers to it are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affekt.evaluation import metrics
from affekt.labels._matrix import matrix
from affekt.parts import LabelSet, Row

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Rows and what is to be said of them.

    Args:
        gold, known: label set -> (rows, labels), as `affekt.training.losses.loss` takes them.
        teacher: likewise, where a teacher speaks.
    """

    rows: Sequence[Row]
    gold: Mapping[str, Floats]
    known: Mapping[str, Floats]
    teacher: Mapping[str, Floats] = field(default_factory=dict)


def lesson_of(rows: Sequence[Row], label_sets: Sequence[LabelSet], *, teacher: Mapping[str, Floats] | None = None) -> Lesson:
    """What rows that are labelled in the words of the first set say to each of the sets; `vad`, where it is one, is told by its column.

    Args:
        teacher: as of `Lesson`.

    Raises:
        InputError: a row does not fit its label set.
    """
    gold, known = dict[str, Floats](), dict[str, Floats]()
    for labels in label_sets:
        gold[labels.name], known[labels.name] = targets_of(rows, labels)
    return Lesson(rows, gold, known, teacher or {})


def targets_of(rows: Sequence[Row], labels: LabelSet) -> tuple[Floats, Floats]:
    """What each row says, and where it says anything: (rows, labels) each; votes make a soft label."""
    if labels.kind == "dimensions":
        told = [(0.0,) * len(labels.labels) if row.vad is None else row.vad for row in rows]
        there = np.array([[row.vad is not None] * len(labels.labels) for row in rows], np.float32)
        return np.array(told, np.float32), there
    hard, known = matrix(rows, labels)
    gold = hard.astype(np.float32)
    for at, row in enumerate(rows):
        if row.votes:
            share = np.array([row.votes.get(name, 0.0) for name in labels.labels], np.float32)
            gold[at] = share / share.sum() if labels.kind == "single" and share.sum() else np.clip(share, 0, 1)
    return gold, known.astype(np.float32)


def figure_of(raw: Floats, gold: Floats, known: Floats, labels: LabelSet) -> float:
    """How good answers are: macro-F1 of the likeliest label (single), of what is likelier than not (multi); mean Pearson (dimensions)."""
    if labels.kind == "dimensions":
        rows = known[:, 0] > 0
        pairs = zip(gold[rows].T.astype(np.float64), raw[rows].T.astype(np.float64), strict=True)
        return float(np.nanmean([metrics.pearson(x, y) for x, y in pairs]))
    if labels.kind == "single":
        masked = np.where(known > 0, raw, -np.inf)
        said = masked.argmax(1)[:, None] == np.arange(raw.shape[1])
        true = gold.argmax(1)[:, None] == np.arange(raw.shape[1])
        return metrics.macro_f1(metrics.count(true, said))
    return metrics.macro_f1(metrics.count(gold > 0.5, raw > 0, known=known > 0))
