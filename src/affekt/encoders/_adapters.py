"""What adapters share: heads of one's own in a small file, over a shipped encoder that stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from affekt.encoders._card import read_card
from affekt.errors import WeightsError
from affekt.parts import Card

Floats = NDArray[np.float32]
WEIGHTS = "adapter.safetensors"


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter's folder, read.

    Args:
        base: folder of the shipped encoder that it belongs to.
        weights: by name; "head.SET.weight" (d, labels) and "head.SET.bias" (labels,) of each label set.
    """

    card: Card
    base: Path
    weights: Mapping[str, NDArray[Any]]

    def raw(self, seen: Floats, name: str) -> Floats:
        """Raw outputs of one label set, (…, labels), for what its head sees, (…, d)."""
        return np.asarray(seen @ self.weights[f"head.{name}.weight"] + self.weights[f"head.{name}.bias"], np.float32)


def read_adapter(folder: Path, shipped: Mapping[str, Path]) -> Adapter:
    """The adapter in a folder that training wrote.

    It may be used for no more than the encoder may that it rests on.

    Args:
        shipped: names of encoders that it may belong to -> their folders.

    Raises:
        WeightsError: a file is absent or broken, or it belongs to another encoder than those that ship.
    """
    card = read_card(folder)
    bases = {f"{one.name}@{one.revision}": (place, one.commercial) for place in shipped.values() for one in [read_card(place)]}
    if (wanted := str(card.facts.get("base"))) not in bases:
        raise WeightsError(f"{folder} belongs to {wanted}, and installed is {', '.join(bases)}: train it again")
    try:
        weights = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{WEIGHTS} in {folder} is absent or broken: {error}; train the model again") from error
    if absent := [name for name in card.calibration if f"head.{name}.weight" not in weights or f"head.{name}.bias" not in weights]:
        raise WeightsError(f"{WEIGHTS} in {folder} has no head for {', '.join(absent)}; train the model again")
    base, commercial = bases[wanted]
    return Adapter(replace(card, commercial=card.commercial and commercial), base, weights)
