"""From what several modalities say of one person in one stretch of time to one answer, and to how far they disagree."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from affekt import catalog
from affekt.calibration.apply import decide
from affekt.calibration.reading import DIGITS
from affekt.encoders._card import read_card
from affekt.errors import BadResult, LicenceRefused, UnknownName
from affekt.fusion import _learned
from affekt.fusion._learned import Learned
from affekt.parts import Evidence, Fusion, LabelSet
from affekt.results import DIMENSIONS, MODALITIES, Modality, Reading

LEAST = 1e-4  # of a score: one that is rounded to 0 is not impossible


def open_fusion(name: str, *, commercial_only: bool = False) -> Fusion:
    """A rule by its name, or the folder of one that `affekt.training.fusion` learned.

    Args:
        commercial_only: what was learned from corpora for research alone gives way to its free sibling.

    Raises:
        UnknownName: there is no such rule and no such folder.
        WeightsError: the folder holds no rule.
        LicenceRefused: what the rule has learned is not for commercial use, and nothing else is allowed.
    """
    if name in catalog.names("fusion"):
        rule = catalog.find("fusion", "log_linear_free" if commercial_only and name == "log_linear" else name)
    elif (Path(name) / _learned.POOL).is_file():
        from affekt.fusion.log_linear import of_folder

        rule = of_folder(Path(name))
    else:
        raise UnknownName(name, "fusion", catalog.names("fusion"), also="nor a folder that holds a rule")
    if not commercial_only:
        return rule
    if rule.folder is None:
        return replace(rule, lender=_learned.FREE)
    if not (card := read_card(rule.folder)).commercial:
        raise LicenceRefused(f"{card.name} is not for commercial use ({card.licence['weights']}); choose log_linear or mean")
    return rule


def fuse(readings: Sequence[Reading], labels: LabelSet, *, rule: Fusion) -> Reading:
    """One reading of several of one person at one time, each of another modality; one alone stays as it is.

    What a modality says counts the less the less clear its signal is, and where none can be judged the fused reading abstains. The
    stretch is that of all of them together.

    Raises:
        BadResult: there are none, two are of one modality, or they speak another label set.
    """
    _check(readings, labels)
    known = _learned.of(rule)
    ordered = sorted(readings, key=lambda reading: MODALITIES.index(reading.modality))  # so that their order does not matter
    judged = [reading for reading in ordered if _clarity(reading) > 0] or ordered
    doubts = [f"{reading.modality}: {reading.reason or 'not clear'}" for reading in ordered if _clarity(reading) == 0]
    evidence = [_evidence(reading, labels) for reading in judged]
    alone = len(judged) == 1
    scores = dict(judged[0].scores) if alone or not judged[0].scores else _pooled(evidence, labels, rule)
    present, reason = decide(scores, labels, known.calibration.get(labels.name)) if scores and not alone else _own(judged[0])
    reason = "; ".join(doubts) if len(doubts) == len(ordered) and not alone else reason
    disagreement, between = _disagreement(evidence, labels, known)
    return Reading(
        modality="fused",
        labels=labels.name,
        scores=scores,
        start=min(reading.start for reading in ordered),
        end=max(reading.end for reading in ordered),
        model=f"{rule.name}@{known.revision}" if known.revision else rule.name,
        single=labels.kind == "single",
        present=present,
        who=next((reading.who for reading in ordered if reading.who), None),
        span=next((reading.span for reading in ordered if reading.span), None),
        abstained=reason is not None,
        reason=reason,
        **_dimensions(judged, known),
        heard=next((reading.heard for reading in ordered if reading.heard is not None), None),
        provisional=any(reading.provisional for reading in ordered),
        clarity=max(_clarity(reading) for reading in judged),
        shares=dict(zip((one.modality for one in evidence), map(_rounded, rule.counts(evidence, labels)), strict=True)),
        disagreement=disagreement,
        between=between,
    )


def _pooled(evidence: Sequence[Evidence], labels: LabelSet, rule: Fusion) -> dict[str, float]:
    pooled = rule.pool(evidence, labels)
    pooled = pooled / pooled.sum() if labels.kind == "single" else pooled  # LEAST has made the scores of many labels too large
    return {name: _rounded(score) for name, score in zip(labels.labels, pooled, strict=True)}


def _check(readings: Sequence[Reading], labels: LabelSet) -> None:
    if not readings:
        raise BadResult("nothing to fuse; give one reading or more")
    modalities = [reading.modality for reading in readings]
    if len(set(modalities)) < len(modalities):
        raise BadResult(f"readings of {', '.join(modalities)} to fuse; give one a modality")
    if others := {reading.labels for reading in readings} - {labels.name}:
        raise BadResult(f"readings in {', '.join(sorted(others))} to fuse in {labels.name}; they speak one label set")


def _own(reading: Reading) -> tuple[tuple[str, ...], str | None]:
    return reading.present, (reading.reason or "unsure") if reading.abstained else None


def _clarity(reading: Reading) -> float:
    return 1.0 if reading.clarity is None else reading.clarity


def _evidence(reading: Reading, labels: LabelSet) -> Evidence:
    scores = np.array([reading.scores[name] for name in labels.labels] if reading.scores else [], np.float64)
    return Evidence(reading.modality, np.clip(scores, LEAST, 1 - LEAST), _clarity(reading))


def _dimensions(readings: Sequence[Reading], known: Learned) -> dict[str, Any]:
    """Valence, arousal and dominance, weighted by precision (inverse variance), and their standard deviations.

    Where the modalities lie further apart than their own deviations explain, the deviation grows by Birge's ratio (Birge 1932, The
    calculation of errors by the method of least squares, Phys. Rev. 40).
    """
    told = [reading for reading in readings if reading.valence is not None]
    if not told:
        return {}
    values = np.array([[getattr(reading, name) or 0.0 for name in DIMENSIONS] for reading in told])  # (m, 3)
    clarity = np.array([max(_clarity(reading), 0.01) for reading in told])[:, None]
    precision = clarity / np.array([known.deviation(reading.modality) for reading in told]) ** 2
    mean = (values * precision).sum(0) / precision.sum(0)
    birge = 1.0 if len(told) == 1 else ((values - mean) ** 2 * precision).sum(0) / (len(told) - 1)
    spread = np.sqrt(np.maximum(birge, 1.0) / precision.sum(0))
    named = dict(zip(DIMENSIONS, (round(float(value), DIGITS) for value in np.clip(mean, -1, 1)), strict=True))
    return {**named, "spread": tuple(round(float(one), DIGITS) for one in spread)}


def _disagreement(evidence: Sequence[Evidence], labels: LabelSet, known: Learned) -> tuple[float | None, tuple[Modality, Modality] | None]:
    """The highest chance that two modalities show different emotions, and which."""
    if labels.kind != "single" or len(evidence) < 2:
        return None, None
    pairs = {(a.modality, b.modality): known.mismatch(a, b, labels) for a, b in combinations(evidence, 2)}
    between = max(pairs, key=pairs.__getitem__)
    return _rounded(pairs[between]), between


def _rounded(number: float) -> float:
    return round(float(number), DIGITS)
