"""What a model answers, beside the truth: from calibrated scores and labelled rows to what the metrics count."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from affekt.evaluation.metrics import Booleans, Counts, Floats, count, row_f1
from affekt.labels._matrix import matrix
from affekt.parts import LabelSet, Row


@dataclass(frozen=True, slots=True)
class Judged:
    """Answers beside the truth; one row a text, one column a label, and one for "none" where that is an answer."""

    decision: Literal["argmax", "thresholds"]
    names: tuple[str, ...]
    gold: Booleans
    said: Booleans
    known: Booleans  # cells that annotators could choose
    confidence: Floats  # (rows,) of the decision
    hit: Booleans  # (rows,) whether the likeliest answer is right
    loss: Floats  # (rows,) in [0, 1]

    def counts(self, rows: Booleans | slice = slice(None)) -> Counts:
        """True and false positives and negatives of the chosen rows."""
        return count(self.gold[rows], self.said[rows], known=self.known[rows])


def judge(rows: Sequence[Row], scores: Floats, labels: LabelSet, thresholds: Floats) -> Judged:
    """The likeliest label where every row has exactly one, otherwise all from their thresholds on.

    Of labels that annotators could not choose, none is ever answered. Where single labels of a multi-label set include
    its word for "none", that is one more label, with the score 1 - the highest score.

    Raises:
        InputError: a row's labels do not fit the set.
    """
    gold, known = matrix(rows, labels)
    if any(len(row.labels or ()) != 1 for row in rows):
        return _above(gold, known, scores, labels, thresholds)
    names = labels.labels
    if labels.none is not None and any(row.labels == (labels.none,) for row in rows):
        none = 1 - np.where(known, scores, 0.0).max(1)
        names = (*names, labels.none)
        gold, scores = np.column_stack([gold, ~gold.any(1)]), np.column_stack([scores, none])
        known = np.column_stack([known, np.ones(len(rows), np.bool_)])
    return _likeliest(gold, known, scores, names)


def _likeliest(gold: Booleans, known: Booleans, scores: Floats, names: tuple[str, ...]) -> Judged:
    top, confidence, hit = _top(gold, known, scores)
    said = np.zeros_like(gold)
    said[np.arange(len(said)), top] = True
    return Judged("argmax", names, gold, said, known, confidence, hit, (~hit).astype(np.float64))


def _above(gold: Booleans, known: Booleans, scores: Floats, labels: LabelSet, thresholds: Floats) -> Judged:
    _, confidence, hit = _top(gold, known, scores)
    said = (scores >= thresholds) & known
    if labels.none is not None:  # saying nothing is an answer, and its score is what the likeliest label leaves
        silent = ~said.any(1)
        confidence = np.where(silent, 1 - confidence, confidence)
        hit = np.where(silent, ~gold.any(1), hit)
    return Judged("thresholds", labels.labels, gold, said, known, confidence, hit, 1 - row_f1(gold, said, known=known))


def _top(gold: Booleans, known: Booleans, scores: Floats) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], Floats, Booleans]:
    top = np.where(known, scores, -1.0).argmax(1)
    at = np.arange(len(top))
    return top, scores[at, top], gold[at, top]
