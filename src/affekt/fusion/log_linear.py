"""Log-linear pooling: the product of what calibrated modalities say, each to the power of what it is worth, by label.

Were modalities independent given the emotion, and calibrated, the chances would multiply, and divide by the prior for each one beyond
the first (Bayes). Weights and biases by modality and label are what is learned beyond that (logarithmic opinion pool, Genest and
Zidek 1986, Combining probability distributions, Statistical Science 1; weights as in Heskes 1998). They count the more the more
company a modality has, so that one that is alone, or beside others that are not clear, stays as it is.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.fusion import _learned, mean
from affekt.fusion._learned import Pool
from affekt.parts import Evidence, Fusion, LabelSet

Doubles = NDArray[np.float64]
PAPER = "Genest and Zidek (1986), Combining probability distributions: A critique and an annotated bibliography, Statistical Science 1(1)"


def pool(evidence: Sequence[Evidence], labels: LabelSet, *, folder: Path) -> Doubles:
    """The scores, (labels,). A label set that nothing was learned of gets the weighted mean of the scores, which never makes surer."""
    learned = _learned.read(folder).pools.get(labels.name)
    if learned is None:
        return mean.pool(evidence, labels)
    logs = np.log(np.stack([learned.told(one) for one in evidence]))  # (m, labels)
    clear = relative(evidence)[:, None]
    company = 1 - clear / clear.sum()
    weight, bias = (np.stack([_of(one, part, learned) for one in evidence]) for part in ("weight", "bias"))
    pooled = (clear * ((1 + company * (weight - 1)) * logs + company * bias)).sum(0)
    odds = np.exp(pooled - pooled.max())
    return np.asarray(odds / odds.sum())


def relative(evidence: Sequence[Evidence]) -> Doubles:
    """How clear each signal is beside the clearest, (m,)."""
    clear = np.array([one.clarity for one in evidence])
    return np.asarray(clear / clear.max()) if clear.max() > 0 else np.ones_like(clear)


def counts(evidence: Sequence[Evidence], labels: LabelSet, *, folder: Path) -> list[float]:
    """How much each piece of evidence counts, the mean of its weights times its clarity, as shares of the whole."""
    learned = _learned.read(folder).pools.get(labels.name)
    worth = [float(_of(one, "weight", learned).mean()) if learned else 1.0 for one in evidence]
    clear = relative(evidence) * np.maximum(worth, 1e-6)
    return [float(share) for share in clear / clear.sum()]


def _of(one: Evidence, part: str, learned: Pool) -> Doubles:
    """Weight or bias of a modality; one that nothing is known of is taken as independent and calibrated."""
    usual = np.ones_like(learned.prior) if part == "weight" else -np.log(learned.prior)
    found: Doubles = getattr(learned, part).get(one.modality, usual)
    return found


def of_folder(folder: Path) -> Fusion:
    """The rule with what was learned in a folder.

    Raises:
        WeightsError: nothing was, or it is broken.
    """
    _learned.read(folder)
    return rule(folder, name="log_linear")


def rule(folder: Path, *, name: str) -> Fusion:
    """The rule over a folder that is read when it is first used."""
    return Fusion(name=name, paper=PAPER, pool=partial(pool, folder=folder), counts=partial(counts, folder=folder), folder=folder)


PART = rule(_learned.SHIPPED, name="log_linear")
