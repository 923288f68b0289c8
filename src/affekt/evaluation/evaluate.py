"""One model's calibrated answers against labelled rows: every number that a result row or a card shows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from affekt.errors import EmptyInput, InputError
from affekt.evaluation import metrics
from affekt.evaluation.bootstrap import interval_of_ece, interval_of_macro_f1, interval_of_mean_pearson, intervals
from affekt.evaluation.groups import UNKNOWN, Values, by_group, gaps, values_of
from affekt.evaluation.judged import Judged, judge
from affekt.evaluation.metrics import Booleans, Counts, Floats
from affekt.evaluation.tally import Tally, tally, tally_of_dimensions
from affekt.labels._matrix import matrix
from affekt.parts import LabelSet, Row

NO_LANGUAGE = "und"  # ISO 639-2: undetermined
HALF = 0.5  # the threshold where none was tuned
SLACK = 1e-4  # of a rounded probability
Scores = npt.NDArray[np.floating[Any]]  # of any precision
Groups = Mapping[str, Values] | None  # None: nobody asked for any


def evaluate(
    rows: Sequence[Row],
    probabilities: Scores,
    labels: LabelSet,
    *,
    thresholds: Sequence[float] | None = None,
    columns: Sequence[Mapping[str, str]] = (),
    by: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """What the model is worth on these rows, as plain JSON; a number that is not defined is None.

    How an answer is decided ("decision"): the likeliest label for a single-label set, and for a multi-label set whose rows
    all have exactly one label; otherwise every label from its threshold on. Where such single labels include the set's
    word for "none", that is one more label, with the score 1 - the highest score.

    Confidence is the score of the likeliest label; where a set that has a "none" says nothing, 1 - that score. The risk of
    `risk_coverage` is the error rate, or with thresholds 1 - F1 of a row's labels. `ece` is of the likeliest label,
    `ece_cells` of all cells of a multi-label set. `interval` is the 95 % bootstrap interval of macro-F1, or for dimensions
    of the mean Pearson correlation; `intervals` has those of the other main numbers too.

    Args:
        rows: labelled in the words of `labels`; see `map_rows`.
        probabilities: calibrated, (rows, labels); for dimensions the numbers in [-1, 1] themselves.
        thresholds: (labels,); 0.5 each where absent.
        columns: of each row, what else is known of it; a row may lack any of them.
        by: the columns by which the main numbers are counted; one that no row has is left out.

    Raises:
        EmptyInput: there are no rows.
        InputError: shapes do not fit, a number is no probability, or a row's labels do not fit the set.
    """
    scores = _checked(rows, probabilities, labels)
    groups = None if not by else {name: values for name in by if set(values := values_of(columns, name)) - {UNKNOWN}}
    if labels.kind == "dimensions":
        return dict(_plain(_dimensions(rows, scores, labels, groups, seed)))
    judged = judge(rows, scores, labels, limits_of(thresholds, labels))
    report = _of_labels(judged, rows, scores, labels, seed)
    return dict(_plain({**report, **_spread(report, judged, rows, groups, seed)}))


def _of_labels(judged: Judged, rows: Sequence[Row], scores: Floats, labels: LabelSet, seed: int) -> dict[str, Any]:
    by_lang = {lang: _short(judged, at) for lang, at in _languages(rows).items()}
    return {
        "n": len(rows),
        "decision": judged.decision,
        **_agreement(judged),
        **_reliability(judged, rows, scores, labels),
        "interval": interval_of_macro_f1(judged.gold, judged.said, known=judged.known, seed=seed),
        "by_lang": by_lang,
        "mean_over_languages": metrics.mean_of_known(np.array([one["macro_f1"] for one in by_lang.values()])),
    }


def _spread(report: Mapping[str, Any], judged: Judged, rows: Sequence[Row], groups: Groups, seed: int) -> dict[str, Any]:
    """How sure the main numbers are, and how far apart for groups of rows."""
    tallied = tally(judged)
    sure = intervals(tallied, seed=seed)
    sure["ece"], by_chance = interval_of_ece(judged.confidence, sure["ece"], measured=report["ece"], seed=seed)
    sure["macro_f1"] = report["interval"]
    return {"intervals": sure, "ece_by_chance": by_chance, **_by_group(tallied, rows, groups, seed)}


def _by_group(tallied: Tally, rows: Sequence[Row], groups: Groups, seed: int) -> dict[str, Any]:
    found = groups or {}
    spoken = {} if "language" in found else {"lang": [row.lang or UNKNOWN for row in rows]}
    counted = {} if groups is None else {"by_group": by_group(tallied, found)}
    return {**counted, "gaps": gaps(tallied, {**spoken, **found}, seed=seed)}


def limits_of(thresholds: Sequence[float] | None, labels: LabelSet) -> Floats:
    """The score from which each label is present, (labels,).

    Raises:
        InputError: there are thresholds, and not one a label.
    """
    limits = np.full(len(labels.labels), HALF) if thresholds is None else np.asarray(thresholds, np.float64)
    if limits.shape != (len(labels.labels),):
        raise InputError(f"{labels.name} needs {len(labels.labels)} thresholds, one a label; given: {limits.size}")
    return limits


def _checked(rows: Sequence[Row], probabilities: Scores, labels: LabelSet) -> Floats:
    if not rows:
        raise EmptyInput("there are no rows to judge")
    scores = np.asarray(probabilities, np.float64)
    shape = (len(rows), len(labels.labels))
    if scores.shape != shape:
        raise InputError(f"{len(rows)} rows on {labels.name} need scores of shape {shape}; given: {scores.shape}")
    low = -1.0 if labels.kind == "dimensions" else 0.0
    wrong = ~((scores >= low - SLACK) & (scores <= 1 + SLACK))  # also true for NaN
    if wrong.any():
        raise InputError(f"scores on {labels.name} lie in [{low:g}, 1]; given: {scores[wrong][0]}. Calibrate raw outputs first")
    if labels.kind == "single" and (apart := np.abs(scores.sum(1) - 1).max()) > 100 * SLACK:
        raise InputError(f"the scores of a row on {labels.name} sum to 1; given: a sum that is {apart:.3g} away from it")
    return scores


def _agreement(judged: Judged) -> dict[str, Any]:
    counts = judged.counts()
    return {
        "accuracy": metrics.accuracy(judged.gold, judged.said, known=judged.known),
        "macro_f1": metrics.macro_f1(counts),
        "micro_f1": metrics.micro_f1(counts),
        "weighted_f1": metrics.weighted_f1(counts),
        "ua": metrics.unweighted_recall(counts),
        "per_label": _per_label(judged.names, counts),
        "confusion": _confusion(judged, counts),
    }


def _confusion(judged: Judged, counts: Counts) -> dict[str, Any]:
    """What was said for what: a row a true label, a column an answer; or of labels that do not exclude one another a 2 x 2 each."""
    if judged.decision == "argmax":
        return {"names": judged.names, "matrix": (judged.gold.T.astype(np.float64) @ judged.said).astype(np.int64).tolist()}
    tn = (~judged.gold & ~judged.said & judged.known).sum(0)
    cells = zip(judged.names, counts.tp, counts.fp, counts.fn, tn, strict=True)
    return {
        "names": judged.names,
        "per_label": {name: dict(zip(("tp", "fp", "fn", "tn"), map(int, one), strict=True)) for name, *one in cells},
    }


def _per_label(names: Sequence[str], counts: Counts) -> dict[str, dict[str, Any]]:
    columns = {"precision": metrics.precision(counts), "recall": metrics.recall(counts), "f1": metrics.f1(counts)}
    support = counts.support.astype(np.int64)
    return {name: {**{key: column[at] for key, column in columns.items()}, "support": support[at]} for at, name in enumerate(names)}


def _reliability(judged: Judged, rows: Sequence[Row], scores: Floats, labels: LabelSet) -> dict[str, Any]:
    gold, known = matrix(rows, labels)  # without the column for "none", which the model does not score
    multi = labels.kind == "multi"
    return {
        "ece": metrics.ece(judged.confidence, judged.hit),
        "ece_cells": metrics.ece(scores[known], gold[known]) if multi else None,
        "brier": metrics.brier(scores, gold, single=not multi, known=known),
        "reliability": metrics.reliability(judged.confidence, judged.hit),
        "risk_coverage": {
            "coverage": metrics.COVERAGES,
            "risk": metrics.risk_coverage(judged.confidence, judged.loss),
            "aurc": metrics.aurc(judged.confidence, judged.loss),
        },
    }


def _languages(rows: Sequence[Row]) -> dict[str, Booleans]:
    """Language -> which rows are in it: (rows,)."""
    spoken = np.array([row.lang or NO_LANGUAGE for row in rows])
    return {str(lang): spoken == lang for lang in np.unique(spoken)}


def _short(judged: Judged, at: Booleans) -> dict[str, Any]:
    accuracy = metrics.accuracy(judged.gold[at], judged.said[at], known=judged.known[at])
    return {"n": at.sum(), "macro_f1": metrics.macro_f1(judged.counts(at)), "accuracy": accuracy}


def _dimensions(rows: Sequence[Row], said: Floats, labels: LabelSet, groups: Groups, seed: int) -> dict[str, Any]:
    gold = ratings(rows)

    def correlations(at: Booleans | slice) -> dict[str, Any]:
        pairs = [(name, gold[at, column], said[at, column]) for column, name in enumerate(labels.labels)]
        return {
            "n": len(gold[at]),
            "pearson": {name: metrics.pearson(x, y) for name, x, y in pairs},
            "ccc": {name: metrics.ccc(x, y) for name, x, y in pairs},
        }

    tallied = tally_of_dimensions(gold, said)
    interval = interval_of_mean_pearson(gold, said, seed=seed)
    return {
        **correlations(slice(None)),
        "interval": interval,
        "intervals": {**intervals(tallied, seed=seed), "pearson": interval},
        "by_lang": {lang: correlations(at) for lang, at in _languages(rows).items()},
        **_by_group(tallied, rows, groups, seed),
    }


def ratings(rows: Sequence[Row]) -> Floats:
    """Valence, arousal and dominance of each row, (rows, 3).

    Raises:
        InputError: a row has none.
    """
    for number, row in enumerate(rows, 1):
        if row.vad is None:
            raise InputError(f"row {number} has no vad; leave it out, or give it three numbers")
    return np.array([row.vad for row in rows], np.float64)


def _plain(value: Any) -> Any:
    """The value in JSON's own types, None for what is not a number."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.item())
    return None if isinstance(value, float) and value != value else value
