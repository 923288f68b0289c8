"""A head of one's own over the shipped encoder, in seconds, or with LoRA as well (Hu et al. 2021), in minutes; saved as a few MB.

With LoRA the head that was fitted alone is where training starts (Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features and
Underperform Out-of-Distribution, ICLR).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from affekt.encoders._card import read_card
from affekt.encoders._session import outputs_of, session
from affekt.encoders._tokens import GRAPH, PAD, TOKENIZER, Spelling, TokenNetwork, padded
from affekt.encoders.text_adapter import POOLED, WEIGHTS
from affekt.encoders.text_affekt import SHIPPED
from affekt.errors import InputError, MissingExtra
from affekt.parts import LabelSet, Row
from affekt.results import Clip
from affekt.training.heads import Head, fit_head, groups_of
from affekt.training.job import Family, Job, Made
from affekt.training.lesson import lesson_of, targets_of
from affekt.training.loop import Optimiser, fit
from affekt.training.text_encoder import MATRICES, TextEncoder, from_onnx

Floats = NDArray[np.float32]
BATCH = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        rank: of the changes to the encoder's matrices; 0: none, the head alone learns.
        alpha: what they are multiplied by, divided by the rank.
        balanced: rare labels count as much as frequent ones.
        dropout: of what the changes and the head see.
    """

    rank: int = 0
    alpha: float = 16.0
    balanced: bool = False
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.rank <= 256:
            raise InputError(f"rank is from 0 to 256; given: {self.rank}")


def make(job: Job, folder: Path) -> Made:
    """Fits the heads, and with a rank the changes, and writes both."""
    settings: Settings = job.settings
    base = read_card(SHIPPED)
    facts: dict[str, Any] = {"base": f"{base.name}@{base.revision}", "rank": settings.rank}
    rows = [*job.train, *job.dev]
    features = pooled(rows, watch=job.watch.step)
    mean, spread = features.mean(0), np.maximum(features.std(0), 1e-3)
    weights: dict[str, NDArray[Any]] = {"mean": mean, "spread": spread}
    heads = {labels.name: _head(job, (features - mean) / spread, rows, labels) for labels in job.sets}
    facts["strength"] = {name: head.strength for name, head in heads.items()}
    if settings.rank:
        network = Network(job, mean, spread, heads)
        lessons = lesson_of(job.train, job.sets, teacher=job.teacher), lesson_of(job.dev, job.sets)
        progress = fit(
            network,
            *lessons,
            job.sets,
            optimiser=job.optimiser,
            loss=job.loss,
            seed=job.seed,
            work=job.work,
            change=job.change,
            shares=job.shares,
            watch=job.watch,
        )
        weights |= network.changes()
        facts["history"] = progress.history
    else:
        for name, head in heads.items():
            weights |= {f"head.{name}.weight": head.weight, f"head.{name}.bias": head.bias}
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}, folder / WEIGHTS)
    unseen = None if settings.rank else {name: head.unseen for name, head in heads.items()}
    return Made(folder / WEIGHTS, facts, unseen)


def pooled(rows: Sequence[Row], *, watch: Any = None) -> Floats:
    """What heads see of the shipped encoder, (rows, width), as it runs."""
    network = TokenNetwork(SHIPPED, read_card(SHIPPED), session((SHIPPED / GRAPH).read_bytes() + outputs_of([POOLED]), 0))
    order = sorted(range(len(rows)), key=lambda at: len(rows[at].text))
    out = list[Floats | None]([None] * len(rows))
    for begin in range(0, len(order), BATCH):
        chosen = order[begin : begin + BATCH]
        told = network.run([Clip("text", rows[at].text, 0, len(rows[at].text)) for at in chosen], [POOLED])[0]
        for at, row in zip(chosen, told, strict=True):
            out[at] = row
        if watch is not None:
            watch(min(begin + BATCH, len(order)), len(order), 0.0)
    return np.stack([row for row in out if row is not None])


