"""A shipped speech encoder, fine-tuned to how speech differs from each voice's own baseline; before and after, heads as of `speech_head`.

Training plays acquaintances: in a batch stand several utterances of a voice, and each is judged against a baseline of some of the others,
or of none. Every time the voice is another one: at another speed, in another room, in noise. Speakers whom the data do not name are taken
to be all different, and are judged as voices that nobody has heard.

A run that was interrupted goes on at the step of its last checkpoint: network, optimiser and what is drawn for each step are as they
would have been. Recordings are decoded anew; the heads are fitted after training, and so always from the begin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affekt.encoders._session import session
from affekt.encoders.speech_adapter import SHIPPED
from affekt.encoders.speech_affekt import FRAME, LEAST, MOST, SpeechAffekt
from affekt.errors import InputError
from affekt.export.onnx_graph import check_free
from affekt.export.speech_onnx import Head, export, measure
from affekt.parts import LabelSet, Row
from affekt.preprocessing.personal import Population
from affekt.training.augment_speech import SpeechAugmentation, augmented, hidden
from affekt.training.clips import each, kept, samples_of
from affekt.training.frozen import begin, heads_of_voices, speakers_of
from affekt.training.job import Family, Job, Made
from affekt.training.loop import Optimiser
from affekt.training.networks import Heads, learn
from affekt.training.speech_encoder import HEAD_WIDTH, SpeechEncoder, from_onnx
from affekt.training.speech_finetune import WELL_KNOWN, collate
from affekt.training.voices import LONG, SHORT

Floats = NDArray[np.float32]
GRAPH = "model.onnx"
TYPICAL = 300  # recordings by which the ranges of int8 are measured
NEW = 0.3  # of utterances are judged as of a voice that nobody has heard
PIECES = 0.8  # of long recordings are cut
FOLLOW = 0.02  # share of a batch in the mean of voices, which moves as the encoder learns


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        free: starts from `speech_affekt_free`, which may be used for anything; else from `speech_affekt`, for research only.
        layers: how many of its layers learn, from the last down; 0: all.
        varied: each voice sounds otherwise every time, as `[augment]` says; where that says nothing, as far as it goes by default.
        dropout: of what the heads see.
        balanced: rare labels count as much as frequent ones where heads are fitted.
    """

    free: bool = False
    layers: int = 0
    varied: bool = True
    dropout: float = 0.3
    balanced: bool = True

    def __post_init__(self) -> None:
        if self.layers < 0 or not 0 <= self.dropout < 1:
            raise InputError(f"layers is at least 0, dropout in [0, 1); given: {self.layers} and {self.dropout}")


