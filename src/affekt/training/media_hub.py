"""Classifiers of sound or pictures in the hub's format, fine-tuned to labels of one's own and written in that format again.

A run that was interrupted goes on at the step of its last checkpoint. Recordings and pictures are decoded whenever their turn comes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affekt.encoders._card import revision_of
from affekt.encoders._hub import HUB, KINDS, SPARE, Found, find, library
from affekt.errors import InputError, WeightsError
from affekt.parts import Row
from affekt.training.clips import each, kept
from affekt.training.job import Job, Made
from affekt.training.loop import Optimiser
from affekt.training.networks import learn
from affekt.training.text_hub import free_upper

Floats = NDArray[np.float32]
WEIGHTS = "model.safetensors"
SPREAD = 0.02  # of fresh weights, as BERT begins
Take = Callable[[Sequence[Any]], dict[str, Tensor]]  # decoded signals -> what the model takes, by name


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        start: a folder in the hub's format, or "hf:owner/model".
        layers: how many of its layers learn, from the last down; 0: all.
        varied: what is learned from is changed every time, as `[augment]` says; where that says nothing, as far as it goes by default.
    """

    start: str = ""
    layers: int = 0
    varied: bool = True

    def __post_init__(self) -> None:
        if not self.start or self.layers < 0:
            raise InputError('model.start is a folder in the hub\'s format or "hf:owner/model", and model.layers is at least 0')


class Labelled(nn.Module):
    """A classifier of the hub's whose raw outputs are of one label set."""

    def __init__(self, model: Any, name: str, inputs: Sequence[str]) -> None:
        super().__init__()
        self.model, self.name, self.inputs = model, name, list(inputs)

    def forward(self, *given: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: tensors of a batch in the order of `inputs`."""
        return {self.name: self.model(**dict(zip(self.inputs, given, strict=True))).logits}


@dataclass(slots=True)
class Network:
    """A classifier over files, which are decoded when their turn comes.

    Args:
        read: the signal in a row's file.
        take: what the model takes of some signals.
        learned: files of the rows that are learned from; others are taken as they are.
        change: what makes changed signals of a batch's; None: they stay as they are.
    """

    module: Labelled
    head: nn.Linear
    read: Callable[[Row], Any]
    take: Take
    learned: frozenset[Path | None]
    change: Callable[[Sequence[Any]], Sequence[Any]] | None

    def prepare(self, row: Row) -> Row:
        """The row, as it is."""
        return row

    def size(self, prepared: Row) -> int:  # noqa: ARG002 (every network has it)
        """Not known before the file is decoded."""
        return 1

    def collate(self, prepared: Sequence[Row]) -> tuple[Tensor, ...]:
        """What the model takes of these rows."""
        signals = [self.read(row) for row in prepared]
        if self.change is not None and all(row.path in self.learned for row in prepared):
            signals = list(self.change(signals))
        given = self.take(signals)
        return tuple(given[name] for name in self.module.inputs)

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        """What was trained before, and the head."""
        new = {id(one) for one in self.head.parameters()}
        body = [one for one in self.module.parameters() if one.requires_grad and id(one) not in new]
        return [{"params": body, "lr": optimiser.rate}, {"params": list(self.head.parameters()), "lr": optimiser.head_rate}]


@dataclass(frozen=True, slots=True)
class Start:
    """A model in the hub's format, opened to be fine-tuned.

    Args:
        name: with its revision.
        reader: what makes the model's input of a signal.
        head: the last layer, which tells the labels.
    """

    found: Found
    name: str
    reader: Any
    model: Any
    head: nn.Linear


def open_start(job: Job, modality: Literal["speech", "face"]) -> Start:
    """The model that a job starts from, its last layer new unless it has the job's labels already.

    Raises:
        InputError: the job has several label sets, or the model has no linear head or no layers that can be told apart.
        MissingExtra: transformers is not installed.
        WeightsError: it cannot be fetched or opened, or lacks weights.
    """
    settings, labels = job.settings, job.sets[0]
    if len(job.sets) != 1:
        raise InputError(
            f"a model in the hub's format speaks one label set, not {', '.join(one.name for one in job.sets)}; leave `also` out"
        )
    found, kind = find(settings.start), KINDS[modality]
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        reader = getattr(library("transformers"), kind.reader).from_pretrained(found.folder, **options, **kind.options)
        model, told = getattr(library("transformers"), kind.model).from_pretrained(
            found.folder,
            id2label=dict(enumerate(labels.labels)),
            label2id={name: at for at, name in enumerate(labels.labels)},
            problem_type=f"{labels.kind}_label_classification",
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # the library raises types of its own, and bare ones
        raise WeightsError(f"{settings.start} holds no model of {kind.of} that can be fine-tuned: {error}") from error
    head, inner = _head(model, len(labels.labels), settings.start), f"{model.base_model_prefix}."
    if absent := sorted(key for key in told["missing_keys"] if key.startswith(inner) and not key.endswith(SPARE)):
        raise WeightsError(f"{settings.start} lacks the weights {', '.join(absent[:5])}; choose a model that has all of them")
    if found.own != list(labels.labels):
        nn.init.normal_(head.weight, std=SPREAD)
        nn.init.zeros_(head.bias)
    if settings.layers:
        free_upper(model, settings.layers)
        head.requires_grad_(True)
    name = settings.start if settings.start.startswith(HUB) else found.folder.resolve().name
    return Start(found, f"{name}@{revision_of(found.weights[0])}", reader, model.float(), head)


def _head(model: nn.Module, count: int, start: str) -> nn.Linear:
    found = [part for part in model.modules() if isinstance(part, nn.Linear) and part.out_features == count]
    if not found:
        raise InputError(f"{start} ends in no linear layer, so that it cannot be taught other labels; choose another model")
    return found[-1]


def fine_tune(
    job: Job,
    start: Start,
    folder: Path,
    *,
    read: Callable[[Row], Any],
    take: Take,
    change: Callable[[Sequence[Any]], Sequence[Any]] | None,
) -> Made:
    """Trains the model, and writes it with its reader.

    Args:
        read, take, change: as of `Network`.

    Raises:
        InputError: too many files cannot be decoded.
    """
    rows = [*job.train, *job.dev]
    there = [one is not None for one in each(rows, lambda row: len(read(row)), watch=job.watch)]
    job = kept(job, there)
    torch.manual_seed(job.seed)
    module = Labelled(start.model, job.sets[0].name, list(take([read(job.train[0])])))
    network = Network(module, start.head, read, take, frozenset(row.path for row in job.train), change)
    history = learn(network, job).history
    start.model.cpu().save_pretrained(folder)
    start.reader.save_pretrained(folder)
    return Made(folder / WEIGHTS, {"start": start.name, "history": history})
