"""Learns the log-linear rule: from labelled moments that several modalities saw, or, where there are none, from paired data sets.

A data set of one modality knows nothing of the others. `pair` draws, for each label, one item of each modality that has it, as if they
were of one moment: modalities are then independent given the label, which those of real people are not, so that the gain that is
measured on pairs is an upper bound. Whoever has real moments gives them to `learn` as they are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affekt.calibration.fit import abstain_at
from affekt.encoders._card import revision_of, write_card
from affekt.errors import InputError
from affekt.fusion._learned import POOL, read
from affekt.parts import Calibration, Card, LabelSet
from affekt.results import MODALITIES, Modality

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
STEPS = 60  # of L-BFGS; the loss is nearly convex in so few numbers
STRENGTH = 1e-2  # L2 towards weight 1 and the bias of independent, calibrated modalities
LEAST = 1e-4  # of a score
RARE = 0.005  # share of moments that a label is taken to have at least, seen or not
NEVER = 0.005  # mean score of a label that a modality does not know
WORST = 0.4  # fused readings that are right less often than this abstain


@dataclass(frozen=True, slots=True)
class Moments:
    """Labelled moments, each seen by one modality or more.

    Args:
        scores: modality -> (n, labels), calibrated; rows where it saw nothing may hold anything.
        clarity: modality -> (n,) in [0, 1]; 0 where it saw nothing.
        gold: (n,) index of the label that is true.
    """

    scores: Mapping[Modality, Floats]
    clarity: Mapping[Modality, Floats]
    gold: Whole

    def __post_init__(self) -> None:
        sizes = {len(self.gold), *map(len, self.scores.values()), *map(len, self.clarity.values())}
        if len(sizes) != 1 or set(self.scores) != set(self.clarity) or not set(self.scores) <= set(MODALITIES):
            raise InputError(
                f"moments of {', '.join(map(str, sorted(sizes)))} rows in {', '.join(self.scores)}; scores, clarity and gold have one row "
                f"a moment, and modalities are of {', '.join(MODALITIES[:-1])}"
            )

    @property
    def told(self) -> dict[Modality, Floats]:
        """The scores, even over all labels where nothing was seen."""
        return {name: np.where(self.clarity[name][:, None] > 0, one, 1 / one.shape[1]) for name, one in self.scores.items()}

    def only(self, modalities: Sequence[Modality]) -> "Moments":
        """As if the others had seen nothing."""
        clarity = {name: one if name in modalities else np.zeros_like(one) for name, one in self.clarity.items()}
        return Moments(self.scores, clarity, self.gold)


@dataclass(frozen=True, slots=True)
class Items:
    """Labelled items of one modality; fields as of `Moments`, of one."""

    scores: Floats
    clarity: Floats
    gold: Whole


def pair(items: Mapping[Modality, Items], *, count: int, rng: np.random.Generator) -> Moments:
    """Moments of one item a modality that share the label, drawn by how frequent labels are in the mean over modalities.

    Labels that not every modality has are left out.

    Raises:
        InputError: there is no label that all have.
    """
    classes = next(iter(items.values())).scores.shape[1]
    shares = np.stack([np.bincount(one.gold, minlength=classes) / len(one.gold) for one in items.values()])  # (modalities, labels)
    prior = shares.mean(0) * (shares > 0).all(0)
    if not prior.any():
        raise InputError(f"the items of {', '.join(items)} have no label in common; nothing can be paired")
    gold = rng.choice(classes, size=count, p=prior / prior.sum())
    scores, clarity = {}, {}
    for name, one in items.items():
        rows = np.empty(count, np.int64)
        for label in range(classes):
            rows[gold == label] = rng.choice(np.flatnonzero(one.gold == label), size=int((gold == label).sum()))
        scores[name], clarity[name] = one.scores[rows], one.clarity[rows]
    return Moments(scores, clarity, gold)


def learn(moments: Moments, labels: LabelSet, *, rng: np.random.Generator, strength: float = STRENGTH) -> dict[str, Any]:
    """Prior, weights and biases of one label set, as JSON has them; modalities are left out at random, so that any may be missing.

    A label that no moment has is weighed as the others are; a modality that hardly ever says it is taken not to know it.

    Raises:
        InputError: there is one modality alone, the scores are not of these labels, or several labels may apply at once.
    """
    names, told = list(moments.scores), moments.told
    if len(names) < 2 or labels.kind != "single" or told[names[0]].shape[1] != len(labels.labels):
        raise InputError(
            f"moments of {', '.join(names)} in {told[names[0]].shape[1]} labels cannot be learned from for {labels.name}, which is "
            f"{labels.kind}, of {len(labels.labels)} labels; give two modalities, and one label a moment"
        )
    counted = np.bincount(moments.gold, minlength=len(labels.labels)) / len(moments.gold)
    unseen, spoken = counted == 0, _spoken(moments)
    says = spoken > NEVER
    counted[unseen] = ((spoken * says).sum(0) / np.maximum(says.sum(0), 1))[unseen]
    prior = np.maximum(counted, RARE) / np.maximum(counted, RARE).sum()
    clear = np.stack(list(moments.clarity.values()))
    seen = rng.random(clear.shape) < 0.75
    seen[:, seen.sum(0) < 2] = True  # of one that is alone nothing is learned
    weight, bias = _fitted(np.stack(list(told.values())), clear * seen, gold=moments.gold, prior=prior, strength=strength)
    weight[:, unseen] = weight[:, ~unseen].mean(1, keepdims=True)
    silent = {name: [labels.labels[at] for at in np.flatnonzero(unseen & (spoken[row] <= NEVER))] for row, name in enumerate(names)}
    parts = {part: {name: _numbers(one[at]) for at, name in enumerate(names)} for part, one in (("weight", weight), ("bias", bias))}
    return {"prior": _numbers(prior), **parts, "silent": {name: silent[name] for name in names if silent[name]}}


def _fitted(scores: Floats, clear: Floats, *, gold: Whole, prior: Floats, strength: float) -> tuple[Floats, Floats]:
    """Weights and biases, (modalities, labels) each, under which the pooled scores of labelled moments are likeliest.

    Args:
        scores: (modalities, n, labels).
        clear: (modalities, n).
    """
    logs = torch.tensor(np.log(np.clip(scores, LEAST, 1)))
    shares = torch.tensor(clear / np.maximum(clear.max(0), 1e-6))[..., None]  # (m, n, 1)
    company = 1 - shares / shares.sum(0).clamp_min(1e-6)
    weight = torch.ones(len(scores), 1, len(prior), dtype=torch.float64, requires_grad=True)
    usual = -torch.log(torch.tensor(prior)).expand(len(scores), 1, -1)
    bias = usual.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        pooled = (shares * ((1 + company * (weight - 1)) * logs + company * bias)).sum(0)
        cost = torch.nn.functional.cross_entropy(pooled, torch.tensor(gold))
        whole = cost + strength * ((weight - 1) ** 2).mean() + strength * ((bias - usual) ** 2).mean()
        whole.backward()
        return whole

    optimiser.step(loss)
    return weight[:, 0].detach().numpy(), bias[:, 0].detach().numpy()


def _spoken(moments: Moments) -> Floats:
    """The mean score of each label by modality, where it saw something, (modalities, labels)."""
    seen = {name: clarity > 0 for name, clarity in moments.clarity.items()}
    return np.stack([scores[seen[name]].sum(0) / max(int(seen[name].sum()), 1) for name, scores in moments.scores.items()])


def deviations(items: Mapping[Modality, Items], labels: LabelSet) -> dict[str, list[float]]:
    """How far from where the true label lies each modality's valence, arousal and dominance are, root mean square."""
    places = np.array([labels.places[name] for name in labels.labels])
    return {name: _numbers(np.sqrt(((one.scores @ places - places[one.gold]) ** 2).mean(0))) for name, one in items.items()}


