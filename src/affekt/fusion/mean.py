"""The mean of the scores, weighted by clarity: never surer than the surest, and not calibrated."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from affekt.parts import Evidence, Fusion, LabelSet

Doubles = NDArray[np.float64]
PAPER = "Stone (1961), The opinion pool, Annals of Mathematical Statistics 32(4)"


def pool(evidence: Sequence[Evidence], labels: LabelSet) -> Doubles:
    """The scores, (labels,)."""
    return np.asarray(np.array(counts(evidence, labels)) @ np.stack([one.scores for one in evidence]))


def counts(evidence: Sequence[Evidence], _: LabelSet) -> list[float]:
    """Each one's clarity as a share of the whole."""
    clear = np.array([max(one.clarity, 1e-6) for one in evidence])
    return [float(share) for share in clear / clear.sum()]


PART = Fusion(name="mean", paper=PAPER, pool=pool, counts=counts)
