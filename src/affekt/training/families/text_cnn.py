"""Convolutions over word vectors, the largest answer of each over the text (Kim 2014), from nothing but the rows: a baseline.

Kim 2014: Convolutional Neural Networks for Sentence Classification, EMNLP; here its variant CNN-rand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from affekt.encoders._word_network import MOST_WORDS, PAD
from affekt.errors import InputError
from affekt.parts import LabelSet
from affekt.training.job import Family, Job, Made
from affekt.training.loop import Optimiser
from affekt.training.networks import Heads
from affekt.training.word_networks import make as make_of_words


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train; all of it is new, so that `head_rate` is its rate.

    Args:
        vocabulary: the most frequent words of the rows that are known.
        min_df: times that a word must occur; rarer ones teach what an unknown word is like.
        width: of a word vector.
        widths: words that the filters of each kind look at.
        filters: of each kind.
        dropout: of the word vectors and of what the filters found.
    """

    vocabulary: int = 20_000
    min_df: int = 2
    width: int = 100
    widths: tuple[int, ...] = (3, 4, 5)
    filters: int = 100
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if min(self.vocabulary, self.min_df, self.width, self.filters) < 1 or not 0 <= self.dropout < 1:
            raise InputError("vocabulary, min_df, width and filters are at least 1, dropout is in [0, 1)")
        if not self.widths or not all(1 <= wide <= MOST_WORDS for wide in self.widths):
            raise InputError(f"widths are from 1 to {MOST_WORDS} words; given: {self.widths}")


class TextCNN(nn.Module):
    """Ids in, the raw outputs of each label set out."""

    def __init__(self, ids: int, label_sets: Sequence[LabelSet], settings: Settings) -> None:
        super().__init__()
        self.words = nn.Embedding(ids, settings.width, padding_idx=PAD)
        self.filters = nn.ModuleList(nn.Conv1d(settings.width, settings.filters, wide) for wide in settings.widths)
        self.dropout = nn.Dropout(settings.dropout)
        self.heads = Heads(settings.filters * len(settings.widths), label_sets)

    def forward(self, ids: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: ids (batch, MOST_WORDS)."""
        words = self.dropout(self.words(ids)).transpose(1, 2)  # (batch, width, MOST_WORDS)
        found = [filters(words).relu().amax(2) for filters in self.filters]  # (batch, filters) each
        told: dict[str, Tensor] = self.heads(self.dropout(torch.cat(found, 1)))
        return told


def make(job: Job, folder: Path) -> Made:
    """Trains, and writes vocabulary and graph."""
    return make_of_words(job, folder, build=lambda ids: TextCNN(ids, job.sets, job.settings))


FAMILY = Family("text_cnn", Settings, make, Optimiser(epochs=6, batch=64, head_rate=1e-3))
