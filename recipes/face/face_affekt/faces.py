"""FER2013 with the votes of FER+, as the steps of this recipe see them."""

import os
import tomllib
from pathlib import Path

import numpy as np

from affekt.training.face_finetune import Faces

CONFIG = tomllib.loads((Path(__file__).parent / "config.toml").read_text())
FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")  # columns of the votes, in order
VOTERS = 10
HELD_BACK = 10  # every tenth training image is for choosing


def load() -> dict[str, np.ndarray]:
    with np.load(Path(os.environ["AFFEKT_DATA"]) / "faces" / "fer2013_ferplus.npz") as found:
        return {name: found[name] for name in found.files}


def part(split: str) -> dict[str, np.ndarray]:
    """Images, FER2013's labels and FER+'s votes of "fit", "choose" (both of the training split), "train" or "valid"."""
    data = load()
    rows = data["split"] == ("valid" if split == "valid" else "train")
    if split in ("fit", "choose"):
        tenth = np.zeros(len(rows), bool)
        tenth[np.flatnonzero(rows)[::HELD_BACK]] = True
        rows = rows & (tenth if split == "choose" else ~tenth)
    return {name: data[name][rows] for name in ("images", "label", "ferplus_votes")}


def distribution(votes: np.ndarray) -> np.ndarray:
    """What ten voters said, (n, 8); single votes are left out as noise, and images that most call no face, or unknown, are zeros."""
    named = np.where(votes[:, : len(FERPLUS)] > 1, votes[:, : len(FERPLUS)], 0).astype(np.float32)
    unclear = votes[:, len(FERPLUS) :].sum(1) > VOTERS / 2
    total = named.sum(1, keepdims=True)
    return np.where((total > 0) & ~unclear[:, None], named / np.maximum(total, 1), 0).astype(np.float32)


def majority(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which images more than half of all voters agree on, (n,), and on what, (n,)."""
    best = votes.argmax(1)
    return (votes.max(1) > VOTERS / 2) & (best < len(FERPLUS)), best


def targets(found: dict[str, np.ndarray]) -> Faces:
    classes = 7
    smooth = CONFIG["smoothing"]
    own = np.eye(classes, dtype=np.float32)[found["label"]] * (1 - smooth) + smooth / classes
    return Faces(found["images"], {"ferplus8": distribution(found["ferplus_votes"]), "fer2013": own.astype(np.float32)})
