"""What each variant of a model is worth beside the first of them: size, speed, answers, calibration, and how far its numbers are off."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affekt.calibration.apply import probabilities
from affekt.calibration.fit import fit
from affekt.evaluation import metrics
from affekt.evaluation.evaluate import limits_of, ratings
from affekt.evaluation.judged import judge
from affekt.export.halves import Halves
from affekt.export.variants import Variant
from affekt.parts import Calibration, LabelSet, OpenEncoder, Row
from affekt.training.clips import clip_of
from affekt.training.lesson import targets_of
from affekt.training.train import said

Floats = NDArray[np.float32]
BATCH = 32  # texts that go through together, beside one alone
TIMED = 64  # texts by which speed is measured
PASSES = 5  # over these, all variants in turn, so that what else the machine does meets them alike; the median counts


@dataclass(frozen=True, slots=True)
class Measured:
    """One variant.

    Args:
        megabytes: as of `affekt.export.variants.Variant`.
        alone, batched: sentences a second, from text to raw outputs, one at a time and `BATCH` at a time.
        figure: macro-F1, or of dimensions the mean Pearson correlation.
        lost: points of it, hundredths, against the first variant.
        ece: calibration error; None: of dimensions, which have none.
        raw, probability: largest difference of raw outputs of any label set, and of calibrated scores, against the first variant.
        rounding: largest difference of raw outputs against the same network in torch; None: int8 is not held to that.
        calibration: of the label set that is judged, fitted to this variant.
        ships: it is what was asked for.
    """

    variant: str
    megabytes: float
    alone: float
    batched: float
    figure: float
    lost: float
    ece: float | None
    raw: float
    probability: float
    rounding: float | None
    calibration: Calibration
    ships: bool

    def as_json(self) -> dict[str, Any]:
        """In JSON's own types, without the calibration, which the card has."""
        held = asdict(self)
        del held["calibration"]
        return {name: None if isinstance(value, float) and value != value else value for name, value in held.items()}


@dataclass(frozen=True, slots=True)
class Answers:
    """What a variant says of the rows that judge it."""

    raw: Mapping[str, Floats]
    scores: Floats
    calibration: Calibration


def measure(variants: Sequence[Variant], halves: Halves, labels: LabelSet, *, sets: Sequence[str]) -> list[Measured]:
    """Every variant, on the same rows; the first is what the others are held to.

    Args:
        labels: that the rows are labelled in, one of the sets.
        sets: all that the model speaks.
    """
    speeds = _speeds([one.encoder for one in variants], halves.judge)
    answers = [_answers(one.encoder, halves, labels, sets) for one in variants]
    twins = [None if one.twin is None else said(one.twin, halves.judge, sets) for one in variants]
    first, made = answers[0], list[Measured]()
    best, _ = worth(halves.judge, first, labels)
    for variant, (alone, batched), own, twin in zip(variants, speeds, answers, twins, strict=True):
        figure, ece = worth(halves.judge, own, labels)
        made.append(
            Measured(
                variant=variant.name,
                megabytes=variant.megabytes,
                alone=alone,
                batched=batched,
                figure=figure,
                lost=100 * (best - figure),
                ece=ece,
                raw=_apart(own.raw, first.raw),
                probability=float(np.abs(own.scores - first.scores).max()),
                rounding=None if twin is None else _apart(own.raw, twin),
                calibration=own.calibration,
                ships=variant.ships,
            )
        )
    return made


def worth(rows: Sequence[Row], answers: Answers, labels: LabelSet) -> tuple[float, float | None]:
    """Macro-F1 and calibration error; of dimensions the mean Pearson correlation."""
    scores = answers.scores.astype(np.float64)
    if labels.kind == "dimensions":
        gold = ratings(rows)
        return float(np.mean([metrics.pearson(gold[:, at], scores[:, at]) for at in range(gold.shape[1])])), None
    judged = judge(rows, scores, labels, limits_of(answers.calibration.thresholds or None, labels))
    return metrics.macro_f1(judged.counts()), metrics.ece(judged.confidence, judged.hit)


def _answers(encoder: OpenEncoder, halves: Halves, labels: LabelSet, sets: Sequence[str]) -> Answers:
    known = said(encoder, halves.calibrate, [labels.name])[labels.name]
    calibration = fit(known, *targets_of(halves.calibrate, labels), labels)
    raw = said(encoder, halves.judge, sets)
    return Answers(raw, probabilities(raw[labels.name], labels, calibration), calibration)


def _apart(one: Mapping[str, Floats], other: Mapping[str, Floats]) -> float:
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def _speeds(encoders: Sequence[OpenEncoder], rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Sentences a second of each encoder, one at a time and `BATCH` at a time."""
    timed, sizes = rows[:TIMED], (1, BATCH)
    seconds: dict[tuple[int, int], list[float]] = {}
    for turn in range(PASSES + 1):
        for at, encoder in enumerate(encoders):
            for size in sizes:
                taken = _seconds(encoder, timed, size)
                if turn:  # before the first, caches are cold
                    seconds.setdefault((at, size), []).append(taken)
    found = {key: len(timed) / statistics.median(taken) for key, taken in seconds.items()}
    return [(found[at, 1], found[at, BATCH]) for at in range(len(encoders))]


def _seconds(encoder: OpenEncoder, rows: Sequence[Row], size: int) -> float:
    clips, names = [clip_of(row, encoder) for row in rows], list(encoder.card.calibration)
    begin = time.perf_counter()
    for at in range(0, len(clips), size):
        encoder(clips[at : at + size], labels=names)
    return time.perf_counter() - begin


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many threads for torch; 0: as many as it has by itself."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
