"""Readings and rules that the tests of fusion make up."""

from collections.abc import Sequence
from typing import Any

from affekt.fusion import fuse, open_fusion
from affekt.labels import ekman7
from affekt.parts import Fusion, LabelSet
from affekt.results import Reading

LABELS = ekman7.PART


def sure(label: str, score: float = 0.9) -> list[float]:
    """Of one label of ekman7; what is left is of the others, evenly."""
    return [score if name == label else (1 - score) / 6 for name in LABELS.labels]


FLAT = [1 / 7] * 7


def said(modality: str, scores: Sequence[float], labels: LabelSet = LABELS, **given: Any) -> Reading:
    told = dict(zip(labels.labels, map(float, scores), strict=True)) if labels.kind != "dimensions" else {}
    return Reading(modality, labels.name, told, 1.0, 2.0, "m@1", single=labels.kind == "single", **given)  # type: ignore[arg-type]


def fused(*readings: Reading, rule: str | Fusion = "log_linear", labels: LabelSet = LABELS) -> Reading:
    return fuse(readings, labels, rule=open_fusion(rule) if isinstance(rule, str) else rule)
