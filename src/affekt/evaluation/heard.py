"""How a model does after it has heard some of a voice: the curve by which personal baselines are measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from affekt.errors import InputError
from affekt.preprocessing.personal import Baseline

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
Curve = Mapping[int, tuple[Floats, Whole]]  # utterances to hear -> scores, (n, labels), and how many were really heard, (n,)
Judge = Callable[[int, Baseline | None], Floats]


def levels(given: Sequence[int]) -> tuple[int, ...]:
    """Numbers of utterances to hear, each once, in the order given.

    Raises:
        InputError: there are none, or one is below 0.
    """
    if not given or min(given) < 0:
        raise InputError(f"{', '.join(map(str, given)) or 'nothing'} cannot be numbers of utterances heard; they go from 0 on, say 0,3,10")
    return tuple(dict.fromkeys(given))


def curve(
    features: Floats,
    speakers: NDArray[np.str_],
    heard: Sequence[int],
    *,
    judge: Judge,
    rng: np.random.Generator,
    tick: Callable[[], None] = lambda: None,
) -> Curve:
    """What a model says of utterances after others of their speakers, heard as in use: without labels, and none from the future.

    Each utterance is judged at the end of an acquaintance of its own: as many other utterances of its speaker as are asked for, or
    all where they are fewer, come before it in a random order. As with a `Listener`, the baseline learns of each, when it comes,
    its features and what it was judged to hold.

    Args:
        features: (n, d).
        speakers: (n,).
        heard: how many utterances to hear, as `levels` gives them.
        judge: calibrated scores, (labels,), of the utterance in that row of `features` against a baseline; None: nothing was heard.
        tick: called for each utterance.
    """
    scores: dict[int, list[Floats]] = {level: [] for level in heard}
    counts: dict[int, list[int]] = {level: [] for level in heard}
    for at in range(len(features)):
        others = np.flatnonzero(speakers == speakers[at])
        before = rng.permutation(others[others != at])[: max(heard)].tolist()
        known = [None, *_acquainted(features, before, judge)]  # what is known after so many utterances
        for level in heard:
            count = min(level, len(before))
            scores[level].append(judge(at, known[count]))
            counts[level].append(count)
        tick()
    return {level: (np.stack(scores[level]), np.array(counts[level])) for level in heard}


def _acquainted(features: Floats, rows: Sequence[int], judge: Judge) -> Iterator[Baseline]:
    """The baseline after each of the utterances in these rows."""
    known: Baseline | None = None
    for row in rows:
        scores = judge(row, known)
        known = Baseline(features[row], 1, scores) if known is None else known.hear(features[row], scores)
        yield known
