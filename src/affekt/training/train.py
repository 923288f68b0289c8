"""From labelled data to a model folder that `affekt read` opens: checks, splits, fits, calibrates, judges, and writes it whole."""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt import __version__, catalog
from affekt.calibration.apply import probabilities
from affekt.calibration.fit import fit as calibrate
from affekt.encoders._card import CARD, revision_of, write_card
from affekt.errors import InputError
from affekt.evaluation.evaluate import evaluate
from affekt.parts import Calibration, Card, LabelSet, OpenEncoder, Row
from affekt.training.job import Family, Job, Made
from affekt.training.lesson import targets_of
from affekt.training.loop import CHECKPOINT, LOGS, Watch
from affekt.training.recipe import Recipe, checked, family_of, loss_of, optimiser_of

Floats = NDArray[np.float32]
BATCH = 64
MODEL = "model"  # what will be the model's folder, while it is made
KEPT = ("n", "decision", "accuracy", "macro_f1", "weighted_f1", "ua", "interval", "ece", "brier", "pearson", "ccc")  # of what is measured


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that has been trained.

    Args:
        folder: that `affekt read --model` takes.
        measured: "dev" (or "folds": rows that were unseen by the model that answered) and, where there are such rows, "test" -> numbers
            as `affekt.evaluation.evaluate` gives them.
    """

    folder: Path
    card: Card
    measured: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What there is to learn from beside the rows: as of `affekt.training.job.Job`."""

    teacher: Mapping[str, Floats] = field(default_factory=dict)
    change: Callable[[Row, np.random.Generator], Row] | None = None
    augment: Any = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run works and what it leaves: nothing at `out` until all is done."""

    out: Path

    @property
    def work(self) -> Path:
        """Folder of checkpoint, logs and what is half done."""
        return self.out.with_name(f"{self.out.name}.training")

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Nothing, if a run may begin here.

        Raises:
            InputError: there is a model already, or an interrupted run, and nobody said what is to become of it; or none to resume.
        """
        interrupted = (self.work / CHECKPOINT).is_file()
        if self.out.exists() and not overwrite:
            raise InputError(f"{self.out} is there already; choose another folder, or say --overwrite")
        if interrupted and not (resume or overwrite):
            raise InputError(f"{self.work} holds a run that was interrupted; go on with --resume, or start anew with --overwrite")
        if not self.out.absolute().parent.is_dir():
            raise InputError(f"there is no folder {self.out.absolute().parent} to write {self.out.name} to; make it first")

    def enter(self, *, resume: bool, overwrite: bool) -> Path:
        """A fresh folder for the model; processes beside the first get one that is thrown away.

        Raises:
            InputError: as `check`, or nothing can be written here.
        """
        if not is_first():
            _meet()
            return Path(mkdtemp())
        self.check(resume=resume, overwrite=overwrite)
        try:
            if not resume:
                shutil.rmtree(self.work, ignore_errors=True)
            shutil.rmtree(self.work / MODEL, ignore_errors=True)
            (self.work / MODEL).mkdir(parents=True)
        except OSError as error:
            raise InputError(f"{self.work} cannot be written: {error.strerror or error}; choose another folder") from error
        _meet()
        return self.work / MODEL

    def leave(self, model: Path) -> None:
        """Puts the model in its place, and clears up."""
        if (self.work / LOGS).is_dir():
            (self.work / LOGS).rename(model / LOGS)
        if self.out.exists():
            shutil.rmtree(self.out)
        model.rename(self.out)
        shutil.rmtree(self.work)


def is_first() -> bool:
    """Whether this is the first, or the only, of the processes that train together."""
    return int(os.environ.get("RANK", "0")) == 0


def _meet() -> None:
    """Waits until all processes that train together are here."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        import torch
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available()).wait_for_everyone()


def train_rows(
    train: Sequence[Row],
    dev: Sequence[Row],
    test: Sequence[Row],
    labels: LabelSet,
    *,
    recipe: Recipe,
    out: Path,
    resume: bool = False,
    overwrite: bool = False,
    lessons: Lessons | None = None,
    facts: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
) -> Trained:
    """A model that has learned these rows, in a folder.

    Args:
        train, dev, test: labelled in the words of the set; no group in two of them.
        recipe: what it says of data and columns is of no concern here.
        lessons: what else there is to learn from.
        facts: what the card says beside: of the data, the command.
        watch: whom to tell of the progress.

    Raises:
        InputError: rows, labels and recipe do not go together, or the folder is taken; the message says what to do.
        WeightsError: what training wrote does not open.
    """
    watch, place = watch or Watch(), Place(out)
    name, family = family_of(recipe)
    job = _job(train, dev, labels, recipe=recipe, family=family, work=place.work, watch=watch, lessons=lessons or Lessons())
    folder = place.enter(resume=resume, overwrite=overwrite)
    began = time.monotonic()
    try:
        made = family.make(job, folder)
    except OSError as error:
        raise InputError(f"{place.work} cannot be written: {error.strerror or error}; make room, then go on with --resume") from error
    if not is_first():
        raise SystemExit(0)  # the first process writes the model
    told = {
        "family": family.encoder,
        "recipe": recipe.model_dump(mode="json", exclude_defaults=True) | {"family": name},
        "rows": {"train": len(train), "dev": len(dev), "test": len(test)},
        "seconds": round(time.monotonic() - began, 1),
        "made": datetime.now(UTC).date().isoformat(),
        "affekt": __version__,
        **(facts or {}),
        **made.facts,
    }
    card = _card(out.name, made, job, recipe=recipe, facts=told)
    write_card(card, folder)
    encoder = catalog.find("encoders", family.encoder).load(folder, 0)
    card, measured = _judged(card, encoder, made, job, test)
    write_card(replace(card, facts={**card.facts, "measured": measured}), folder)
    place.leave(folder)
    return Trained(out, card, measured)


def _job(
    train: Sequence[Row],
    dev: Sequence[Row],
    labels: LabelSet,
    *,
    recipe: Recipe,
    family: Family,
    work: Path,
    watch: Watch,
    lessons: Lessons,
) -> Job:
    sets = (labels, *(catalog.find("labels", name) for name in recipe.also if name != labels.name))
    return Job(
        train,
        dev,
        sets,
        checked(family.settings, recipe.model, source=f"[model] of {family.encoder}"),
        optimiser_of(recipe, family),
        loss_of(recipe),
        recipe.seed,
        work,
        watch if is_first() else Watch(),
        teacher=lessons.teacher,
        shares=recipe.shares,
        change=lessons.change,
        augment=lessons.augment,
    )


def _card(name: str, made: Made, job: Job, *, recipe: Recipe, facts: Mapping[str, Any]) -> Card:
    if made.card is not None:
        return replace(made.card, name=name, facts={**facts, **made.card.facts})
    spoken = sorted({row.lang for row in job.train if row.lang})
    return Card(
        name=name,
        revision=revision_of(made.weights),
        modality=recipe.modality,
        languages=recipe.languages or tuple(spoken) or ("und",),
        licence={"code": "Apache-2.0", "weights": recipe.licence, "data": recipe.licence},
        commercial=recipe.commercial,
        calibration={labels.name: uncalibrated(labels) for labels in job.sets},
        facts={**facts, "sha256": sums_of(made.weights.parent)},
        sets={labels.name: labels for labels in job.sets if labels.name not in catalog.names("labels")},
    )


def uncalibrated(labels: LabelSet) -> Calibration:
    """The calibration that changes nothing, of a model that has just been fitted."""
    return Calibration((1.0,) * len(labels.labels), (0.0,) * len(labels.labels))


def sums_of(folder: Path) -> dict[str, str]:
    """The checksum of each file of a model beside its card."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != CARD)
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}