def mismatches(moments: Moments, prior: Floats, *, rng: np.random.Generator) -> tuple[float, float]:
    """Slope and shift from the log likelihood ratio of a match to log odds of a mismatch; half of what they are fitted to is mismatched."""
    scores, told, truth = moments.told, [], []
    for a, b in combinations(scores, 2):
        other = rng.permutation(len(moments.gold))
        for rows in (np.arange(len(moments.gold)), other):
            match = moments.gold == moments.gold[rows]
            kept = match if rows is not other else ~match
            pa, pb = (_tempered(scores[name][at], moments.clarity[name][at], prior) for name, at in ((a, np.arange(len(rows))), (b, rows)))
            told.append(np.log((pa * pb / prior).sum(1))[kept])
            truth.append(np.full(int(kept.sum()), rows is other))
    x, y = torch.tensor(np.concatenate(told)), torch.tensor(np.concatenate(truth).astype(np.float64))
    balance = torch.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y).mean())
    numbers = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([numbers], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        cost = torch.nn.functional.binary_cross_entropy_with_logits(-numbers[0] * x + numbers[1], y, weight=balance)
        cost.backward()
        return cost

    optimiser.step(loss)
    slope, shift = numbers.tolist()
    return round(slope, 4), round(shift, 4)


def abstaining(scores: Floats, gold: Whole) -> Calibration:
    """From which confidence on fused readings, (n, labels), are right often enough."""
    right = (scores.argmax(1) == gold).astype(np.float32)
    classes = scores.shape[1]
    limit = abstain_at(scores.max(1).astype(np.float32), right, worst=WORST)
    return Calibration((1.0,) * classes, (0.0,) * classes, (), limit)


def save(learned: Mapping[str, Any], card: Card, folder: Path) -> None:
    """Writes a folder that `affekt.Reader(fusion=folder)` takes.

    Args:
        learned: "pools" (label set -> what `learn` gives), "deviations", "slope" and "shift".
        card: its revision is set to that of what is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / POOL).write_text(json.dumps(learned, indent=1) + "\n", encoding="utf-8")
    write_card(replace(card, revision=revision_of(folder / POOL)), folder)
    read.cache_clear()  # it may be what was in this folder before


def _tempered(scores: Floats, clarity: Floats, prior: Floats) -> Floats:
    logs = (1 - clarity)[:, None] * np.log(prior) + clarity[:, None] * np.log(np.clip(scores, LEAST, 1))
    odds = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True))


def _numbers(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]
