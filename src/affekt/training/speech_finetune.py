"""Fits the speech encoder, under a head that is thrown away, to what differs from each speaker's own baseline.

Baselines are made of a memory: the features of every recording, augmented, as they were when it last went through the encoder
(Wu et al. 2018). They carry no gradient, and are at most two passes old.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from affekt.preprocessing.personal import Population, population_of
from affekt.sources.audio import RATE
from affekt.training.speech_encoder import SpeechEncoder, statistics
from affekt.training.speech_head import HEARD, relative

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How to step; the fields of `[finetune]` in a recipe's config."""

    passes: int
    rate: float
    head_rate: float
    batch: int
    smoothing: float  # of the labels
    dropout: float  # of the relative features


def collate(clips: Sequence[Floats], model: SpeechEncoder) -> tuple[Tensor, Tensor]:
    """Padded spectrograms, (batch, bands, 2 * frames), and how many frames of each are no padding, (batch,)."""
    with torch.no_grad():
        mels = [model.mel(torch.from_numpy(clip)[None])[0] for clip in clips]
    frames = torch.tensor([mel.shape[1] // 2 for mel in mels])
    longest = 2 * int(frames.max())
    whole = [nn.functional.pad(mel[:, : 2 * int(n)], (0, longest - 2 * int(n))) for mel, n in zip(mels, frames, strict=True)]
    return torch.stack(whole), frames


def augmented(clip: Floats, rng: np.random.Generator) -> Floats:
    """The clip at another speed and loudness, with noise, an echo, or through a telephone; each with a chance of its own."""
    samples = clip.astype(np.float64)
    if rng.random() < 0.5:
        speed = rng.uniform(0.9, 1.1)
        samples = np.interp(np.arange(0, len(samples) - 1, speed), np.arange(len(samples)), samples)
    if rng.random() < 0.3:  # a room: decaying noise
        decay = np.exp(-np.arange(int(0.2 * RATE)) / (rng.uniform(0.01, 0.06) * RATE))
        echo = rng.normal(size=len(decay)) * decay * rng.uniform(0.02, 0.1)
        echo[0] = 1
        size = len(samples) + len(echo)
        samples = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echo, size), size)[: len(samples)]
    if rng.random() < 0.25:  # a telephone: 300 to 3,400 Hz
        spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
        samples = np.fft.irfft(np.where((hertz > 300) & (hertz < 3400), spectrum, 0.001 * spectrum), len(samples))
    if rng.random() < 0.5:
        level = np.sqrt(np.mean(samples**2)) * 10 ** (-rng.uniform(10, 35) / 20)
        samples = samples + rng.normal(size=len(samples)) * level
    return np.asarray(samples * 10 ** (rng.uniform(-12, 6) / 20), np.float32)


@torch.no_grad()
def features_of(model: SpeechEncoder, clips: Sequence[Floats], layers: Sequence[int], *, batch: int = 16) -> Floats:
    """Mean and spread over time of some hidden states, (n, layers * 2 * width), in the order of the clips."""
    model.eval()
    out: list[Floats] = [np.zeros(0, np.float32)] * len(clips)
    order = sorted(range(len(clips)), key=lambda at: len(clips[at]))
    for begin in range(0, len(order), batch):
        chosen = order[begin : begin + batch]
        mel, frames = collate([clips[at] for at in chosen], model)
        with torch.autocast("cpu", torch.bfloat16):
            said = [hidden.float() for hidden in model(mel, frames)]
        for at, row in zip(chosen, statistics([said[layer] for layer in layers], frames).numpy(), strict=True):
            out[at] = row
    return np.stack(out)


def fit(
    model: SpeechEncoder,
    clips: Sequence[Floats],
    labels: NDArray[np.int64],
    speakers: NDArray[np.str_],
    weights: Floats,
    *,
    layers: Sequence[int],
    classes: int,
    optimiser: Optimiser,
    seed: int,
    report: Callable[[str], None] = print,
) -> Population:
    """Trains the encoder in place, bf16 autocast; returns the population as the trained encoder hears it.

    Args:
        clips: samples, (n,) each.
        labels, speakers, weights: (n,); how much each row counts.
        layers: hidden states that features are of, as in `features_of`.
    """
    torch.manual_seed(seed)
    rng, shuffle = np.random.default_rng(seed), random.Random(seed)
    memory = features_of(model, clips, layers)
    head = nn.Linear(memory.shape[1], classes)
    nn.init.zeros_(head.weight)
    model.conv1.requires_grad_(False)
    model.positions.requires_grad_(False)
    body = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(
        [{"params": body, "lr": optimiser.rate}, {"params": head.parameters(), "lr": optimiser.head_rate}], weight_decay=0.01, fused=True
    )
    steps = optimiser.passes * math.ceil(len(clips) / optimiser.batch)
    schedule = LambdaLR(adam, lambda step: min((step + 1) / (0.1 * steps), (steps - step) / (0.9 * steps)))
    drop, told, counted = nn.Dropout(optimiser.dropout), torch.from_numpy(labels), torch.from_numpy(weights)
    began, step, running = time.monotonic(), 0, math.log(classes)
    for number in range(optimiser.passes):
        population = population_of(memory, speakers)
        spread = torch.from_numpy(np.sqrt(population.within))
        # What each row is relative to, in this pass: its features now, less those relative to a drawn baseline.
        against = torch.from_numpy(memory - relative(memory, speakers, population, heard=HEARD, rng=rng) * np.sqrt(population.within))
        model.train()
        for chosen in _batches([len(clip) for clip in clips], optimiser.batch, shuffle):
            mel, frames = collate([augmented(clips[at], rng) for at in chosen], model)
            with torch.autocast("cpu", torch.bfloat16):
                said = model(mel, frames)
            features = statistics([said[layer].float() for layer in layers], frames)
            raw = head(drop((features - against[chosen]) / spread))
            each = nn.functional.cross_entropy(raw, told[chosen], label_smoothing=optimiser.smoothing, reduction="none")
            cost = (each * counted[chosen]).mean()
            cost.backward()
            nn.utils.clip_grad_norm_(body, 1.0)
            adam.step()
            adam.zero_grad()
            schedule.step()
            memory[chosen] = features.detach().numpy()
            step += 1
            running = 0.98 * running + 0.02 * cost.item()
            if step % 50 == 0:
                left = (time.monotonic() - began) / step * (steps - step) / 60
                report(f"pass {number}, step {step}/{steps}, loss {running:.3f}, {left:.0f} min left")
    return population_of(features_of(model, clips, layers), speakers)


def _batches(lengths: Sequence[int], size: int, rng: random.Random) -> list[list[int]]:
    """Random batches of rows of like length."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    pools = [sorted(order[at : at + 20 * size], key=lengths.__getitem__) for at in range(0, len(order), 20 * size)]
    made = [pool[at : at + size] for pool in pools for at in range(0, len(pool), size)]
    rng.shuffle(made)
    return made
