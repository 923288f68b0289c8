"""How well a head does on speakers that it was not fitted on: leave one speaker out, or folds of speakers.

The encoder stays as it is, and so hears each recording once; population and head are fitted anew for every fold.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt import catalog
from affekt.batch import Progress
from affekt.calibration.fit import fit as fit_calibration
from affekt.errors import InputError, MissingExtra
from affekt.evaluation.answers import Answers, measure
from affekt.evaluation.groups import check_columns
from affekt.evaluation.heard import curve, levels
from affekt.evaluation.manifest import read_manifest, speakers_of
from affekt.evaluation.recordings import answers_of, heading, listen, opened, ticks
from affekt.parts import LabelSet
from affekt.preprocessing.personal import Baseline, Population, nothing_heard, population_of

Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]
PROTOCOLS = ("loso", "kfold")
FOLDS = 5
STRENGTH = 8.0  # how much all recordings together count against the head's L2 penalty, and
DRAWS = 3  # baselines imitated for each recording: what recipes/speech/speech_affekt fits its heads with


@dataclass(frozen=True, slots=True)
class Fitted:
    """A linear head over features relative to a baseline, as fitted to some speakers.

    Args:
        weight, bias: (d, classes) and (classes,).
        scale: what raw outputs are multiplied by, an inverse temperature.
    """

    population: Population
    weight: Floats
    bias: Floats
    scale: float = 1.0

    def raw(self, features: Floats, baseline: Baseline | None = None) -> Floats:
        """Raw outputs, (…, classes), for features, (…, d), of a voice with this baseline; None: of voices nobody has heard."""
        against = (baseline or nothing_heard(self.population)).shrunk(self.population)
        return np.asarray((features - against) / np.sqrt(self.population.within) @ self.weight + self.bias, np.float32)

    def judge(self, features: Floats, baseline: Baseline | None = None) -> Floats:
        """Chances, (…, classes); arguments as in `raw`."""
        raw = self.scale * self.raw(features, baseline)
        odds = np.exp(raw - raw.max(-1, keepdims=True))
        return np.asarray(odds / odds.sum(-1, keepdims=True), np.float32)


def folds_of(speakers: NDArray[np.str_], *, folds: int | None = None) -> list[Booleans]:
    """Which rows are asked about in each fold, (n,) a fold; no speaker is in two.

    Args:
        speakers: (n,).
        folds: how many; None: one a speaker.

    Raises:
        InputError: there are too few speakers for it.
    """
    people = sorted(set(speakers.tolist()))
    groups = [[one] for one in people] if folds is None else [people[at::folds] for at in range(folds)]
    if len(groups) < 2 or not all(groups):
        asked = "leaving one speaker out" if folds is None else f"{folds} folds"
        raise InputError(f"{asked} of {len(people)} speakers cannot be done; take more speakers, or from two folds to as many as there are")
    return [np.isin(speakers, group) for group in groups]


def fitted(
    features: Floats,
    labels: NDArray[np.int64],
    speakers: NDArray[np.str_],
    *,
    classes: int,
    rng: np.random.Generator,
    strength: float = STRENGTH,
    draws: int = DRAWS,
) -> Fitted:
    """A population and a head fitted to speakers, each recording relative to `draws` random baselines.

    Args:
        features, labels, speakers: (n, d), (n,) and (n,).
        strength: as in `affekt.training.speech_head.fit`.

    Raises:
        MissingExtra: scikit-learn is not installed.
        InputError: there is only one speaker, or one label.
    """
    try:
        from affekt.training.speech_head import emotions_of, fit, relative
    except ImportError as error:
        raise MissingExtra("sklearn", "train") from error
    if len(set(labels.tolist())) < 2:
        raise InputError("the speakers that a head is fitted on have only one label among them; take more recordings, or fewer folds")
    emotions = emotions_of(features, labels, speakers, classes=classes)
    population = replace(population_of(features, speakers), emotions=emotions)
    drawn = [relative(features, speakers, population, rng=rng) for _ in range(draws)]
    return Fitted(population, *fit(np.concatenate(drawn), np.tile(labels, draws), strength=strength, classes=classes))


def recall(said: NDArray[Any], gold: NDArray[Any]) -> float:
    """Unweighted average recall of answers, (n,), beside the truth, (n,)."""
    return float(np.mean([(said[gold == label] == label).mean() for label in sorted(set(gold.tolist()))]))


def cross_fitted(
    features: Floats,
    labels: NDArray[np.int64],
    speakers: NDArray[np.str_],
    folds: Sequence[Booleans],
    *,
    names: LabelSet,
    rng: np.random.Generator,
    tick: Callable[[], None] = lambda: None,
) -> list[Fitted]:
    """A calibrated head a fold, fitted on the rows outside it.

    Its temperature (Guo et al. 2017) is fitted to what the heads of the other folds say of their own rows: answers about the speakers
    that the head was fitted on, by heads that had not seen these.

    Args:
        features, labels, speakers: (n, d), (n,) and (n,).
        folds: as `folds_of` gives them.
        names: the set whose labels are numbered; exactly one applies.
        tick: called after each fold.
    """
    heads = []
    for asked in folds:
        heads.append(fitted(features[~asked], labels[~asked], speakers[~asked], classes=len(names.labels), rng=rng))
        tick()
    raw = np.zeros((len(labels), len(names.labels)), np.float32)
    for head, asked in zip(heads, folds, strict=True):
        raw[asked] = head.raw(features[asked])
    gold = np.eye(len(names.labels), dtype=np.float32)[labels]
    scales = [fit_calibration(raw[~asked], gold[~asked], np.ones_like(raw[~asked]), names).scale[0] for asked in folds]
    return [replace(head, scale=scale) for head, scale in zip(heads, scales, strict=True)]


def evaluate_refitted(
    path: Path,
    protocol: str,
    *,
    folds: int | None = None,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    limit: int | None = None,
    heard: Sequence[int] = (0,),
    seed: int = 0,
    report: Progress | None = None,
) -> dict[str, Any]:
    """The numbers of `answer_refitted`, as plain JSON; arguments and errors as there."""
    options: dict[str, Any] = {"folds": folds, "model": model, "labels": labels, "label_map": label_map, "where": where, "limit": limit}
    return measure(answer_refitted(path, protocol, **options, heard=heard, seed=seed, report=report), seed=seed)


def answer_refitted(
    path: Path,
    protocol: str,
    *,
    folds: int | None = None,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    by: Sequence[str] = (),
    limit: int | None = None,
    heard: Sequence[int] = (0,),
    seed: int = 0,
    report: Progress | None = None,
) -> Answers:
    """As `affekt.evaluation.recordings.answer_recordings`, with a head fitted anew for every fold on other speakers.

    Args:
        protocol: "loso" leaves one speaker out, "kfold" makes folds of speakers.
        folds: of kfold; None: 5.

    Raises:
        InputError: as there; or no such protocol, or there are too few speakers for it.
        MissingExtra: scikit-learn is not installed.
    """
    folds, heard = _folds(protocol, folds), levels(heard)
    encoder, wanted = opened(model, labels)
    if wanted.kind != "single":
        raise InputError(f"a head is fitted to a label set of which exactly one applies, and {wanted.name} is none; try --labels ekman7")
    entries, dropped = read_manifest(path, wanted, label_map=label_map, where=where, limit=limit)
    check_columns(by, [entry.columns for entry in entries], source=str(path))
    speakers = speakers_of(entries, path, needed_by="--protocol")
    asked = _asked(speakers, folds)
    tick = ticks(report, 2 * len(entries) + len(asked))
    some = catalog.find("labels", next(iter(encoder.card.calibration)))  # whichever it speaks: only the features are of use
    first = listen(entries, encoder, some, source=path, tick=tick)
    rng = np.random.default_rng(seed)
    told = np.array([wanted.labels.index(entry.label) for entry in entries])
    heads = cross_fitted(first.features, told, speakers, asked, names=wanted, rng=rng, tick=tick)
    of = np.stack(asked).argmax(0)  # (n,) each row's fold
    made = curve(
        first.features,
        speakers,
        heard,
        judge=lambda at, baseline: heads[of[at]].judge(first.features[at], baseline),
        rng=rng,
        tick=tick,
    )
    about = {**heading(encoder, wanted, dropped, first.too_long), "protocol": protocol, "folds": len(asked)}
    return answers_of(entries, made, wanted, about=about, by=by)


def _asked(speakers: NDArray[np.str_], folds: int | None) -> list[Booleans]:
    asked = folds_of(speakers, folds=folds)
    if any(len(set(speakers[~mine].tolist())) < 2 for mine in asked):
        raise InputError("a fold leaves one speaker to fit on, who cannot tell how speakers differ; take three speakers or more")
    return asked


def _folds(protocol: str, folds: int | None) -> int | None:
    if protocol not in PROTOCOLS:
        raise InputError(f"no protocol {protocol!r}; there are: {', '.join(PROTOCOLS)}")
    if protocol == "loso":
        if folds is not None:
            raise InputError("leaving one speaker out has a fold a speaker; leave out --folds, or choose --protocol kfold")
        return None
    return FOLDS if folds is None else folds
