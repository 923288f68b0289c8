"""What is learned of how modalities go together: weights of the log-linear rule, deviations of dimensions, what a mismatch looks like."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.catalog import find
from affekt.encoders._card import read_card, revision_of
from affekt.errors import WeightsError
from affekt.parts import Calibration, Evidence, Fusion, LabelSet
from affekt.results import Modality

Doubles = NDArray[np.float64]
POOL = "pool.json"
SHIPPED = Path(__file__).parents[1] / "weights" / "fusion_log_linear"
FREE = SHIPPED.with_name("fusion_log_linear_free")  # of corpora that may be used for anything
MISMATCHED = 0.2  # share of moments in which two modalities show different emotions, before they are looked at; nobody has counted them
WIDE = (0.5, 0.5, 0.5)  # deviation of what a modality that nothing is known of says of valence, arousal and dominance


@dataclass(frozen=True, slots=True)
class Pool:
    """Of one label set.

    Args:
        prior: (labels,) how frequent each label was in what this was learned from.
        weight, bias: modality -> (labels,).
        silent: modality -> numbers of the labels that it does not know, and so says nothing of.
    """

    prior: Doubles
    weight: Mapping[Modality, Doubles]
    bias: Mapping[Modality, Doubles]
    silent: Mapping[Modality, Sequence[int]] = field(default_factory=dict)

    def told(self, one: Evidence) -> Doubles:
        """The scores of one piece of evidence, (labels,), the prior where it does not know the label."""
        scores, silent = one.scores.copy(), list(self.silent.get(one.modality, ()))
        if silent:
            scores *= (1 - self.prior[silent].sum()) / max(1 - scores[silent].sum(), 1e-6)
            scores[silent] = self.prior[silent]
        return scores


@dataclass(frozen=True, slots=True)
class Learned:
    """What a folder holds.

    Args:
        pools: label set -> its pool.
        deviations: modality -> of valence, arousal and dominance.
        slope, shift: from the log likelihood ratio of a match to log odds, for as many mismatches as matches.
    """

    revision: str = ""
    pools: Mapping[str, Pool] = field(default_factory=dict)
    deviations: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    slope: float = 1.0
    shift: float = 0.0
    calibration: Mapping[str, Calibration] = field(default_factory=dict)

    def deviation(self, modality: Modality) -> tuple[float, float, float]:
        """Of what a modality says of valence, arousal and dominance."""
        return self.deviations.get(modality, WIDE)

    def mismatch(self, a: Evidence, b: Evidence, labels: LabelSet) -> float:
        """The chance that two modalities show different emotions.

        The ratio of the likelihoods that both come from one label and that each comes from one of its own is, for calibrated scores,
        the sum over labels of p_a p_b / prior.
        """
        pool = self.pools.get(labels.name) or Pool(np.full(len(labels.labels), 1 / len(labels.labels)), {}, {})
        prior = pool.prior
        tempered = [_tempered(pool.told(one), one.clarity, prior) for one in (a, b)]
        matched = float(np.log((tempered[0] * tempered[1] / prior).sum()))
        odds = -self.slope * matched + self.shift + np.log(MISMATCHED / (1 - MISMATCHED))
        return float(1 / (1 + np.exp(-odds)))


def _tempered(scores: Doubles, clarity: float, prior: Doubles) -> Doubles:
    """Scores as near to the prior as the signal is unclear."""
    logs = (1 - clarity) * np.log(prior) + clarity * np.log(scores)
    odds = np.exp(logs - logs.max())
    return np.asarray(odds / odds.sum())


def of(rule: Fusion) -> Learned:
    """What is learned of how modalities go together under a rule; a rule that has learned nothing borrows deviations and mismatches."""
    return read(rule.folder) if rule.folder else replace(read(rule.lender or SHIPPED), revision="", calibration={})


@lru_cache(maxsize=8)
def read(folder: Path) -> Learned:
    """What a folder holds that `affekt.training.fusion` wrote.

    Raises:
        WeightsError: it is absent or broken, or does not belong to its card.
    """
    card, path = read_card(folder), folder / POOL
    try:
        found = revision_of(path)
        given = json.loads(path.read_text(encoding="utf-8"))
        pools = {name: _pool(one, find("labels", name)) for name, one in given["pools"].items()}
        deviations = {name: (float(one[0]), float(one[1]), float(one[2])) for name, one in given["deviations"].items()}
        slope, shift = float(given["slope"]), float(given["shift"])
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise WeightsError(f"{path} holds no fusion: {error}; learn it again with affekt.training.fusion, or install again") from error
    if found != card.revision:
        raise WeightsError(f"{path} has revision {found}, its card says {card.revision}; install again, or learn it again")
    return Learned(card.revision, pools, deviations, slope, shift, card.calibration)


def _pool(given: Mapping[str, Any], labels: LabelSet) -> Pool:
    prior = np.array(given["prior"], np.float64)
    weight, bias = ({name: np.array(one, np.float64) for name, one in given[part].items()} for part in ("weight", "bias"))
    shapes = {one.shape for one in (prior, *weight.values(), *bias.values())}
    if labels.kind != "single" or shapes != {(len(labels.labels),)}:
        raise ValueError(f"{labels.name} is {labels.kind}, of {len(labels.labels)} labels, and its numbers are of shapes {shapes}")
    silent = {name: tuple(map(labels.labels.index, some)) for name, some in given.get("silent", {}).items()}
    return Pool(prior, weight, bias, silent)