def _head(job: Job, features: Floats, rows: Sequence[Row], labels: LabelSet) -> Head:
    gold, known = targets_of(rows, labels)
    if (taught := job.teacher.get(labels.name)) is not None:  # a share of the gold is what the teacher says
        spoke = ~np.isnan(taught).any(1)
        at = np.flatnonzero(spoke)
        gold[at] = (1 - job.loss.distil) * gold[at] + job.loss.distil * taught[at]
    return fit_head(
        features.astype(np.float32), gold, known, labels, groups=groups_of([row.group for row in rows]), balanced=job.settings.balanced
    )


class Changed(nn.Module):
    """The shipped encoder with low-rank changes, and heads over its pooled features."""

    mean: Tensor
    spread: Tensor

    def __init__(self, body: TextEncoder, mean: Floats, spread: Floats, heads: dict[str, nn.Linear], *, dropout: float) -> None:
        super().__init__()
        self.body, self.heads, self.dropout = body, nn.ModuleDict(heads), nn.Dropout(dropout)
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("spread", torch.from_numpy(spread))

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: both (batch, tokens)."""
        pooled = self.dropout((self.body.pooled(ids, mask) - self.mean) / self.spread)
        return {name: head(pooled) for name, head in self.heads.items()}


class Network:
    """The encoder over token ids, changed by peft."""

    def __init__(self, job: Job, mean: Floats, spread: Floats, heads: dict[str, Head]) -> None:
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError as error:
            raise MissingExtra("peft", "train") from error
        settings: Settings = job.settings
        torch.manual_seed(job.seed)
        body = from_onnx(SHIPPED / GRAPH)
        body.head = nn.Identity()
        body.requires_grad_(False)
        config = LoraConfig(
            r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules=list(MATRICES), bias="none"
        )
        inject_adapter_in_model(config, body)
        started = {}
        for name, head in heads.items():
            started[name] = nn.Linear(*head.weight.shape)
            started[name].weight.data = torch.from_numpy(head.weight.T.copy())
            started[name].bias.data = torch.from_numpy(head.bias.copy())
        self.module = Changed(body, mean, spread, started, dropout=settings.dropout)
        self.scaling = settings.alpha / settings.rank
        self.spelling = Spelling(Tokenizer.from_file(str(SHIPPED / TOKENIZER)), most=128)

    def prepare(self, row: Row) -> tuple[list[int], int]:
        """The token ids of a row."""
        return self.spelling.window(row.text)

    def size(self, prepared: tuple[list[int], int]) -> int:
        """Tokens."""
        return len(prepared[0])

    def collate(self, prepared: Sequence[tuple[list[int], int]]) -> tuple[Tensor, ...]:
        """Ids and what is no padding: (batch, tokens) each."""
        return tuple(torch.from_numpy(part) for part in padded(prepared, PAD)[:2])

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        """The changes, and the heads."""
        changes = [one for one in self.module.body.parameters() if one.requires_grad]
        return [{"params": changes, "lr": optimiser.rate}, {"params": list(self.module.heads.parameters()), "lr": optimiser.head_rate}]

    def changes(self) -> dict[str, NDArray[Any]]:
        """What is saved, as `affekt.encoders.text_adapter` takes it."""
        made = dict[str, NDArray[Any]]()
        for at, layer in enumerate(self.module.body.layers):
            for part in MATRICES:
                linear: Any = getattr(layer, part)
                made[f"layer{at}.{part}.a"] = linear.lora_A["default"].weight.detach().numpy().T
                made[f"layer{at}.{part}.b"] = linear.lora_B["default"].weight.detach().numpy().T * self.scaling
        for name, head in self.module.heads.items():
            assert isinstance(head, nn.Linear)
            made[f"head.{name}.weight"] = head.weight.detach().numpy().T
            made[f"head.{name}.bias"] = head.bias.detach().numpy()
        return made


FAMILY = Family(
    "text_adapter",
    Settings,
    make,
    Optimiser(epochs=6, batch=16, rate=5e-4, head_rate=5e-4),
    space={"model.rank": [0, 4, 8, 16], "model.balanced": [False, True], "optimiser.rate": (1e-4, 2e-3)},
)
