"""What the families of networks share: a head for each label set, token ids as input, and learning from a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from affekt.encoders._tokens import GRAPH, TOKENIZER, Spelling, padded
from affekt.errors import MissingExtra
from affekt.export.traced import trace
from affekt.parts import LabelSet, Row
from affekt.training.job import Job
from affekt.training.lesson import lesson_of
from affekt.training.loop import Network, Optimiser, Progress, fit


class Heads(nn.Module):
    """One linear head for each of some label sets; their names may hold anything, which those of torch's modules may not."""

    def __init__(self, width: int, label_sets: Sequence[LabelSet]) -> None:
        super().__init__()
        self.names = [labels.name for labels in label_sets]
        self.linear = nn.ModuleList(nn.Linear(width, len(labels.labels)) for labels in label_sets)

    def forward(self, pooled: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: pooled (batch, width)."""
        return {name: head(pooled) for name, head in zip(self.names, self.linear, strict=True)}


@dataclass(slots=True)
class OverTokens:
    """A network over token ids, as `affekt.training.loop` trains it and `affekt.encoders._tokens` runs it.

    Args:
        module: ids and mask (batch, tokens), and where there are turns what is of the text itself -> {label set: raw outputs};
            its new part is called `heads`.
        pad: id of what fills a batch up.
    """

    module: nn.Module
    spelling: Spelling
    pad: int

    @property
    def inputs(self) -> list[str]:
        """Names of the tensors of a batch."""
        return ["ids", "mask", *(["own"] if self.spelling.turns else [])]

    def prepare(self, row: Row) -> tuple[list[int], int]:
        """The token ids of a row, and where its own begin."""
        return self.spelling.window(row.text, row.before)

    def size(self, prepared: tuple[list[int], int]) -> int:
        """Tokens."""
        return len(prepared[0])

    def collate(self, prepared: Sequence[tuple[list[int], int]]) -> tuple[Tensor, ...]:
        """Ids, what is no padding, and where there are turns what is of the text itself: (batch, tokens) each."""
        return tuple(torch.from_numpy(part) for part in padded(prepared, self.pad)[: len(self.inputs)])

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        """What was trained before, and the heads."""
        heads = list(self.module.heads.parameters())
        new = {id(one) for one in heads}
        body = [one for one in self.module.parameters() if one.requires_grad and id(one) not in new]
        return [{"params": body, "lr": optimiser.rate}, {"params": heads, "lr": optimiser.head_rate}]

    def write(self, folder: Path, *, rows: Sequence[Row], sets: Sequence[str]) -> dict[str, Any]:
        """Writes tokenizer and traced graph; returns what the card must say for `affekt.encoders._tokens` to open them.

        Args:
            rows: some typical ones, at least one.

        Raises:
            ParityError: the graph says something else than the network.
        """
        self.spelling.tokenizer.save(str(folder / TOKENIZER))
        found = sorted((self.prepare(row) for row in rows), key=self.size)
        tried = [self.collate(some) for some in (found[-1:] * 2, found[:1], found)]
        trace(self.module, folder / GRAPH, examples=tried, inputs=self.inputs, sets=sets)
        return {"traced": True, "pad": self.pad, "most_tokens": self.spelling.most, "turns": self.spelling.turns}


def library(name: str) -> Any:
    """A library by its name, of those that only training needs.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(name, "train") from error


def learn(network: Network, job: Job) -> Progress:
    """Trains a network in place on what a job gives, and in the way that it says.

    Raises:
        FloatingPointError: the loss is no number any more.
        InputError: a row does not fit its label set, or the working folder holds another run.
        MissingExtra: accelerate is not installed.
    """
    return fit(
        network,
        lesson_of(job.train, job.sets, teacher=job.teacher),
        lesson_of(job.dev, job.sets),
        job.sets,
        optimiser=job.optimiser,
        loss=job.loss,
        seed=job.seed,
        work=job.work,
        change=job.change,
        shares=job.shares,
        watch=job.watch,
    )