class Acquainted(nn.Module):
    """The encoder, and heads over how what it hears differs from a baseline, in units of spread."""

    mean: Tensor
    between: Tensor
    within: Tensor

    def __init__(self, body: SpeechEncoder, population: Population, label_sets: Sequence[LabelSet], settings: Settings) -> None:
        super().__init__()
        self.body, self.heads, self.dropout = body, Heads(len(population.mean), label_sets), nn.Dropout(settings.dropout)
        for part in ("mean", "between", "within"):
            self.register_buffer(part, torch.from_numpy(getattr(population, part)))
        body.conv1.requires_grad_(False)
        body.positions.requires_grad_(False)
        if settings.layers:
            for part in (body.conv2, *body.layers[: -settings.layers]):
                part.requires_grad_(False)

    def forward(self, mel: Tensor, frames: Tensor, who: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}; in training each is judged against others of its voice in the batch, else against all voices.

        Args:
            mel, frames: as of `SpeechEncoder`.
            who: (batch,) numbers of speakers.
        """
        features = self.body.features(mel, frames).float()
        with torch.autocast(features.device.type, enabled=False):  # what remains is small differences of large numbers
            baseline = self.mean
            if self.training:
                self.mean = torch.lerp(self.mean, features.detach().mean(0), FOLLOW)
                baseline = self._baselines(features, who)
            told: dict[str, Tensor] = self.heads(self.dropout((features - baseline) / self.within.sqrt()))
        return told

    def _baselines(self, features: Tensor, who: Tensor) -> Tensor:
        """A baseline for each, (batch, d), of a random number of others of its voice, which now and then count as many."""
        n = len(who)
        others = (who[:, None] == who) & ~torch.eye(n, dtype=torch.bool, device=who.device)
        share = ((torch.rand(n, 1, device=who.device) - NEW) / (1 - NEW)).clamp(min=0)
        heard = (others & (torch.rand(n, n, device=who.device) < share)).float()
        count = heard.sum(1, keepdim=True)
        own = heard @ features / count.clamp(min=1)
        as_many = torch.where(torch.rand(n, 1, device=who.device) < 0.6, count, torch.full_like(count, WELL_KNOWN))
        known = self.between / (self.between + self.within / as_many.clamp(min=1))
        return torch.where(count > 0, self.mean + known * (own - self.mean), self.mean)


class Network:
    """The encoder over recordings, which are decoded when their turn comes.

    Args:
        voices: file -> number of who speaks.
        learned: files of the rows that are learned from; others are heard as they are.
        changes: how far the former are changed; None: not at all.
    """

    def __init__(self, module: Acquainted, voices: Mapping[Path, int], learned: set[Path], changes: SpeechAugmentation | None) -> None:
        self.module, self.voices, self.learned, self.changes = module, voices, learned, changes
        self.ears = SpeechEncoder(width=HEAD_WIDTH, layers=1, heads=1)  # for its spectrograms; it stays where recordings are decoded

    def prepare(self, row: Row) -> tuple[Row, int, bool]:
        """The row, who speaks, and whether it is one to learn from."""
        assert row.path is not None
        return row, self.voices[row.path], row.path in self.learned

    def size(self, prepared: tuple[Row, int, bool]) -> int:
        """Who speaks: rows of one size stand together in batches, and so those of one voice do."""
        return prepared[1]

    def collate(self, prepared: Sequence[tuple[Row, int, bool]]) -> tuple[Tensor, ...]:
        """Padded spectrograms, how many frames of each are no padding, and who speaks."""
        changes = self.changes if all(learned for *_, learned in prepared) else None
        seed = int(torch.randint(2**31, ()))
        rng, clips = np.random.default_rng(seed), list[Floats]()
        for row, who, _ in prepared:
            samples = samples_of(row)
            if changes is not None:
                samples = _varied(_piece(samples, rng), changes, seed=(seed, who))
            clips.append(fitting(samples))
        mel, frames = collate(clips, self.ears)
        return (mel if changes is None else hidden(mel, changes, rng)), frames, torch.tensor([who for _, who, _ in prepared])

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        """What was trained before, and what is new: the heads, and what the encoder attends to."""
        new = [*self.module.heads.parameters(), *self.module.body.pooling.parameters()]
        ours = {id(one) for one in new}
        body = [one for one in self.module.body.parameters() if one.requires_grad and id(one) not in ours]
        return [{"params": body, "lr": optimiser.rate}, {"params": new, "lr": optimiser.head_rate}]


def fitting(samples: Floats) -> Floats:
    """As much of a recording, (n,), as the encoder takes, padded where it is too short."""
    samples = samples[:MOST] if len(samples) >= LEAST else np.pad(samples, (0, LEAST - len(samples)))
    return np.asarray(samples[: len(samples) // FRAME * FRAME], np.float32)


def _piece(samples: Floats, rng: np.random.Generator) -> Floats:
    """Of a long recording mostly a piece, which says as much and takes less time, (m,)."""
    if len(samples) <= LONG or rng.random() > PIECES:
        return samples
    length = int(rng.integers(SHORT, LONG))
    begin = int(rng.integers(0, len(samples) - length))
    return samples[begin : begin + length]


def _varied(samples: Floats, changes: SpeechAugmentation, *, seed: Sequence[int]) -> Floats:
    """The recording as a voice says it that is drawn by the seed; all that has one seed is of one voice in one place."""
    rng = np.random.default_rng(seed)
    often: dict[str, Any] = {
        kind: float(rng.random() < getattr(changes, kind)) for kind in ("speed", "reverb", "noise", "gain", "telephone", "opus")
    }
    exact: dict[str, Any] = {kind: 2 * (float(rng.uniform(*getattr(changes, kind))),) for kind in ("speeds", "snr", "gains")}
    return augmented(samples, replace(changes, **often, **exact), rng)


def make(job: Job, folder: Path) -> Made:
    """Fine-tunes, fits the heads to what the graph hears in int8, and writes both.

    Raises:
        InputError: too many recordings cannot be decoded, the rows say too little, or the label sets are more than one or cannot be
            called as they are.
    """
    settings: Settings = job.settings
    shipped = SHIPPED["speech_affekt_free" if settings.free else "speech_affekt"]
    if len(job.sets) != 1:
        raise InputError(f"a speech encoder speaks one label set, not {', '.join(one.name for one in job.sets)}; leave `also` out")
    check_free(job.sets[0].name, shipped)
    start = SpeechAffekt(shipped, 0)
    assert start.population is not None
    heard = each([*job.train, *job.dev], lambda row: start.hear(samples_of(row), labels=[])[0], watch=job.watch)
    features = np.stack([one for one in heard[: len(job.train)] if one is not None])
    job = kept(job, [one is not None for one in heard])
    torch.manual_seed(job.seed)
    population, heads = heads_of_voices(job, features, job.train, start.population, balanced=settings.balanced)
    body = from_onnx(shipped / GRAPH)
    module = Acquainted(body, population, job.sets, settings)
    begin(module.heads, heads)
    changes = (job.augment or SpeechAugmentation()) if settings.varied else None
    network = Network(module, _voices([*job.train, *job.dev]), {row.path for row in job.train if row.path is not None}, changes)
    history = learn(network, job).history
    _write(body.cpu().eval(), job, folder, known=start.population)
    return Made(folder / GRAPH, {"start": f"{start.card.name}@{start.card.revision}", "history": history})


def _voices(rows: Sequence[Row]) -> dict[Path, int]:
    _, numbers = np.unique(speakers_of(rows), return_inverse=True)
    return {row.path: int(one) for row, one in zip(rows, numbers, strict=True) if row.path is not None}


def _write(body: SpeechEncoder, job: Job, folder: Path, *, known: Population) -> None:
    """Writes the graph twice: with some head, for what it hears, and with the one that is fitted to that."""
    ranges = measure(body, [fitting(samples_of(row)) for row in job.train[:: max(1, len(job.train) // TYPICAL)]])
    labels, wide = job.sets[0], len(known.mean)
    some = Head(labels.name, np.zeros((wide, len(labels.labels)), np.float32), np.zeros(len(labels.labels), np.float32), known)
    export(body, some, folder, ranges=ranges, longest=MOST // FRAME)
    graph = session(folder / GRAPH, 0)
    heard = [graph.run(["features"], {"samples": fitting(samples_of(row))[None]})[0][0] for row in job.train]
    population, heads = heads_of_voices(job, np.stack(heard), job.train, known, balanced=job.settings.balanced)
    head = heads[labels.name]
    export(body, Head(labels.name, head.weight, head.bias, population), folder, ranges=ranges, longest=MOST // FRAME)


FAMILY = Family(
    "speech_affekt",
    Settings,
    make,
    Optimiser(epochs=8, batch=32, rate=1e-4, head_rate=1e-3, patience=3),
    space={
        "optimiser.rate": (3e-5, 3e-4),
        "model.dropout": [0.1, 0.3, 0.5],
        "loss.smoothing": [0.0, 0.1],
        "loss.balance": ["none", "effective"],
    },
)
