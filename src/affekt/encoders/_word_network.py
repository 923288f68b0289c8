"""What networks over word vectors share at run time: a vocabulary and an ONNX graph in a folder, from texts to raw outputs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks, read_own_card
from affekt.encoders._session import session
from affekt.encoders._words import words
from affekt.errors import WeightsError
from affekt.parts import Card
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
class WordNetwork:
    """The model, loaded; an onnxruntime session may be used from several threads at once."""

    card: Card
    ids: Mapping[str, int]
    session: "onnxruntime.InferenceSession"

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of several label sets in one pass: {set: (clips, labels of the set)}.

        Raises:
            InputError: the model does not speak one of them.
        """
        check_speaks(self.card, labels)
        if not clips:  # onnxruntime's LSTM ends the process on a batch of none
            return {name: np.zeros((0, len(self.card.calibration[name].scale)), np.float32) for name in labels}
        raw = self.session.run(list(labels), {"ids": encode([clip.data for clip in clips], self.ids)})
        return dict(zip(labels, raw, strict=True))

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in windows of whole sentences, none of more than `MOST_WORDS` words."""
        return cut(clip, size=lambda text: len(words(text)), most=MOST_WORDS) if len(clip.data) > MOST_WORDS else [clip]


def open_words(folder: Path | None, threads: int, *, name: str) -> WordNetwork:
    """The network in a folder that training wrote; threads 0: as many as there are cores.

    Args:
        name: key of the encoder.

    Raises:
        WeightsError: there is no folder, or a file in it is absent, broken or of another model.
    """
    card, folder = read_own_card(folder, name, weights=MODEL)
    try:
        vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{VOCABULARY} in {folder} is absent or broken: {error}; train the model again") from error
    opened = session(folder / MODEL, threads, traced=True)
    if absent := sorted(set(card.calibration) - {one.name for one in opened.get_outputs()}):
        raise WeightsError(f"{MODEL} in {folder} has no head for {', '.join(absent)}; train the model again")
    return WordNetwork(card, ids_of(vocabulary), opened)
