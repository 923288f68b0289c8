"""Fits the speech encoder, under a head that is thrown away, to how speech differs from each speaker's own baseline.

Training plays acquaintances: each step hears several voices, a few utterances of each, and judges every one against a baseline of
others of the same voice. A voice is a speaker of the corpora at a speed, in a room and through a channel that are drawn anew, so that
some dozens of speakers become thousands of voices.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from affekt.preprocessing.personal import Population, population_of
from affekt.training.speech_encoder import SpeechEncoder
from affekt.training.voices import Voice, hide

Floats = NDArray[np.float32]
FIRST = 40  # utterances of each speaker by which the population is measured at first
RENEW = 100  # steps after which the population is measured anew
WELL_KNOWN = 40.0  # utterances that a voice counts as heard now and then, however few were
LOW = -30.0  # raw output of a label that a corpus does not have


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How to step; the fields of `[finetune]` in a recipe's config."""

    steps: int
    voices: int  # a step
    utterances: int  # a voice
    rate: float
    head_rate: float
    smoothing: float  # of the labels
    dropout: float  # of the relative features


@dataclass(frozen=True, slots=True)
class Clips:
    """Labelled utterances.

    Args:
        samples: (n,) each.
        labels: (utterances,).
        speakers, corpora: (utterances,) names; no speaker is in two corpora.
    """

    samples: Sequence[Floats]
    labels: NDArray[np.int64]
    speakers: NDArray[np.str_]
    corpora: NDArray[np.str_]


