"""From the scores of one utterance or one face to what is said of it."""

import numpy as np
from numpy.typing import NDArray

from affekt.calibration.apply import decide, project
from affekt.parts import Card, LabelSet
from affekt.results import Modality, Reading

Floats = NDArray[np.float32]
DIGITS = 4  # of a score: a calibrated probability is not known more finely


def reading_of(
    scores: Floats,
    spoken: LabelSet,
    *,
    labels: LabelSet,
    card: Card,
    modality: Modality,
    span: tuple[float, float],
    who: str | None,
    doubt: str | None,
) -> Reading:
    """What a model says in one stretch of a signal, in the words of a label set.

    Args:
        scores: (labels of `spoken`,) calibrated.
        spoken: the set that the model speaks.
        span: begin and end, seconds.
        doubt: why the stretch cannot be judged, None: it can.
    """
    said = scores if spoken is labels else project(scores[None], spoken, labels)[0]
    named = {name: round(float(score), DIGITS) for name, score in zip(labels.labels, said, strict=True)}
    present, reason = decide(named, labels, card.calibration.get(labels.name))
    reason = doubt or reason
    valence, arousal, dominance = dimensions(scores, spoken)
    return Reading(
        modality=modality,
        labels=labels.name,
        scores=named,
        start=span[0],
        end=span[1],
        model=f"{card.name}@{card.revision}",
        single=labels.kind == "single",
        present=present,
        who=who,
        abstained=reason is not None,
        reason=reason,
        valence=valence,
        arousal=arousal,
        dominance=dominance,
    )


def dimensions(scores: Floats, spoken: LabelSet) -> tuple[float | None, float | None, float | None]:
    """Valence, arousal and dominance: the mean of where the labels lie, weighted by their scores; the model itself does not tell them."""
    if not spoken.places:
        return None, None, None
    valence, arousal, dominance = scores @ np.array([spoken.places[name] for name in spoken.labels])
    return round(float(valence), DIGITS), round(float(arousal), DIGITS), round(float(dominance), DIGITS)
