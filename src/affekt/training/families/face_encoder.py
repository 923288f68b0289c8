"""The shipped face network, fine-tuned whole or in its upper layers, each face seen a little differently every time.

It starts with the heads that `face_head` would fit.
A run that was interrupted goes on at the step of its last checkpoint: network, optimiser and what is drawn for each step are as they
would have been. Pictures are decoded anew, once; of each its grey pixels are kept, 9 KB.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affekt.encoders._card import read_card
from affekt.encoders.face_adapter import FaceBody
from affekt.encoders.face_affekt import LUMA, SHIPPED
from affekt.errors import InputError
from affekt.export.face_onnx import export
from affekt.export.onnx_graph import check_free
from affekt.parts import LabelSet, Row
from affekt.training.augment_face import FaceAugmentation, augmented
from affekt.training.clips import each, face_of, kept
from affekt.training.face_encoder import PLAN, FaceEncoder, from_onnx, settle
from affekt.training.frozen import begin, heads_of_faces
from affekt.training.job import Family, Job, Made
from affekt.training.loop import Optimiser
from affekt.training.networks import Heads, learn

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
GRAPH = "model.onnx"
TYPICAL, BATCH = 512, 64  # faces by which the norms, and the ranges of int8, are measured; how many go through together


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        layers: how many of its 27 convolutions learn, from the last down; 0: all.
        varied: each face is seen otherwise every time, as `[augment]` says; where that says nothing, as far as it goes by default.
        dropout: of what the heads see.
        balanced: rare labels count as much as frequent ones in the heads at first; `[loss]` says how it goes on.
    """

    layers: int = 0
    varied: bool = True
    dropout: float = 0.3
    balanced: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.layers <= 2 * len(PLAN) + 1 or not 0 <= self.dropout < 1:
            raise InputError(f"layers is from 0 to {2 * len(PLAN) + 1}, dropout in [0, 1); given: {self.layers} and {self.dropout}")


class WithHeads(nn.Module):
    """The body with a head for each of some label sets; layers that do not learn keep their norms as they are."""

    def __init__(self, body: FaceEncoder, label_sets: Sequence[LabelSet], settings: Settings) -> None:
        super().__init__()
        self.body, self.heads, self.dropout = body, Heads(PLAN[-1][0], label_sets), nn.Dropout(settings.dropout)
        self.still = len(body.body) - settings.layers if settings.layers else 0
        body.body[: self.still].requires_grad_(False)

    def train(self, mode: bool = True) -> "WithHeads":
        """As of every module."""
        super().train(mode)
        self.body.body[: self.still].eval()
        return self

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: pixels (batch, 1, side, side) in 0 … 255."""
        features = self.body.features(pixels.to(memory_format=torch.channels_last)).float()
        told: dict[str, Tensor] = self.heads(self.dropout(features))
        return told


class Network:
    """The network over grey faces.

    Args:
        pixels: of each file, (side, side).
        learned: files of the rows that are learned from; others are seen as they are.
        changes: how far the former are changed; None: not at all.
    """

    def __init__(self, module: WithHeads, pixels: Mapping[Path, Bytes], learned: set[Path], changes: FaceAugmentation | None) -> None:
        self.module, self.pixels, self.learned, self.changes = module, pixels, learned, changes

    def prepare(self, row: Row) -> tuple[Bytes, bool]:
        """A row's face, and whether it is one to learn from."""
        assert row.path is not None
        return self.pixels[row.path], row.path in self.learned

    def size(self, prepared: tuple[Bytes, bool]) -> int:  # noqa: ARG002 (every network has it)
        """All faces are of one size."""
        return 1

    def collate(self, prepared: Sequence[tuple[Bytes, bool]]) -> tuple[Tensor, ...]:
        """Pixels (batch, 1, side, side), 0 … 255."""
        pixels = torch.from_numpy(np.stack([one for one, _ in prepared]))[:, None].float()
        if self.changes is not None and all(learned for _, learned in prepared):
            pixels = augmented(pixels, self.changes, torch.default_generator, size=pixels.shape[-1])
        return (pixels,)

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        """The body, and the heads."""
        body = [one for one in self.module.body.parameters() if one.requires_grad]
        return [{"params": body, "lr": optimiser.rate}, {"params": list(self.module.heads.parameters()), "lr": optimiser.head_rate}]


def make(job: Job, folder: Path) -> Made:
    """Fine-tunes, and writes the graph in int8.

    Raises:
        InputError: too many pictures cannot be decoded, or a label set cannot be called as it is.
    """
    settings, base = job.settings, read_card(SHIPPED)
    for labels in job.sets:
        check_free(labels.name, SHIPPED)
    side = int(base.facts["side"])
    rows = [*job.train, *job.dev]
    faces = FaceBody(0)

    def look(row: Row) -> tuple[Bytes, Floats]:
        face = face_of(row, side)
        return (face @ LUMA).round().astype(np.uint8), faces.features([face])[0]

    seen = each(rows, look, watch=job.watch)
    features = np.stack([one[1] for one in seen[: len(job.train)] if one is not None])
    job = kept(job, [one is not None for one in seen])
    pixels = {row.path: one[0] for row, one in zip(rows, seen, strict=True) if row.path is not None and one is not None}
    torch.manual_seed(job.seed)
    body = from_onnx(SHIPPED / GRAPH)
    settle(body, _stacked(job.train, pixels))
    module = WithHeads(body, job.sets, settings).to(memory_format=torch.channels_last)
    begin(module.heads, heads_of_faces(job, features, job.train, balanced=settings.balanced))
    changes = (job.augment or FaceAugmentation()) if settings.varied else None
    network = Network(module, pixels, {row.path for row in job.train if row.path is not None}, changes)
    history = learn(network, job).history
    body, heads = module.cpu().eval().body, dict(zip(module.heads.names, module.heads.linear, strict=True))
    typical = [batch.numpy() for batch in _stacked(job.train, pixels).split(BATCH)]
    export(body, folder / GRAPH, side=side, typical=typical, heads=heads)
    return Made(folder / GRAPH, {"start": f"{base.name}@{base.revision}", "side": side, "history": history})


def _stacked(rows: Sequence[Row], pixels: Mapping[Path, Bytes]) -> Tensor:
    """Some typical faces, (n, 1, side, side) in 0 … 255."""
    chosen = [pixels[row.path] for row in rows[:: max(1, len(rows) // TYPICAL)] if row.path is not None]
    return torch.from_numpy(np.stack(chosen))[:, None].float()


FAMILY = Family(
    "face_affekt",
    Settings,
    make,
    Optimiser(epochs=12, batch=64, rate=5e-4, head_rate=2e-3, weight_decay=0.02, patience=4),
    space={
        "optimiser.rate": (1e-4, 2e-3),
        "model.dropout": [0.1, 0.3, 0.5],
        "loss.smoothing": [0.0, 0.1],
        "loss.balance": ["none", "effective"],
    },
)
