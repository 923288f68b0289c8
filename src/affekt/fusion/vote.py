"""Majority vote: each modality has one vote, for its likeliest label; where votes are even the mean of the scores decides."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from affekt.fusion import mean
from affekt.parts import Evidence, Fusion, LabelSet

Doubles = NDArray[np.float64]
TIE = 1e-3  # what the mean of the scores counts beside the votes
PAPER = "Kittler et al. (1998), On combining classifiers, IEEE Transactions on Pattern Analysis and Machine Intelligence 20(3)"


def pool(evidence: Sequence[Evidence], labels: LabelSet) -> Doubles:
    """The shares of the votes, (labels,); for a multi-label set each modality votes on each label."""
    scores = np.stack([one.scores for one in evidence])
    votes = scores >= 0.5 if labels.kind == "multi" else scores >= scores.max(1, keepdims=True)
    shares = votes / (1 if labels.kind == "multi" else votes.sum(1, keepdims=True))
    return np.asarray((1 - TIE) * shares.mean(0) + TIE * mean.pool(evidence, labels))


def counts(evidence: Sequence[Evidence], _: LabelSet) -> list[float]:
    """The same for all."""
    return [1 / len(evidence)] * len(evidence)


PART = Fusion(name="vote", paper=PAPER, pool=pool, counts=counts)