def calibrated(card: Card, raw: Mapping[str, Floats], *, rows: Sequence[Row], label_sets: Sequence[LabelSet]) -> Card:
    """The card with each of some label sets calibrated on rows.

    Args:
        raw: what the model says of the rows: {label set: (rows, labels)}.

    Raises:
        InputError: a row does not fit its label set.
    """
    found = {labels.name: calibrate(raw[labels.name], *targets_of(rows, labels), labels) for labels in label_sets}
    return replace(card, calibration={**card.calibration, **found})


def _judged(card: Card, encoder: OpenEncoder, made: Made, job: Job, test: Sequence[Row]) -> tuple[Card, dict[str, dict[str, Any]]]:
    """The card, calibrated, and what the model is worth: in what ships, through the preprocessing that ships."""
    if made.card is not None:
        found = {"dev": next(iter(card.facts["measured"].values()))}
        return card, found | (
            {"test": worth(card, said(encoder, test, list(card.calibration)), rows=test, labels=job.sets[0])} if test else {}
        )
    rows = [*job.train, *job.dev] if made.unseen is not None else list(job.dev)
    names = [labels.name for labels in job.sets]
    raw = dict(made.unseen) if made.unseen is not None else said(encoder, rows, names) if rows else {}
    measured = dict[str, dict[str, Any]]()
    if rows:
        card = calibrated(card, raw, rows=rows, label_sets=job.sets)
        card = replace(card, facts={**card.facts, "label_shares": shares(card, raw, label_sets=job.sets)})
        measured["folds" if made.unseen is not None else "dev"] = worth(card, raw, rows=rows, labels=job.sets[0])
    if test:
        measured["test"] = worth(card, said(encoder, test, names[:1]), rows=test, labels=job.sets[0])
    return card, measured


def shares(card: Card, raw: Mapping[str, Floats], *, label_sets: Sequence[LabelSet]) -> dict[str, dict[str, float]]:
    """How often each label of a set is the likeliest in what a calibrated model says of held-out rows, by which a server tells drift.

    Args:
        raw: as of `calibrated`.
    """
    found = dict[str, dict[str, float]]()
    for labels in label_sets:
        if labels.kind != "dimensions":
            tops = probabilities(raw[labels.name], labels, card.calibration[labels.name]).argmax(1)
            counts = np.bincount(tops, minlength=len(labels.labels)) / max(len(tops), 1)
            found[labels.name] = {name: round(float(share), 4) for name, share in zip(labels.labels, counts, strict=True)}
    return found


def worth(card: Card, raw: Mapping[str, Floats], *, rows: Sequence[Row], labels: LabelSet) -> dict[str, Any]:
    """What a calibrated model is worth on rows, thresholds included.

    Args:
        raw: as of `calibrated`.
    """
    calibration = card.calibration[labels.name]
    scores = probabilities(raw[labels.name], labels, calibration)
    found = evaluate(rows, scores.astype(np.float64), labels, thresholds=calibration.thresholds or None)
    return {key: found[key] for key in KEPT if found.get(key) is not None}


def said(encoder: OpenEncoder, rows: Sequence[Row], names: Sequence[str]) -> dict[str, Floats]:
    """Raw outputs for the rows, in order: {label set: (rows, labels)}; like lengths go through together."""
    from affekt.training.clips import clip_of

    order = sorted(range(len(rows)), key=lambda at: len(rows[at].text))
    out = dict[str, Floats]()
    for begin in range(0, len(order), BATCH):
        chosen = order[begin : begin + BATCH]
        for name, values in encoder([clip_of(rows[at], encoder) for at in chosen], labels=names).items():
            out.setdefault(name, np.zeros((len(rows), values.shape[1]), np.float32))[chosen] = values
    return out
