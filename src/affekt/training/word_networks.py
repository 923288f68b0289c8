"""What the networks over word vectors share: a vocabulary, padded ids, learning, and the folder that their encoders open."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affekt.encoders._word_network import MODEL, MOST_WORDS, UNKNOWN, VOCABULARY, encode, ids_of
from affekt.encoders._words import words
from affekt.errors import InputError
from affekt.export.traced import trace
from affekt.parts import Row
from affekt.training.job import Job, Made
from affekt.training.loop import Optimiser
from affekt.training.networks import learn

TRIED = (2, 1, 5)  # rows of the batches that graph and network are compared on


class Network:
    """A network over word ids."""

    def __init__(self, module: nn.Module, vocabulary: Sequence[str]) -> None:
        self.module, self.vocabulary, self.ids = module, vocabulary, ids_of(vocabulary)

    def prepare(self, row: Row) -> NDArray[np.int64]:
        """The ids of a row's words: (MOST_WORDS,)."""
        return encode([row.text], self.ids)[0]

    def size(self, prepared: NDArray[np.int64]) -> int:
        """One length for all: they are padded to it at run time too."""
        return len(prepared)

    def collate(self, prepared: Sequence[NDArray[np.int64]]) -> tuple[Tensor, ...]:
        """Ids: (batch, MOST_WORDS)."""
        return (torch.from_numpy(np.stack(prepared)),)

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        """All of it is new."""
        return [{"params": list(self.module.parameters()), "lr": optimiser.head_rate}]


def vocabulary_of(rows: Sequence[Row], *, most: int, min_df: int) -> list[str]:
    """The most frequent words of the rows.

    Args:
        min_df: times that a word must occur; rarer ones teach what an unknown word is like.

    Raises:
        InputError: there are none.
    """
    counted = Counter(word for row in rows for word in words(row.text))
    found = [word for word, times in counted.most_common(most) if times >= min_df]
    if not found:
        raise InputError(f"no word occurs {min_df} times in {len(rows)} rows: give more rows, or a lower min_df")
    return found


def train(job: Job, build: Callable[[int], nn.Module]) -> tuple[Network, Any]:
    """The network of a job's rows, and the history of its training.

    Args:
        job: whose settings have `vocabulary` and `min_df`.
        build: makes the network for a number of ids.

    Raises:
        InputError: there are no words to learn from, or a row does not fit its label set.
    """
    vocabulary = vocabulary_of(job.train, most=job.settings.vocabulary, min_df=job.settings.min_df)
    torch.manual_seed(job.seed)
    network = Network(build(UNKNOWN + 1 + len(vocabulary)), vocabulary)
    numbers = sum(one.numel() for one in network.module.parameters())
    job.watch.tell(f"{len(job.train)} rows, {len(vocabulary)} words, {numbers} numbers to learn")
    return network, learn(network, job).history


def write(network: Network, folder: Path, *, sets: Sequence[str]) -> Path:
    """Writes vocabulary and ONNX graph; returns the graph's file.

    Raises:
        OSError: the folder cannot be written.
        ParityError: the graph says something else than the network.
    """
    (folder / VOCABULARY).write_text(json.dumps(list(network.vocabulary), ensure_ascii=False), encoding="utf-8")
    chance = torch.Generator().manual_seed(0)
    ids = UNKNOWN + 1 + len(network.vocabulary)
    tried = [(torch.randint(ids, (rows, MOST_WORDS), generator=chance),) for rows in TRIED]
    trace(network.module, folder / MODEL, examples=tried, inputs=["ids"], sets=sets)
    return folder / MODEL


def make(job: Job, folder: Path, *, build: Callable[[int], nn.Module]) -> Made:
    """Trains, and writes what `affekt.encoders._word_network` opens.

    Raises:
        InputError, OSError, ParityError: as `train` and `write`.
    """
    network, history = train(job, build)
    weights = write(network, folder, sets=[labels.name for labels in job.sets])
    return Made(weights, {"words": len(network.vocabulary), "history": history})
