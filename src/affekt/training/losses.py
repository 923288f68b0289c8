"""What a raw output costs: losses for one label, any number of labels and dimensions, where cells may be unknown and labels soft.

Costs are averaged over all rows of a batch, those that know nothing included, so that a row teaches as much in every batch. A label
set's masked cells get no gradient. All is computed in float32, whatever the raw outputs are in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from affekt.errors import InputError
from affekt.parts import LabelSet

NEVER = -1e9  # raw output of a label that is no choice: its probability is 0 in float32
LEAST = 1e-6  # of what is raised to a power below 1, whose slope is infinite at 0, and of a variance that is divided by


@dataclass(frozen=True, slots=True)
class Loss:
    """How answers are judged; all but `distil` and `dimensions` concerns label sets of kind single and multi.

    Args:
        kind: "focal" makes little of what is already answered well (Lin et al. 2017, Focal Loss for Dense Object Detection, ICCV).
        gamma: of focal, at least 0: at 0 it is cross-entropy.
        balance: how much more a rare label counts: "inverse" to how often it occurs, or by the "effective" number of its rows
            (Cui et al. 2019, Class-Balanced Loss Based on Effective Number of Samples, CVPR).
        beta: of "effective", in [0, 1): at 0 all labels count the same, near 1 it is "inverse".
        smoothing: in [0, 1): share of the gold that is spread evenly (Szegedy et al. 2016, Rethinking the Inception Architecture, CVPR).
        distil: in [0, 1]: a teacher's share of the cost (Hinton et al. 2015, Distilling the Knowledge in a Neural Network).
        temperature: above 0: what raw outputs of pupil and teacher are divided by where they are compared.
        dimensions: mean squared error, or 1 - the concordance correlation over the batch (Lin 1989, Biometrics 45).

    Raises:
        InputError: a number is out of its range, or a name is none of those above.
    """

    kind: Literal["cross_entropy", "focal"] = "cross_entropy"
    gamma: float = 2.0
    balance: Literal["none", "inverse", "effective"] = "none"
    beta: float = 0.999
    smoothing: float = 0.0
    distil: float = 0.0
    temperature: float = 1.0
    dimensions: Literal["mse", "ccc"] = "mse"

    def __post_init__(self) -> None:
        names = {"kind": ("cross_entropy", "focal"), "balance": ("none", "inverse", "effective"), "dimensions": ("mse", "ccc")}
        for field, choice in names.items():
            if (given := getattr(self, field)) not in choice:
                raise InputError(f"loss.{field} is {given!r}; it is one of {', '.join(choice)}")
        ranges = {
            "gamma": (self.gamma >= 0, "at least 0"),
            "beta": (0 <= self.beta < 1, "from 0 to below 1"),
            "smoothing": (0 <= self.smoothing < 1, "from 0 to below 1"),
            "distil": (0 <= self.distil <= 1, "from 0 to 1"),
            "temperature": (self.temperature > 0, "above 0"),
        }
        for name, (fine, allowed) in ranges.items():
            if not fine:
                raise InputError(f"loss.{name} is {getattr(self, name)}; it is {allowed}")


def label_weights(gold: Tensor, known: Tensor, labels: LabelSet, settings: Loss) -> Tensor:
    """How much each label counts, (labels,), 1 on average; a label that no row has counts 1, and so does every dimension.

    Args:
        gold, known: (rows, labels) of the whole training split, as of `loss`.
    """
    even = torch.ones(len(labels.labels), device=gold.device)
    if labels.kind == "dimensions" or settings.balance == "none":
        return even
    count = (gold.double().masked_fill(known == 0, 0) * known.double()).sum(0)
    met = count > 0
    if not met.any():
        return even
    count = count[met].clamp(min=1)  # of soft labels all rows may hold less than one
    rare = 1 / count if settings.balance == "inverse" else (1 - settings.beta) / (1 - settings.beta**count)
    even[met] = (rare / rare.mean()).float()
    return even


def loss(
    raw: Tensor,
    gold: Tensor,
    known: Tensor,
    labels: LabelSet,
    settings: Loss,
    *,
    weights: Tensor | None = None,
    teacher: Tensor | None = None,
    row_weights: Tensor | None = None,
) -> Tensor:
    """The mean cost of the rows: a scalar in float32.

    Args:
        raw: (batch, labels).
        gold: (batch, labels), hard or soft: a distribution (single), cells in [0, 1] (multi), numbers in [-1, 1] (dimensions).
        known: (batch, labels) in [0, 1]: how much a cell counts. 0: it was no choice, and whatever gold and teacher say there is not
            heard; a row of zeros teaches nothing. A row of a single-label set counts as its best known cell. Where a teacher alone
            knows, its words are the gold.
        weights: (labels,) of `label_weights`; for multi-label sets of a label's whole column.
        teacher: (batch, labels) probabilities, of dimensions numbers in [-1, 1]; where a known cell of a row is NaN the teacher is
            silent, and the gold has the whole row.
        row_weights: (batch,), 1 on average where the size of the steps is not to change.

    Raises:
        InputError: shapes do not fit, or the settings balance labels and no weights are given.
    """
    _check(raw, gold, known, labels, settings, weights)
    known = known.float()
    weights = None if weights is None else weights.to(raw.device)
    x, y = (part.float().masked_fill(known == 0, 0) for part in (raw, gold))
    taught, share = _lesson(teacher, known, labels, settings)
    if labels.kind == "dimensions":
        y = y if taught is None else y + share * (taught - y)  # of squared errors the slope is that of both apart
        if settings.dimensions == "ccc":
            return _discord(x, y, known if row_weights is None else known * row_weights.float()[:, None])
        each = ((x - y).pow(2) * known).mean(1)
    else:
        gamma = settings.gamma if settings.kind == "focal" else 0.0
        each = _costs(x, _smooth(y, known, labels, settings), known, labels, weights=weights, gamma=gamma)
        if taught is not None:
            heat = settings.temperature  # its square keeps the gradients' size, Hinton et al. 2015, section 2
            told = heat**2 * _costs(x / heat, _soften(taught, labels, heat), known, labels, weights=weights)
            each = each + share[:, 0] * (told - each)
    return (each if row_weights is None else each * row_weights.float()).mean()


def heads_loss(
    raw: Mapping[str, Tensor],
    gold: Mapping[str, Tensor],
    known: Mapping[str, Tensor],
    label_sets: Sequence[LabelSet],
    settings: Loss,
    *,
    shares: Mapping[str, float] | None = None,
    weights: Mapping[str, Tensor] | None = None,
    teacher: Mapping[str, Tensor] | None = None,
    row_weights: Tensor | None = None,
) -> Tensor:
    """The sum of the costs of several heads on the same rows, a scalar in float32; all as of `loss`, by the label set's name.

    Args:
        shares: what a head's cost is multiplied by; None: all alike, by 1.
        weights, teacher: heads that they lack have none.

    Raises:
        InputError: as of `loss`.
    """
    total = torch.zeros((), device=next(iter(raw.values())).device)
    for labels in label_sets:
        name = labels.name
        cost = loss(
            raw[name],
            gold[name],
            known[name],
            labels,
            settings,
            weights=(weights or {}).get(name),
            teacher=(teacher or {}).get(name),
            row_weights=row_weights,
        )
        total = total + (1.0 if shares is None else shares[name]) * cost
    return total


def _check(raw: Tensor, gold: Tensor, known: Tensor, labels: LabelSet, settings: Loss, weights: Tensor | None) -> None:
    wide = len(labels.labels)
    if raw.ndim != 2 or raw.shape[1] != wide or gold.shape != raw.shape or known.shape != raw.shape:
        shapes = ", ".join(f"{name} {tuple(part.shape)}" for name, part in (("raw", raw), ("gold", gold), ("known", known)))
        raise InputError(f"{shapes}; of {labels.name} each is (batch, {wide})")
    if settings.balance != "none" and weights is None and labels.kind != "dimensions":
        raise InputError(f"loss.balance is {settings.balance!r}, and {labels.name} has no weights: give those of label_weights(…)")


def _lesson(teacher: Tensor | None, known: Tensor, labels: LabelSet, settings: Loss) -> tuple[Tensor | None, Tensor]:
    """What the teacher says in known cells, 0 elsewhere, (batch, labels) or None, and its share of each row, (batch, 1)."""
    if teacher is None or settings.distil == 0:
        return None, known.new_zeros(len(known), 1)
    taught = teacher.detach().float().masked_fill(known == 0, 0)
    silent = taught.isnan().any(1, keepdim=True)
    taught = taught.masked_fill(silent, 0)
    if labels.kind == "single":
        silent = silent | (taught.sum(1, keepdim=True) <= 0)  # all that it says is of labels that were no choice
    return taught, settings.distil * (~silent).float()


def _costs(x: Tensor, y: Tensor, known: Tensor, labels: LabelSet, *, weights: Tensor | None = None, gamma: float = 0.0) -> Tensor:
    """Cross-entropy of each row, (batch,): the sum over single labels, the mean over the cells of multi; above gamma 0 it is focal."""
    if labels.kind == "single":
        told = x.masked_fill(known == 0, NEVER).log_softmax(1)
        cells = -(y * told)
        if gamma > 0:
            cells = cells * (1 - told.exp()).clamp(min=LEAST) ** gamma
        return (cells if weights is None else cells * weights).sum(1) * known.amax(1)
    if gamma > 0:
        present = y * nn.functional.softplus(-x) * x.neg().sigmoid().clamp(min=LEAST) ** gamma
        cells = present + (1 - y) * nn.functional.softplus(x) * x.sigmoid().clamp(min=LEAST) ** gamma
    else:
        cells = nn.functional.binary_cross_entropy_with_logits(x, y, reduction="none")
    return ((cells if weights is None else cells * weights) * known).mean(1)


def _smooth(y: Tensor, known: Tensor, labels: LabelSet, settings: Loss) -> Tensor:
    """Gold of which a share is spread: evenly over the labels that were a choice, or over present and absent."""
    if settings.smoothing == 0:
        return y
    even = torch.full_like(y, 0.5)
    if labels.kind == "single":
        choice = (known > 0).float()
        even = y.sum(1, keepdim=True) * choice / choice.sum(1, keepdim=True).clamp(min=1)
    return (1 - settings.smoothing) * y + settings.smoothing * even


def _soften(taught: Tensor, labels: LabelSet, heat: float) -> Tensor:
    """The probabilities that a teacher says at this temperature who says these at 1."""
    said = taught.clamp(0, 1) ** (1 / heat)
    if labels.kind == "single":
        return said / said.sum(1, keepdim=True).clamp(min=torch.finfo(said.dtype).tiny)
    return said / (said + (1 - taught.clamp(0, 1)) ** (1 / heat))


def _discord(x: Tensor, y: Tensor, trust: Tensor) -> Tensor:
    """1 - the concordance correlation over the batch, averaged over the dimensions; one that no row knows costs nothing.

    Args:
        trust: (batch, dimensions) how much a cell counts.
    """
    whole = trust.sum(0)
    part = trust / whole.clamp(min=LEAST)
    a, b = (part * x).sum(0), (part * y).sum(0)
    spread = (part * ((x - a) ** 2 + (y - b) ** 2)).sum(0) + (a - b) ** 2
    shared = 2 * (part * (x - a) * (y - b)).sum(0)
    return ((1 - shared / spread.clamp(min=LEAST)) * (whole > 0)).mean()
