"""Fits `encoders/speech_prosody.py` with scikit-learn, calibrates it on speakers held out, and writes the folder that it opens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVC

from affekt.calibration.fit import fit as fit_calibration
from affekt.encoders._card import revision_of, write_card
from affekt.encoders.speech_prosody import BEYOND, WEIGHTS, Machine
from affekt.errors import InputError
from affekt.parts import Calibration, Card, LabelSet, SpeechCorpus
from affekt.preprocessing.personal import Population, population_of
from affekt.training.speech_head import relative

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
LIMITS = [
    "A baseline, to be compared with: it knows the voices and the recording rooms of its training corpora.",
    "Trained on actors; in life emotion is weaker and more mixed.",
    "Not for decisions about a person's health, work, credit or liberty.",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to fit with; `fit` chooses one of the strengths and one of the widths on training speakers held out in turn."""

    strengths: tuple[float, ...] = (1.0, 10.0)  # what an error costs, scikit-learn's C
    gammas: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)  # of the kernel, divided by the number of features
    folds: int = 3  # of speakers
    draws: int = 2  # personal baselines that training imitates for each recording
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fitted parts; `model` takes features relative to a baseline, as `affekt.encoders.speech_prosody.against` gives them."""

    population: Population
    model: SVC
    calibration: Calibration
    labels: LabelSet
    strength: float
    gamma: float

    def machine(self) -> Machine:
        """The same as arrays, without scikit-learn."""
        return machine_of(self.model, len(self.labels.labels))


def fit(
    features: Floats,
    labels: Whole,
    speakers: NDArray[np.str_],
    *,
    names: LabelSet,
    settings: Settings,
    report: Callable[[str], None] = print,
) -> Fitted:
    """The model of these recordings, its strength and width chosen, and its temperature fitted, on speakers held out in turn.

    Args:
        features, labels, speakers: (n, d), (n,) and (n,).
        names: the set whose labels are numbered; exactly one applies.

    Raises:
        InputError: there are fewer speakers than folds, or a fold leaves one speaker or one label to fit to; or several labels may apply.
    """
    if names.kind != "single":
        raise InputError(f"a support vector machine tells labels of which exactly one applies, and {names.name} is {names.kind}")
    gold = np.eye(len(names.labels), dtype=np.float32)[labels]
    if len(set(speakers.tolist())) < settings.folds:
        raise InputError(f"{len(set(speakers.tolist()))} speakers for {settings.folds} folds; give more speakers, or take fewer folds")
    best, found = -1.0, (settings.strengths[0], settings.gammas[0], gold)
    for strength, gamma in product(settings.strengths, settings.gammas):
        raw = _of_others(features, labels, speakers, names=names, strength=strength, gamma=gamma, settings=settings)
        right = float(balanced_accuracy_score(labels, raw.argmax(1)))
        report(f"strength {strength}, gamma {gamma}: recall {right:.4f} on speakers held out")
        if right > best:
            best, found = right, (strength, gamma, raw)
    strength, gamma, raw = found
    population, model = _fit(features, labels, speakers, strength=strength, gamma=gamma, settings=settings)
    return Fitted(population, model, fit_calibration(raw, gold, np.ones_like(gold), names), names, strength, gamma)


def machine_of(model: SVC, wide: int) -> Machine:
    """scikit-learn's machine as arrays; a class is its own place among `wide` labels.

    Its coefficients stand by vector and opponent: a vector of class i has that against class j in row j - 1 if i < j, else j.
    """
    ends = np.cumsum([0, *model.n_support_])
    sign = -1 if len(model.classes_) == 2 else 1  # of two classes, the second is the positive one there
    weights = np.zeros((len(model.support_vectors_), len(model.intercept_)))
    for at, (i, j) in enumerate(combinations(range(len(model.classes_)), 2)):
        one, other = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        weights[one, at] = sign * model.dual_coef_[j - 1, one]
        weights[other, at] = sign * model.dual_coef_[i, other]
    return Machine(model.support_vectors_, weights, sign * model.intercept_, model.classes_.astype(np.int64), float(model.gamma), wide)


def save(fitted: Fitted, folder: Path, *, corpora: Sequence[SpeechCorpus], facts: Mapping[str, Any]) -> Path:
    """Writes weights and card; returns the folder.

    Args:
        corpora: that it was fitted to.
        facts: what the card says beside.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    machine, population = fitted.machine(), fitted.population
    np.savez_compressed(
        folder / WEIGHTS,
        **{name: getattr(population, name) for name in ("mean", "between", "within")},
        **{name: getattr(machine, name) for name in ("weights", "offset", "places", "gamma", "wide")},
        vectors=machine.vectors.astype(np.float32),  # which is what features are
    )
    write_card(_card(fitted, revision_of(folder / WEIGHTS), corpora, facts), folder)
    return folder


def _of_others(
    features: Floats, labels: Whole, speakers: NDArray[np.str_], *, names: LabelSet, strength: float, gamma: float, settings: Settings
) -> Floats:
    """Raw outputs for every recording, (n, labels), by a model of other speakers."""
    raw = np.zeros((len(labels), len(names.labels)), np.float32)
    rng = np.random.default_rng(settings.seed)
    for mine, asked in GroupKFold(settings.folds).split(features, groups=speakers):
        population, model = _fit(features[mine], labels[mine], speakers[mine], strength=strength, gamma=gamma, settings=settings)
        raw[asked] = machine_of(model, len(names.labels)).raw(_relative(features[asked], speakers[asked], population, rng))
    return raw


def _fit(
    features: Floats, labels: Whole, speakers: NDArray[np.str_], *, strength: float, gamma: float, settings: Settings
) -> tuple[Population, SVC]:
    if len(set(labels.tolist())) < 2:
        raise InputError(f"all {len(labels)} recordings of these speakers have one and the same label; a classifier needs two or more")
    population, rng = population_of(features, speakers), np.random.default_rng(settings.seed)
    drawn = np.concatenate([_relative(features, speakers, population, rng) for _ in range(settings.draws)])
    model = SVC(C=strength, gamma=gamma / features.shape[1], class_weight="balanced", decision_function_shape="ovo")
    return population, model.fit(drawn, np.tile(labels, settings.draws))


def _relative(features: Floats, speakers: NDArray[np.str_], population: Population, rng: np.random.Generator) -> Floats:
    return np.clip(relative(features, speakers, population, rng=rng), -BEYOND, BEYOND)


def _card(fitted: Fitted, revision: str, corpora: Sequence[SpeechCorpus], facts: Mapping[str, Any]) -> Card:
    said = "; ".join(f"{part.name} {part.licence}" for part in corpora)
    return Card(
        name="speech_prosody",
        revision=revision,
        modality="speech",
        languages=tuple(dict.fromkeys(language for part in corpora for language in part.languages)),
        licence={"code": "Apache-2.0", "weights": said, "data": said},
        commercial=all(part.use == "ship" for part in corpora),
        calibration={fitted.labels.name: fitted.calibration},
        facts={
            "family": "speech_prosody",
            "trained_on": {part.name: part.paper for part in corpora},
            "calibrated_on": "speakers of the training corpora, each told by a model of other speakers",
            "settings": {"strength": fitted.strength, "gamma": fitted.gamma},
            "limits": LIMITS,
            **facts,
        },
    )
