"""What a model family is asked to do, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from affekt.errors import InputError, UnknownName
from affekt.parts import Card, LabelSet, Row
from affekt.training.loop import Optimiser, Watch
from affekt.training.losses import Loss

Floats = NDArray[np.float32]
Modality = Literal["text", "speech", "face"]


@dataclass(frozen=True, slots=True)
class Job:
    """Rows to learn from, and how.

    Args:
        train, dev: labelled in the words of the first label set.
        sets: the label sets that the model shall speak; the first is what it is chosen by.
        settings: of the family.
        teacher: label set -> (rows of train, labels) probabilities; NaN: the teacher is silent.
        shares: label set -> what its loss is multiplied by.
        change: what makes an augmented row of a row; text only.
        augment: settings of the augmentation of sound or pictures; None: none.
        work: folder for checkpoints and logs.
    """

    train: Sequence[Row]
    dev: Sequence[Row]
    sets: Sequence[LabelSet]
    settings: Any
    optimiser: Optimiser
    loss: Loss
    seed: int
    work: Path
    watch: Watch
    teacher: Mapping[str, Floats] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    change: Callable[[Row, np.random.Generator], Row] | None = None
    augment: Any = None


@dataclass(frozen=True, slots=True)
class Made:
    """A folder that has all but its card.

    Args:
        weights: the file whose checksum is the model's revision.
        facts: what the card says of how it was made.
        unseen: label set -> raw outputs for the rows of train, then dev, each by a model that has not seen the row; it is calibrated on
            these where they are given, else on what the model says of dev.
        card: of a family that calibrates and judges by itself.
    """

    weights: Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    unseen: Mapping[str, Floats] | None = None
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model.

    Args:
        encoder: key of what opens its folders.
        settings: dataclass of what `[model]` in a recipe may say.
        optimiser: what `[optimiser]` says where a recipe does not.
        make: writes the folder.
        space: what a search varies: "section.setting" -> (lowest, highest), on a scale of logarithms, or a list of choices.
    """

    encoder: str
    settings: type
    make: Callable[[Job, Path], Made]
    optimiser: Optimiser = field(default_factory=Optimiser)
    space: Mapping[str, tuple[float, float] | Sequence[Any]] = field(default_factory=dict)


def names(modality: str) -> list[str]:
    """The families of a modality."""
    files = (Path(__file__).parent / "families").glob(f"{modality}_*.py")
    return sorted(file.stem.removeprefix(f"{modality}_") for file in files)


def find(modality: str, name: str) -> Family:
    """The family of that name.

    Raises:
        InputError: no such modality.
        UnknownName: it has no such family.
    """
    if not (there_are := names(modality)):
        raise InputError(f"no modality {modality!r} to train; there are: text, speech, face")
    if name not in there_are:
        raise UnknownName(name, f"training/families of {modality}", there_are)
    family: Family = import_module(f"affekt.training.families.{modality}_{name}").FAMILY
    return family
