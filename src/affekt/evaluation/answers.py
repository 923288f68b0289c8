"""What one model says of labelled rows, before anything is counted: what a report and a comparison are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from affekt.evaluation.evaluate import Scores, evaluate, limits_of, ratings
from affekt.evaluation.judged import Judged, judge
from affekt.evaluation.metrics import Floats
from affekt.evaluation.tally import Tally, tally, tally_of_dimensions
from affekt.parts import LabelSet, Row


@dataclass(frozen=True, slots=True)
class Answers:
    """One model's calibrated answers to labelled rows.

    Args:
        heading: what a report begins with: "model", "labels", "judged_as", "dropped", …
        rows: labelled in the words of `labels`; the group of a row is who or what it is drawn with when models are compared.
        scores: as `evaluate` takes them, like thresholds, columns and by.
        after: what a report ends with.
        units: what the groups of the rows are.
    """

    heading: Mapping[str, Any]
    rows: Sequence[Row]
    scores: Scores
    labels: LabelSet
    thresholds: Sequence[float] | None = None
    columns: Sequence[Mapping[str, str]] = ()
    by: Sequence[str] = ()
    after: Mapping[str, Any] = field(default_factory=dict)
    units: str = "group"


def measure(answers: Answers, *, seed: int = 0) -> dict[str, Any]:
    """Every number of `evaluate`, as plain JSON.

    Raises:
        InputError: rows and scores do not fit together.
    """
    numbers = evaluate(
        answers.rows,
        answers.scores,
        answers.labels,
        thresholds=answers.thresholds,
        columns=answers.columns,
        by=answers.by,
        seed=seed,
    )
    return {**answers.heading, **numbers, **answers.after}


def judged_of(answers: Answers) -> Judged:
    """The answers beside the truth, of labels.

    Raises:
        InputError: a row's labels do not fit the set.
    """
    scores = np.asarray(answers.scores, np.float64)
    return judge(answers.rows, scores, answers.labels, limits_of(answers.thresholds, answers.labels))


def tally_of(answers: Answers) -> Tally:
    """The answers ready to be summed, of labels or of dimensions.

    Raises:
        InputError: a row's labels or ratings do not fit the set.
    """
    if answers.labels.kind == "dimensions":
        said: Floats = np.asarray(answers.scores, np.float64)
        return tally_of_dimensions(ratings(answers.rows), said)
    return tally(judged_of(answers))
