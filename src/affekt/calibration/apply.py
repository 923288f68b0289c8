"""Raw outputs to calibrated scores, and scores to a decision."""

import numpy as np
from numpy.typing import NDArray

from affekt.catalog import find, names
from affekt.errors import InputError
from affekt.parts import Calibration, Card, LabelSet

Floats = NDArray[np.float32]


def probabilities(raw: Floats, labels: LabelSet, calibration: Calibration) -> Floats:
    """Calibrated scores, (n, k): a distribution (single), each its own chance (multi), or numbers in [-1, 1] (dimensions).

    Platt (1999) per label for multi-label sets; one temperature (Guo et al. 2017) for single-label.
    """
    x: Floats = raw * np.asarray(calibration.scale, np.float32) + np.asarray(calibration.shift, np.float32)  # (n, k)
    if labels.kind == "dimensions":
        return np.clip(x, -1.0, 1.0).astype(np.float32)
    if labels.kind == "multi":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0))), np.float32)  # beyond 30 the answer is 0 or 1 in float32
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(x / x.sum(axis=1, keepdims=True), np.float32)


def spoken(card: Card, labels: LabelSet) -> LabelSet:
    """The label set to ask a model for: the wanted one where the model speaks it, else one that projects onto it.

    Raises:
        InputError: the model speaks neither.
    """
    if (found := spoken_for(card, labels)) is None:
        raise InputError(f"{card.name} does not speak {labels.name!r}, nor a finer set; it speaks: {', '.join(card.calibration)}")
    return found


def spoken_for(card: Card, labels: LabelSet) -> LabelSet | None:
    """As `spoken`; None where the model speaks neither."""
    if labels.name in card.calibration and card.sets.get(labels.name, labels) == labels:  # two models may call their own sets the same
        return labels
    return next((finer for finer in sets_of(card) if labels.name in finer.projections), None)


def sets_of(card: Card) -> list[LabelSet]:
    """The label sets that a model speaks, its own and those of the catalog; one of a plugin that is not installed is left out."""
    known = [name for name in card.calibration if name in card.sets or name in names("labels")]
    return [card.sets.get(name) or find("labels", name) for name in known]


def project(scores: Floats, source: LabelSet, target: LabelSet) -> Floats:
    """Calibrated scores of one set in the words of a coarser one, (n, k).

    Onto a distribution: each label gives its share to the one it maps to, and what is left over (no label applies) goes to
    neutral. Onto a multi-label set: the chance that at least one of the labels that map to it applies, were they independent.
    """
    mapping = source.projections[target.name]
    apart = np.ones((len(scores), len(target.labels)), np.float32)
    for at, name in enumerate(source.labels):
        apart[:, target.labels.index(mapping[name])] *= 1 - np.clip(scores[:, at], 0, 1)
    joined = np.asarray(1 - apart, np.float32)
    if source.kind == "single":  # exactly one applies: chances add up
        joined = np.zeros_like(apart)
        for at, name in enumerate(source.labels):
            joined[:, target.labels.index(mapping[name])] += scores[:, at]
    if target.kind == "multi":
        return joined
    if source.kind == "multi":
        joined[:, target.labels.index("neutral")] = np.maximum(joined[:, target.labels.index("neutral")], apart.prod(axis=1))
    return np.asarray(joined / joined.sum(axis=1, keepdims=True), np.float32)


def decide(scores: dict[str, float], labels: LabelSet, calibration: Calibration | None) -> tuple[tuple[str, ...], str | None]:
    """Which labels apply, and why the reading abstains (None: it does not); without any, thresholds are one half."""
    calibration = calibration or Calibration((), ())
    if labels.kind == "single":
        top = max(scores, key=scores.__getitem__)
        if scores[top] < calibration.abstain_below:
            return (top,), f"no label is likely enough: the likeliest has {scores[top]:.2f}, below {calibration.abstain_below:.2f}"
        return (top,), None
    limits = calibration.thresholds or (0.5,) * len(labels.labels)
    present = tuple(name for name, limit in zip(labels.labels, limits, strict=True) if scores[name] >= limit)
    if not present and labels.none is None:
        return (), "no label reaches its threshold"
    return present, None
