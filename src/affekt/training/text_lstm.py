"""Fits `encoders/text_lstm.py` with torch and writes the folder that it opens."""

import json
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from affekt.encoders._words import words
from affekt.encoders.text_lstm import MODEL, MOST_WORDS, PAD, UNKNOWN, VOCABULARY, encode, ids_of
from affekt.errors import InputError
from affekt.labels._matrix import matrix
from affekt.parts import LabelSet, Row


@dataclass(frozen=True, slots=True)
class Settings:
    """What to fit with; the fields of `[model]` in the recipe's config."""

    vocabulary: int = 20_000  # the most frequent words of the training rows
    min_df: int = 2  # times that a word must occur; rarer ones teach what an unknown word is like
    width: int = 50  # of a word vector
    hidden: int = 128
    dropout: float = 0.5  # of the word vectors and of the last state
    epochs: int = 6
    batch: int = 64
    rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 7


class TextLSTM(nn.Module):
    """Ids in, the raw outputs of one label set out."""

    def __init__(self, vocabulary: int, labels: int, settings: Settings) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, settings.width, padding_idx=PAD)
        self.lstm = nn.LSTM(settings.width, settings.hidden, batch_first=True)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(settings.hidden, labels)

    def forward(self, ids: Tensor) -> Tensor:
        """Args: ids (batch, MOST_WORDS), padded in front."""
        states, _ = self.lstm(self.dropout(self.words(ids)))  # (batch, MOST_WORDS, hidden)
        raw: Tensor = self.head(self.dropout(states[:, -1]))  # (batch, labels)
        return raw


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fitted network and its words."""

    model: TextLSTM
    vocabulary: list[str]

    @torch.no_grad()
    def raw(self, texts: Sequence[str], *, batch: int = 256) -> npt.NDArray[np.float32]:
        """What the network says: (texts, labels)."""
        self.model.eval()
        ids = torch.from_numpy(encode(texts, ids_of(self.vocabulary)))
        return torch.cat([self.model(part) for part in torch.split(ids, batch)]).numpy()


def fit(rows: Sequence[Row], labels: LabelSet, *, settings: Settings, report: Callable[[str], None] = print) -> Fitted:
    """The network of these rows; cells that annotators could not choose teach nothing.

    Raises:
        InputError: there is no row, or one does not fit the label set.
    """
    if not rows:
        raise InputError("there are no rows to learn from")
    texts = [row.text for row in rows]
    counted = Counter(word for text in texts for word in words(text))
    vocabulary = [word for word, times in counted.most_common(settings.vocabulary) if times >= settings.min_df]
    ids = torch.from_numpy(encode(texts, ids_of(vocabulary)))
    gold, known = _targets(rows, labels)
    torch.manual_seed(settings.seed)
    model = TextLSTM(len(vocabulary) + UNKNOWN + 1, len(labels.labels), settings)
    report(f"{len(rows)} rows, {len(vocabulary)} words, {sum(part.numel() for part in model.parameters())} numbers to learn")
    adam = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * -(-len(rows) // settings.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / steps)
    shuffle, began = torch.Generator().manual_seed(settings.seed), time.monotonic()
    for epoch in range(1, settings.epochs + 1):
        model.train()
        total = 0.0
        for chosen in torch.split(torch.randperm(len(rows), generator=shuffle), settings.batch):
            cost = _loss(model(ids[chosen]), gold[chosen], known[chosen], labels)
            cost.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            adam.step()
            adam.zero_grad()
            schedule.step()
            total += cost.item() * len(chosen)
        report(f"epoch {epoch}/{settings.epochs} loss {total / len(rows):.4f}, {time.monotonic() - began:.0f} s")
    return Fitted(model, vocabulary)


def save(fitted: Fitted, folder: Path) -> Path:
    """Writes vocabulary and ONNX graph, without a card; returns the graph's file.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VOCABULARY).write_text(json.dumps(fitted.vocabulary, ensure_ascii=False), encoding="utf-8")
    fitted.model.eval()
    ids = torch.ones(1, MOST_WORDS, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of shapes that the tracer fixes: the number of rows stays free, which a test holds
        torch.onnx.export(
            fitted.model,
            (ids,),
            folder / MODEL,
            input_names=["ids"],
            output_names=["raw"],
            dynamic_axes={"ids": {0: "rows"}, "raw": {0: "rows"}},
            opset_version=17,
            dynamo=False,
        )
    return folder / MODEL


def _targets(rows: Sequence[Row], labels: LabelSet) -> tuple[Tensor, Tensor]:
    """What each row says and where it says anything, both (rows, labels) of float32."""
    if labels.kind == "dimensions":
        values = torch.tensor([row.vad for row in rows], dtype=torch.float32)
        return values, torch.ones_like(values)
    gold, known = matrix(rows, labels)
    return torch.from_numpy(gold.astype(np.float32)), torch.from_numpy(known.astype(np.float32))


def _loss(raw: Tensor, gold: Tensor, known: Tensor, labels: LabelSet) -> Tensor:
    if labels.kind == "single":
        return -(gold * raw.masked_fill(known == 0, -1e4).log_softmax(1)).sum(1).mean()
    if labels.kind == "multi":
        return (nn.functional.binary_cross_entropy_with_logits(raw, gold, reduction="none") * known).sum(1).mean()
    return (raw - gold).pow(2).sum(1).mean()
