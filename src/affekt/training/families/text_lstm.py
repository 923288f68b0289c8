"""Word vectors and one LSTM layer (Hochreiter and Schmidhuber 1997), from nothing but the rows: a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from affekt.encoders._word_network import PAD
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
        hidden: numbers that the LSTM remembers.
        dropout: of the word vectors and of the last state.
    """

    vocabulary: int = 20_000
    min_df: int = 2
    width: int = 50
    hidden: int = 128
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if min(self.vocabulary, self.min_df, self.width, self.hidden) < 1 or not 0 <= self.dropout < 1:
            raise InputError("vocabulary, min_df, width and hidden are at least 1, dropout is in [0, 1)")


class TextLSTM(nn.Module):
    """Ids in, the raw outputs of each label set out."""

    def __init__(self, ids: int, label_sets: Sequence[LabelSet], settings: Settings) -> None:
        super().__init__()
        self.words = nn.Embedding(ids, settings.width, padding_idx=PAD)
        self.lstm = nn.LSTM(settings.width, settings.hidden, batch_first=True)
        self.dropout = nn.Dropout(settings.dropout)
        self.heads = Heads(settings.hidden, label_sets)

    def forward(self, ids: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: ids (batch, MOST_WORDS), padded in front."""
        states, _ = self.lstm(self.dropout(self.words(ids)))  # (batch, MOST_WORDS, hidden)
        told: dict[str, Tensor] = self.heads(self.dropout(states[:, -1]))
        return told


def make(job: Job, folder: Path) -> Made:
    """Trains, and writes vocabulary and graph."""
    return make_of_words(job, folder, build=lambda ids: TextLSTM(ids, job.sets, job.settings))


FAMILY = Family("text_lstm", Settings, make, Optimiser(epochs=6, batch=64, head_rate=2e-3))
