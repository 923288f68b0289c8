"""The shipped text model: a six-layer multilingual encoder in int8 with a head for every label set.

Trained by `recipes/text/text_affekt`; its starting weights are multilingual-e5-small (Wang et al. 2024,
arXiv:2402.05672) with every second layer and a vocabulary of 90,000 pieces.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from affekt.encoders._card import read_card
from affekt.encoders._session import session
from affekt.errors import WeightsError
from affekt.parts import Card, Encoder
from affekt.preprocessing.text import cut, normalise
from affekt.results import Clip

SHIPPED = Path(__file__).parents[1] / "weights" / "text_affekt"
MOST_TOKENS = 128  # of a window, with the two marks at its ends; training saw 96, positions would allow 512
PAD = 1


class TextAffekt:
    """The model, loaded; onnxruntime sessions and tokenizers may be used from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.card: Card = read_card(folder)
        for file in ("model.onnx", "tokenizer.json"):
            if not (folder / file).is_file():
                raise WeightsError(f"no {file} in {folder}; install the package again, or name a folder that holds a model")
        try:
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.session = session(folder / "model.onnx", threads)
        except Exception as error:  # both libraries raise types of their own, and bare ones
            raise WeightsError(f"the model in {folder} is damaged: {error}; install the package again, or train the model again") from error
        self.tokenizer.encode_special_tokens = True  # a user who types "<pad>" means the word
        self.known = frozenset(piece for piece in self.tokenizer.get_vocab() if len(piece) == 1)

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of several label sets in one pass: {set: (clips, labels of the set)}."""
        if not clips:
            return {name: np.zeros((0, len(self.card.calibration[name].scale)), np.float32) for name in labels}
        tokens = self.tokenizer.encode_batch([self._clean(clip.data) for clip in clips])
        longest = max(len(encoding.ids) for encoding in tokens)
        ids = np.full((len(clips), min(longest, MOST_TOKENS)), PAD, np.int64)
        for row, encoding in enumerate(tokens):
            kept = encoding.ids if len(encoding.ids) <= MOST_TOKENS else [*encoding.ids[: MOST_TOKENS - 1], encoding.ids[-1]]
            ids[row, : len(kept)] = kept
        outputs = self.session.run(list(labels), {"ids": ids, "mask": (ids != PAD).astype(np.int64)})
        return dict(zip(labels, outputs, strict=True))

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in windows of whole sentences, none longer than the model was made for."""
        if len(self._clean(clip.data)) < MOST_TOKENS // 2:  # a character is at most two tokens, its piece and a blank
            return [clip]
        return cut(clip, size=self.size, most=MOST_TOKENS)

    def size(self, text: str) -> int:
        """How many tokens a text takes, its two end marks included."""
        return len(self.tokenizer.encode(self._clean(text)).ids)

    def _clean(self, text: str) -> str:
        return normalise(text, known=self.known.__contains__)


def load(folder: Path | None, threads: int) -> TextAffekt:
    """Opens the shipped weights, or those of a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: a file is absent or broken.
    """
    return TextAffekt(folder or SHIPPED, threads)


PART = Encoder(name="text_affekt", modality="text", load=load, shipped=SHIPPED, needs_folder=False)
