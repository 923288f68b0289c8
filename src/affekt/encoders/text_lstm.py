"""Word vectors and one LSTM layer (Hochreiter and Schmidhuber 1997): the network of a thousand tutorials, as a baseline.

Runs in onnxruntime; `affekt.training.text_lstm` fits it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks, read_own_card
from affekt.encoders._words import words
from affekt.errors import WeightsError
from affekt.parts import Card, Encoder
from affekt.preprocessing.text import cut
from affekt.results import Clip

if TYPE_CHECKING:
    import onnxruntime

VOCABULARY, MODEL = "vocabulary.json", "model.onnx"
MOST_WORDS = 60  # of a window, and the length that every text is padded to
PAD, UNKNOWN = 0, 1  # the first two ids; words follow


def encode(texts: Sequence[str], ids: Mapping[str, int]) -> NDArray[np.int64]:
    """The ids of each text's first `MOST_WORDS` words, padded in front, so that the last step reads a word: (texts, MOST_WORDS)."""
    encoded = np.full((len(texts), MOST_WORDS), PAD, np.int64)
    for row, text in zip(encoded, texts, strict=True):
        found = [ids.get(word, UNKNOWN) for word in words(text)[:MOST_WORDS]]
        if found:
            row[-len(found) :] = found
    return encoded


def ids_of(vocabulary: Sequence[str]) -> dict[str, int]:
    """Word -> id."""
    return {word: at for at, word in enumerate(vocabulary, UNKNOWN + 1)}


@dataclass(slots=True)
class TextLSTM:
    """The model, loaded; an onnxruntime session may be used from several threads at once."""

    card: Card
    ids: Mapping[str, int]
    session: "onnxruntime.InferenceSession"

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of the one label set that the model was trained on: (clips, labels of the set).

        Raises:
            InputError: another label set is asked for.
        """
        check_speaks(self.card, labels)
        if not clips:  # onnxruntime's LSTM ends the process on a batch of none
            return dict.fromkeys(labels, np.zeros((0, self.session.get_outputs()[0].shape[1]), np.float32))
        raw = self.session.run(["raw"], {"ids": encode([clip.data for clip in clips], self.ids)})[0]
        return dict.fromkeys(labels, raw)

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in windows of whole sentences, none of more than `MOST_WORDS` words."""
        return cut(clip, size=lambda text: len(words(text)), most=MOST_WORDS) if len(clip.data) > MOST_WORDS else [clip]


def load(folder: Path | None, threads: int) -> TextLSTM:
    """Opens a folder that `recipes/text/text_lstm` wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: there is no folder, or a file in it is absent, broken or of another model.
    """
    import onnxruntime

    card, folder = read_own_card(folder, "text_lstm", weights=MODEL)
    try:
        vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{VOCABULARY} in {folder} is absent or broken: {error}; train the model again") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / MODEL), options, providers=["CPUExecutionProvider"])
    return TextLSTM(card, ids_of(vocabulary), session)


PART = Encoder(name="text_lstm", modality="text", load=load)
