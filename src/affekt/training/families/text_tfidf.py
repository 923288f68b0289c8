"""Counted words and characters with a linear classifier: the baseline that any network must beat."""

from pathlib import Path

import numpy as np

from affekt.parts import LabelSet
from affekt.training.job import Family, Job, Made
from affekt.training.lesson import Floats, targets_of
from affekt.training.text_tfidf import Fitted, Settings, fit, save


def make(job: Job, folder: Path) -> Made:
    """Fits a classifier for each label set to the same features, and writes them; nothing of `[optimiser]` is of any concern."""
    fitted = list[Fitted]()
    for labels in job.sets:
        union = fitted[0].union if fitted else None
        fitted.append(fit(job.train, labels, settings=job.settings, gold=_gold(job, labels), union=union, report=job.watch.tell))
    return Made(save(fitted[0], folder, also=fitted[1:]))


def _gold(job: Job, labels: LabelSet) -> Floats:
    """What the rows say, and a share of what a teacher says, where one speaks."""
    gold = targets_of(job.train, labels)[0]
    if (taught := job.teacher.get(labels.name)) is not None:
        spoke = ~np.isnan(taught).any(1)
        gold[spoke] = (1 - job.loss.distil) * gold[spoke] + job.loss.distil * taught[spoke]
    return gold


FAMILY = Family("text_tfidf", Settings, make)
