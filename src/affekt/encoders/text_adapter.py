"""A head of one's own over the shipped encoder, alone or with low-rank changes of its matrices (LoRA, Hu et al. 2021): a few MB.

The encoder's graph is opened as it ships; the changes are added to its matrices, which are rounded to eight bits anew, when the model is
loaded. `affekt train --family adapter` writes the folder.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from affekt.encoders._card import check_speaks, read_card
from affekt.encoders._session import outputs_of, session
from affekt.encoders._tokens import GRAPH, TokenNetwork
from affekt.encoders.text_affekt import SHIPPED
from affekt.errors import WeightsError
from affekt.parts import Encoder
from affekt.results import Clip

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
WEIGHTS = "adapter.safetensors"
POOLED = "pooled"  # the tensor of the shipped graph that heads see: (texts, width)


class TextAdapter:
    """The model, loaded; onnxruntime sessions and tokenizers may be used from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.card = read_card(folder)
        base = read_card(SHIPPED)
        if self.card.facts.get("base") != (installed := f"{base.name}@{base.revision}"):
            raise WeightsError(f"{folder} belongs to {self.card.facts.get('base')}, and {installed} is installed: train it again")
        try:
            self.weights = load_file(folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"{WEIGHTS} in {folder} is absent or broken: {error}; train the model again") from error
        absent = [name for name in self.card.calibration if f"head.{name}.weight" not in self.weights]
        if absent:
            raise WeightsError(f"{WEIGHTS} in {folder} has no head for {', '.join(absent)}; train the model again")
        self.changes = changed(self.weights)  # the session holds no copy of its own
        graph = (SHIPPED / GRAPH).read_bytes() + outputs_of([POOLED])
        self.network = TokenNetwork(SHIPPED, base, session(graph, threads, put=self.changes))

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of several label sets in one pass: {set: (clips, labels of the set)}.

        Raises:
            InputError: the model does not speak one of them.
        """
        check_speaks(self.card, labels)
        pooled = self.network.run(clips, [POOLED])[0] if clips else np.zeros((0, len(self.weights["mean"])), np.float32)
        pooled = (pooled - self.weights["mean"]) / self.weights["spread"]
        return {name: pooled @ self.weights[f"head.{name}.weight"] + self.weights[f"head.{name}.bias"] for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in windows of whole sentences, none longer than the encoder was made for."""
        return self.network.cut(clip)

    def size(self, text: str) -> int:
        """How many tokens a text takes, its end marks included."""
        return self.network.size(text)


def changed(weights: Mapping[str, NDArray[Any]]) -> "dict[str, onnxruntime.OrtValue]":
    """The numbers of the shipped graph that take the place of its own.

    Args:
        weights: "MATRIX.a" (in, rank) and "MATRIX.b" (rank, out), whose product is added to a matrix; others are of no concern.
    """
    from onnxruntime import OrtValue

    names = sorted(name.removesuffix(".a") for name in weights if name.endswith(".a"))
    if not names:
        return {}
    kinds = ("codes", "scales", "smooth")
    asked = [f"{name}.{kind}" for name in names for kind in kinds]
    nothing = {name: np.ones((1, 2), np.int64) for name in ("ids", "mask")}
    told = session((SHIPPED / GRAPH).read_bytes() + outputs_of(asked), 1).run(asked, nothing)
    held = dict(zip(asked, told, strict=True))
    made = dict[str, OrtValue]()
    for name in names:
        codes, scales, smooth = (held[f"{name}.{kind}"] for kind in kinds)  # (in, out) int8, (out,), (in,)
        table = codes * scales + weights[f"{name}.a"] @ weights[f"{name}.b"] / smooth[:, None]
        scales = (np.abs(table).max(0) / 127.0).astype(np.float32)
        made[f"{name}.scales"] = OrtValue.ortvalue_from_numpy(scales)
        made[f"{name}.codes"] = OrtValue.ortvalue_from_numpy(np.round(table / scales).astype(np.int8))
    return made


def load(folder: Path | None, threads: int) -> TextAdapter:
    """Opens a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: there is no folder, a file in it is absent or broken, or it belongs to another encoder than the one that ships.
    """
    if folder is None:
        raise WeightsError("text_adapter comes without weights; train one with: affekt train --family adapter --data FILE -o FOLDER")
    return TextAdapter(folder, threads)


PART = Encoder(name="text_adapter", modality="text", load=load)
