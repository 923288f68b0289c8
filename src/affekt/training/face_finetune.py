"""Fits a face encoder to labelled faces, each seen every time a little differently."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from affekt.training.augment_face import FaceAugmentation, augmented, mixed
from affekt.training.face_encoder import FaceEncoder, settle

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How to step; the fields of `[finetune]` in a recipe's config."""

    passes: int
    batch: int
    rate: float
    head_rate: float
    decay: float  # of the weights
    dropout: float
    averaging: float  # of the weights that are kept, by the step
    turn: float  # degrees, at most, as all below
    shift: float  # of the width
    scale: float  # 0.2: from 0.83 to 1.2
    mix: float  # of how many batches are mixed in pairs (mixup, Zhang et al. 2018)


@dataclass(frozen=True, slots=True)
class Faces:
    """Labelled faces.

    Args:
        pixels: (n, height, width) grey.
        targets: head -> (n, labels) distribution over its labels; a row of zeros teaches that head nothing.
    """

    pixels: Bytes
    targets: Mapping[str, Floats]


def seen(pixels: Tensor, size: int, optimiser: Optimiser, rng: torch.Generator) -> Tensor:
    """Faces as `augment_face` changes them, as far as the optimiser says: (batch, 1, size, size), 0 … 255.

    Args:
        pixels: (batch, 1, height, width), 0 … 255.
    """
    return augmented(pixels, _changes(optimiser), rng, size=size)


def upright(pixels: Bytes, size: int) -> Tensor:
    """Faces as they are judged: (n, height, width) -> (n, 1, size, size)."""
    whole = torch.from_numpy(pixels)[:, None].float()
    return nn.functional.interpolate(whole, (size, size), mode="bilinear", align_corners=False)


@torch.no_grad()
def raw_of(model: FaceEncoder, pixels: Bytes, *, size: int, mirrored: bool = False, batch: int = 128) -> dict[str, Floats]:
    """Raw outputs of each head, (n, labels); `mirrored`: of the faces in a mirror."""
    model.eval()
    out: dict[str, list[Floats]] = {}
    for begin in range(0, len(pixels), batch):
        chosen = pixels[begin : begin + batch]
        with torch.autocast("cpu", torch.bfloat16):
            said = model(upright(chosen[:, :, ::-1].copy() if mirrored else chosen, size).to(memory_format=torch.channels_last))
        for name, raw in said.items():
            out.setdefault(name, []).append(raw.float().numpy())
    return {name: np.concatenate(parts) for name, parts in out.items()}


def fit(
    model: FaceEncoder,
    faces: Faces,
    *,
    size: int,
    optimiser: Optimiser,
    seed: int,
    report: Callable[[str, FaceEncoder], None] = lambda line, _: print(line, flush=True),
) -> FaceEncoder:
    """The running average of the weights while `model` is trained, bf16 autocast; `report` is told after each pass."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(faces.pixels)[:, None]
    settle(model, upright(faces.pixels[:: max(len(faces.pixels) // 512, 1)], size))
    model = model.to(memory_format=torch.channels_last)
    targets = {name: torch.from_numpy(rows) for name, rows in faces.targets.items()}
    kept = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(optimiser.averaging), use_buffers=True)
    adam = _adam(model, optimiser)
    each = len(pixels) // optimiser.batch
    steps = each * optimiser.passes
    schedule = LambdaLR(adam, lambda step: min((step + 1) / (0.05 * steps), 0.5 + 0.5 * math.cos(math.pi * step / steps)))
    began, running = time.monotonic(), 0.0
    for number in range(optimiser.passes):
        model.train()
        order = torch.randperm(len(pixels), generator=rng)
        for chosen in order[: each * optimiser.batch].view(each, optimiser.batch):
            x = seen(pixels[chosen].float(), size, optimiser, rng)
            wanted = {name: rows[chosen] for name, rows in targets.items()}
            x, wanted = mixed(x, wanted, _changes(optimiser), rng)
            with torch.autocast("cpu", torch.bfloat16):
                said = model(x.to(memory_format=torch.channels_last))
            cost = torch.stack([_cost(raw.float(), wanted[name]) for name, raw in said.items()]).sum()
            cost.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            adam.step()
            adam.zero_grad()
            schedule.step()
            kept.update_parameters(model)
            running = 0.98 * running + 0.02 * cost.item()
        left = (time.monotonic() - began) / (number + 1) * (optimiser.passes - number - 1) / 60
        report(f"pass {number + 1}/{optimiser.passes}, loss {running:.3f}, {left:.0f} min left", kept.module)
    return kept.module


def _adam(model: FaceEncoder, optimiser: Optimiser) -> torch.optim.Optimizer:
    body, heads = list(model.body.parameters()), list(model.heads.parameters())
    groups = [
        {"params": [p for p in body if p.ndim > 1], "lr": optimiser.rate, "weight_decay": optimiser.decay},
        {"params": [p for p in body if p.ndim == 1], "lr": optimiser.rate, "weight_decay": 0.0},
        {"params": heads, "lr": optimiser.head_rate, "weight_decay": optimiser.decay},
    ]
    return torch.optim.AdamW(groups, fused=True)


def _changes(optimiser: Optimiser) -> FaceAugmentation:
    return FaceAugmentation(turn=optimiser.turn, shift=optimiser.shift, scale=optimiser.scale, mix=optimiser.mix)


def _cost(raw: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy to distributions; rows of zeros count nothing."""
    return -(wanted * raw.log_softmax(1)).sum() / wanted.sum().clamp(min=1)
