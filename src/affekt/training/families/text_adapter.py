"""A head of one's own over the shipped encoder, in seconds, or with LoRA as well (Hu et al. 2021), in minutes; saved as a few MB.

With LoRA the head that was fitted alone is where training starts (Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features and
Underperform Out-of-Distribution, ICLR).
"""

from collections.abc import Mapping, Sequence
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
from affekt.encoders._tokens import GRAPH, MOST_TOKENS, PAD, TOKENIZER, Spelling, TokenNetwork
from affekt.encoders.text_adapter import POOLED, WEIGHTS
from affekt.encoders.text_affekt import SHIPPED
from affekt.errors import InputError
from affekt.parts import LabelSet, Row
from affekt.results import Clip
from affekt.training.heads import Head, fit_head, groups_of
from affekt.training.job import Family, Job, Made
from affekt.training.lesson import targets_of
from affekt.training.loop import Optimiser
from affekt.training.networks import Heads, OverTokens, learn, library
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
        network = begin(job, mean, spread, heads)
        facts["history"] = learn(network, job).history
        weights |= changes_of(network.module, scaling=settings.alpha / settings.rank)
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

    def __init__(self, body: TextEncoder, mean: Floats, spread: Floats, heads: Heads, *, dropout: float) -> None:
        super().__init__()
        self.body, self.heads, self.dropout = body, heads, nn.Dropout(dropout)
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("spread", torch.from_numpy(spread))

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: both (batch, tokens)."""
        told: dict[str, Tensor] = self.heads(self.dropout((self.body.pooled(ids, mask) - self.mean) / self.spread))
        return told


def begin(job: Job, mean: Floats, spread: Floats, fitted: Mapping[str, Head]) -> OverTokens:
    """The network before its first step: changes by peft that change nothing yet, and heads as they were fitted.

    Raises:
        MissingExtra: peft is not installed.
    """
    peft, settings = library("peft"), job.settings
    torch.manual_seed(job.seed)
    body = from_onnx(SHIPPED / GRAPH)
    body.head = nn.Identity()
    body.requires_grad_(False)
    config = peft.LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules=list(MATRICES), bias="none"
    )
    peft.inject_adapter_in_model(config, body)
    heads = Heads(len(mean), job.sets)
    for name, linear in zip(heads.names, heads.linear, strict=True):
        linear.weight.data = torch.from_numpy(fitted[name].weight.T.copy())
        linear.bias.data = torch.from_numpy(fitted[name].bias.copy())
    spelling = Spelling(Tokenizer.from_file(str(SHIPPED / TOKENIZER)), most=MOST_TOKENS)
    return OverTokens(Changed(body, mean, spread, heads, dropout=settings.dropout), spelling, PAD)


def changes_of(module: Any, *, scaling: float) -> dict[str, NDArray[Any]]:
    """What is saved of a network that `begin` made, as `affekt.encoders.text_adapter` takes it.

    Args:
        scaling: what peft multiplies the changes by.
    """
    made = dict[str, NDArray[Any]]()
    for at, layer in enumerate(module.body.layers):
        for part in MATRICES:
            linear = getattr(layer, part)
            made[f"layer{at}.{part}.a"] = linear.lora_A["default"].weight.detach().numpy().T
            made[f"layer{at}.{part}.b"] = linear.lora_B["default"].weight.detach().numpy().T * scaling
    for name, head in zip(module.heads.names, module.heads.linear, strict=True):
        made |= {f"head.{name}.weight": head.weight.detach().numpy().T, f"head.{name}.bias": head.bias.detach().numpy()}
    return made


FAMILY = Family(
    "text_adapter",
    Settings,
    make,
    Optimiser(epochs=6, batch=16, rate=5e-4, head_rate=5e-4),
    space={"model.rank": [0, 4, 8, 16], "model.balanced": [False, True], "optimiser.rate": (1e-4, 2e-3)},
)
