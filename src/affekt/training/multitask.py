"""Fits one text encoder to several label sets at once; every row speaks only to the heads it knows about."""

import math
import random
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from affekt.parts import Corpus, Row
from affekt.preprocessing.text import normalise
from affekt.training.losses import Loss, heads_loss
from affekt.training.targets import SETS, SLICES, targets
from affekt.training.text_encoder import HEAD_WIDTH, TextEncoder


@dataclass(frozen=True, slots=True)
class Example:
    """One row, ready for the model."""

    ids: Sequence[int]
    values: np.ndarray  # (55,)
    known: np.ndarray  # (55,), how much `values` is meant: 1 by an annotator, less by a teacher, 0 not at all


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How to step; the fields of `[optimiser]` in a recipe's config."""

    rate: float
    head_rate: float
    weight_decay: float
    warm_up: float
    batch: int
    clip: float


def clipped(ids: Sequence[int], most: int) -> Sequence[int]:
    """The ids, at most so many, the mark at the end kept."""
    return ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]


def examples_of(rows: Sequence[Row], corpus: Corpus, tokenizer: Tokenizer, *, max_tokens: int) -> list[Example]:
    """Rows of one corpus, normalised and tokenised as at run time, with what every head should say on them."""
    known = {piece for piece in tokenizer.get_vocab() if len(piece) == 1}
    texts = [normalise(row.text, known=known.__contains__) for row in rows]
    label_map = corpus.label_maps.get("ekman7")
    return [
        Example(clipped(encoding.ids, max_tokens), *targets(row, corpus.name, label_map=label_map))
        for row, encoding in zip(rows, tokenizer.encode_batch(texts), strict=True)
    ]


def collate(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Padded ids and mask, both (batch, tokens)."""
    longest = max(len(example.ids) for example in examples)
    ids = torch.ones(len(examples), longest, dtype=torch.long)  # 1 is <pad>
    mask = torch.zeros(len(examples), longest)
    for at, example in enumerate(examples):
        ids[at, : len(example.ids)] = torch.tensor(example.ids)
        mask[at, : len(example.ids)] = 1
    return ids, mask


def loss(raw: Tensor, values: Tensor, known: Tensor, weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of the heads' losses, each averaged over the batch. All tensors (batch, 55)."""
    said, wanted, counted = ({name: part[:, at] for name, at in SLICES.items()} for part in (raw, values, known))
    return heads_loss(said, wanted, counted, SETS, Loss(), shares=weights)


def batches(examples: Sequence[Example], size: int, rng: random.Random) -> list[list[Example]]:
    """Random batches of rows of like length, so that little is padding."""
    order = list(examples)
    rng.shuffle(order)
    pools = [sorted(order[at : at + size * 40], key=lambda example: len(example.ids)) for at in range(0, len(order), size * 40)]
    made = [pool[at : at + size] for pool in pools for at in range(0, len(pool), size)]
    rng.shuffle(made)
    return made


def fit(
    model: TextEncoder,
    examples: Sequence[Example],
    *,
    optimiser: Optimiser,
    weights: Mapping[str, float],
    seed: int,
    checkpoint: Path,
    report: Callable[[str], None] = print,
) -> None:
    """Trains in place, bf16 autocast; a checkpoint every thousand steps lets an interrupted run go on."""
    plan = batches(examples, optimiser.batch, random.Random(seed))
    torch.manual_seed(seed)
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("head")]
    adam = torch.optim.AdamW(
        [{"params": body, "lr": optimiser.rate}, {"params": model.head.parameters(), "lr": optimiser.head_rate}],
        weight_decay=optimiser.weight_decay,
        fused=True,
    )
    warm = int(optimiser.warm_up * len(plan))
    schedule = LambdaLR(adam, lambda step: min((step + 1) / max(warm, 1), (len(plan) - step) / max(len(plan) - warm, 1)))
    # A checkpoint of another run is not resumed: of other rows, targets, settings or starting weights.
    run = repr((_checksum(model, plan), seed, optimiser, sorted(weights.items())))
    first = _resume(checkpoint, model, adam, schedule, run)
    model.train()
    began, running = time.monotonic(), 0.0
    for step, batch in enumerate(plan[first:], first):
        ids, mask = collate(batch)
        values = torch.from_numpy(np.stack([example.values for example in batch]))
        known = torch.from_numpy(np.stack([example.known for example in batch]))
        with torch.autocast("cpu", torch.bfloat16):
            raw = model(ids, mask)
        cost = loss(raw.float(), values, known, weights)
        cost.backward()
        nn.utils.clip_grad_norm_(body, optimiser.clip)
        adam.step()
        adam.zero_grad()
        schedule.step()
        running = 0.99 * running + 0.01 * cost.item() if step > first else cost.item()
        if not math.isfinite(running):
            raise FloatingPointError(f"the loss is {running} at step {step}; lower the rate")
        if step % 100 == 0:
            left = (time.monotonic() - began) / (step - first + 1) * (len(plan) - step) / 60
            report(f"step {step}/{len(plan)} loss {running:.4f}, {left:.0f} min left")
        if step % 1000 == 999:
            _save(checkpoint, model, adam, schedule, run, step + 1)
    checkpoint.unlink(missing_ok=True)


def _checksum(model: TextEncoder, plan: Sequence[Sequence[Example]]) -> int:
    found = 0
    for tensor in model.state_dict().values():
        found = zlib.crc32(tensor.numpy().tobytes(), found)
    for batch in plan:
        for example in batch:
            for part in (np.asarray(example.ids, np.int32), example.values, example.known):
                found = zlib.crc32(part.tobytes(), found)
    return found


def _save(path: Path, model: TextEncoder, adam: torch.optim.Optimizer, schedule: LambdaLR, run: str, step: int) -> None:
    state = {"model": model.state_dict(), "adam": adam.state_dict(), "schedule": schedule.state_dict(), "run": run, "step": step}
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def _resume(path: Path, model: TextEncoder, adam: torch.optim.Optimizer, schedule: LambdaLR, run: str) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    if state["run"] != run:
        return 0
    model.load_state_dict(state["model"])
    adam.load_state_dict(state["adam"])
    schedule.load_state_dict(state["schedule"])
    return int(state["step"])


@torch.no_grad()
def predict(model: TextEncoder, examples: Sequence[Example], *, batch: int = 64, bf16: bool = False) -> np.ndarray:
    """Raw outputs in the order of the examples: (n, 55); in bf16 twice as fast, and good to two digits."""
    model.eval()
    order = sorted(range(len(examples)), key=lambda at: len(examples[at].ids))
    out = np.zeros((len(examples), model.head.out_features), np.float32)
    for at in range(0, len(order), batch):
        chosen = order[at : at + batch]
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out[chosen] = model(*collate([examples[i] for i in chosen])).float().numpy()
    return out


def save_model(model: TextEncoder, path: Path) -> None:
    """Writes the weights as safetensors."""
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)


def load_model(path: Path) -> TextEncoder:
    """Reads what `save_model` wrote."""
    state = load_file(path)
    layers = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("layers."))
    vocabulary, width = state["words.weight"].shape
    model = TextEncoder(vocabulary, layers=layers, width=width, inner=state["layers.0.up.weight"].shape[0], heads=width // HEAD_WIDTH)
    model.load_state_dict(state)
    return model
