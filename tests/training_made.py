"""A small network and rows that it can learn, for tests of the training loop; run as a program it trains and may be killed."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from affekt.parts import LabelSet, Row
from affekt.training.lesson import lesson_of
from affekt.training.loop import Optimiser, Progress, Watch, fit
from affekt.training.losses import Loss

LABELS = LabelSet("moods", ("very glad", "生气", "so-so"), "single", "made up")
WORDS = {"very glad": "great lovely nice happy warm", "生气": "awful angry bad 讨厌 cold", "so-so": "table bus report meeting desk"}
OPTIMISER = Optimiser(epochs=4, batch=8, rate=5e-2, head_rate=5e-2, patience=0, checkpoint_minutes=0.0)


def rows(count: int = 90, *, seed: int = 0) -> list[Row]:
    """Texts of three words each, whose label the words tell."""
    rng, made = np.random.default_rng(seed), []
    for at in range(count):
        label = LABELS.labels[at % 3]
        words = " ".join(rng.choice(WORDS[label].split(), 3))
        made.append(Row(f"{words} {rng.integers(10**6)}", (label,), "en", group=f"s{at % 20}"))
    return made


class Net(nn.Module):
    """Counted letters, a hidden layer with dropout, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.drop, self.head = nn.Linear(128, 16), nn.Dropout(0.2), nn.Linear(16, 3)

    def forward(self, counts: Tensor) -> dict[str, Tensor]:
        return {LABELS.name: self.head(self.drop(torch.tanh(self.down(counts))))}


class Network:
    """The network over texts."""

    def __init__(self, seed: int = 1) -> None:
        torch.manual_seed(seed)
        self.module = Net()

    def prepare(self, row: Row) -> Any:
        return np.bincount([ord(letter) % 128 for letter in row.text], minlength=128).astype(np.float32)

    def size(self, prepared: Any) -> int:
        return int(prepared.sum())

    def collate(self, prepared: Sequence[Any]) -> tuple[Tensor, ...]:
        return (torch.from_numpy(np.stack(prepared)),)

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": optimiser.rate}]


def run(work: Path | None = None, *, watch: Watch | None = None, loss: Loss | None = None, **settings: Any) -> tuple[Network, Progress]:
    """A whole run; its augmentation appends a letter that the step draws."""
    network = Network()
    progress = fit(
        network,
        lesson_of(rows(), [LABELS]),
        lesson_of(rows(30, seed=9), [LABELS]),
        [LABELS],
        optimiser=replace(OPTIMISER, **settings),
        loss=loss or Loss(),
        seed=3,
        work=work,
        change=lambda row, rng: replace(row, text=row.text + "abcdef"[rng.integers(6)]),
        watch=watch,
    )
    return network, progress


if __name__ == "__main__":  # WORK_FOLDER STEP_TO_DIE_AT
    last = int(sys.argv[2])

    def step(done: int, total: int, loss: float) -> None:
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

    run(Path(sys.argv[1]), watch=Watch(step=step))