def collate(clips: Sequence[Floats], model: SpeechEncoder) -> tuple[Tensor, Tensor]:
    """Padded spectrograms, (batch, bands, 2 * frames), and how many frames of each are no padding, (batch,)."""
    with torch.no_grad():
        mels = [model.mel(torch.from_numpy(clip)[None])[0] for clip in clips]
    frames = torch.tensor([mel.shape[1] // 2 for mel in mels])
    longest = 2 * int(frames.max())
    whole = [nn.functional.pad(mel[:, : 2 * int(n)], (0, longest - 2 * int(n))) for mel, n in zip(mels, frames, strict=True)]
    return torch.stack(whole), frames


@torch.no_grad()
def features_of(model: SpeechEncoder, clips: Sequence[Floats], *, batch: int = 16) -> Floats:
    """The encoder's features, (n, d), in the order of the clips."""
    model.eval()
    out: list[Floats] = [np.zeros(0, np.float32)] * len(clips)
    order = sorted(range(len(clips)), key=lambda at: len(clips[at]))
    for begin in range(0, len(order), batch):
        chosen = order[begin : begin + batch]
        with torch.autocast("cpu", torch.bfloat16):
            features = model.features(*collate([clips[at] for at in chosen], model))
        for at, row in zip(chosen, features.float().numpy(), strict=True):
            out[at] = row
    return np.stack(out)


def fit(
    model: SpeechEncoder, clips: Clips, *, classes: int, optimiser: Optimiser, seed: int, report: Callable[[str], None] = print
) -> None:
    """Trains the encoder in place, bf16 autocast; labels that a corpus lacks are no choice for its utterances."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    met = _some(clips.speakers)  # utterances that have been heard, and
    memory = dict(zip(met, features_of(model, [clips.samples[at] for at in met]), strict=True))  # what they were then
    population = _population(memory, clips)
    head = nn.Linear(len(population.mean), classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    model.conv1.requires_grad_(False)
    model.positions.requires_grad_(False)
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("pooling")]
    new = [*head.parameters(), *model.pooling.parameters()]
    rates = [{"params": body, "lr": optimiser.rate}, {"params": new, "lr": optimiser.head_rate}]
    adam = torch.optim.AdamW(rates, weight_decay=0.01, fused=True)
    steps = optimiser.steps
    schedule = LambdaLR(adam, lambda step: min((step + 1) / (0.1 * steps), (steps - step) / (0.9 * steps)))
    drop, draw, known = nn.Dropout(optimiser.dropout), _drawing(clips, optimiser, rng), _known(clips, classes)
    began, running = time.monotonic(), math.log(classes)
    for step in range(steps):
        chosen, voices = draw()
        mel, frames = collate([voice(clips.samples[at]) for at, voice in zip(chosen, voices, strict=True)], model)
        model.train()
        with torch.autocast("cpu", torch.bfloat16):
            features = model.features(hide(mel, rng), frames).float()
        baseline = _baselines(features, voices, population, rng)
        raw = head(drop((features - baseline) / torch.from_numpy(np.sqrt(population.within))))
        cost = _cost(raw, torch.from_numpy(clips.labels[chosen]), known[chosen], optimiser.smoothing)
        cost.backward()
        nn.utils.clip_grad_norm_(body, 1.0)
        adam.step()
        adam.zero_grad()
        schedule.step()
        memory.update(zip(chosen.tolist(), features.detach().numpy().copy(), strict=True))
        running = 0.98 * running + 0.02 * cost.item()
        if step % RENEW == RENEW - 1:
            population = _population(memory, clips)
            left = (time.monotonic() - began) / (step + 1) * (steps - step - 1) / 60
            report(f"step {step + 1}/{steps}, loss {running:.3f}, {left:.0f} min left")


def _some(speakers: NDArray[np.str_]) -> list[int]:
    """The first utterances of each speaker."""
    return [at for person in sorted(set(speakers.tolist())) for at in np.flatnonzero(speakers == person)[:FIRST].tolist()]


def _population(memory: Mapping[int, Floats], clips: Clips) -> Population:
    rows = sorted(memory)
    return population_of(np.stack([memory[at] for at in rows]), clips.speakers[rows])


def _drawing(clips: Clips, optimiser: Optimiser, rng: np.random.Generator) -> Callable[[], tuple[NDArray[np.int64], list[Voice]]]:
    """What draws a step's utterances and the voice of each; a corpus comes as often as the square root of its size."""
    people = sorted(set(clips.speakers.tolist()))
    rows = {person: np.flatnonzero(clips.speakers == person) for person in people}
    corpus = np.array([clips.corpora[rows[person][0]] for person in people])
    often = np.array([(clips.corpora == name).sum() ** 0.5 / (corpus == name).sum() for name in corpus])

    def draw() -> tuple[NDArray[np.int64], list[Voice]]:
        chosen, voices = [], list[Voice]()
        for person in rng.choice(people, optimiser.voices, p=often / often.sum()):
            mine, voice = rows[person], Voice(rng)
            rare = 1 / np.bincount(clips.labels[mine])[clips.labels[mine]]
            chosen.append(rng.choice(mine, min(optimiser.utterances, len(mine)), replace=False, p=rare / rare.sum()))
            voices += [voice] * len(chosen[-1])
        return np.concatenate(chosen), voices

    return draw


def _known(clips: Clips, classes: int) -> Tensor:
    """Which labels the corpus of each utterance has, (utterances, classes)."""
    has = {name: np.bincount(clips.labels[clips.corpora == name], minlength=classes) > 0 for name in set(clips.corpora.tolist())}
    return torch.from_numpy(np.stack([has[name] for name in clips.corpora.tolist()]))


def _baselines(features: Tensor, voices: Sequence[Voice], population: Population, rng: np.random.Generator) -> Tensor:
    """A baseline for each utterance, (batch, d), of a random number of others of its voice."""
    mean, between, within = (torch.from_numpy(part) for part in (population.mean, population.between, population.within))
    made = []
    for at, voice in enumerate(voices):
        others = [other for other, whose in enumerate(voices) if whose is voice and other != at]
        count = int(rng.integers(0, len(others) + 1)) if rng.random() < 0.7 else 0
        if not count:
            made.append(mean)
            continue
        own = features[torch.from_numpy(rng.choice(others, count, replace=False))].mean(0)
        heard = count if rng.random() < 0.6 else WELL_KNOWN
        made.append(mean + between / (between + within / heard) * (own - mean))
    return torch.stack(made)


def _cost(raw: Tensor, labels: Tensor, known: Tensor, smoothing: float) -> Tensor:
    """Mean cross-entropy over the labels that each utterance may have, smoothed over these."""
    told = raw.masked_fill(~known, LOW).log_softmax(1)
    even = smoothing * known / known.sum(1, keepdim=True)
    gold = torch.zeros_like(told).scatter_(1, labels[:, None], 1 - smoothing) + even
    return -(gold * told * known).sum(1).mean()
