"""Heads of one's own over what the shipped face network sees before its own heads: seconds, once every face has been looked at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from affekt.encoders._adapters import WEIGHTS
from affekt.encoders._card import read_card
from affekt.encoders.face_adapter import FaceBody
from affekt.encoders.face_affekt import SHIPPED
from affekt.parts import Row
from affekt.training.clips import each, face_of, kept
from affekt.training.frozen import heads_of_faces, unseen_of
from affekt.training.job import Family, Job, Made

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        balanced: rare labels count as much as frequent ones.
    """

    balanced: bool = True


def make(job: Job, folder: Path) -> Made:
    """Looks at every picture once, fits the heads, and writes them.

    Raises:
        InputError: too many pictures cannot be decoded, or the rows say too little.
    """
    settings: Settings = job.settings
    body, base = FaceBody(0), read_card(SHIPPED)

    def look(row: Row) -> Floats:
        return body.features([face_of(row, body.side)])[0]

    seen = each([*job.train, *job.dev], look, watch=job.watch)
    there = [one is not None for one in seen]
    job = kept(job, there)
    features = np.stack([one for one in seen if one is not None])
    heads = heads_of_faces(job, features, [*job.train, *job.dev], balanced=settings.balanced)
    weights = {f"head.{name}.{kind}": getattr(head, kind) for name, head in heads.items() for kind in ("weight", "bias")}
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}, folder / WEIGHTS)
    facts = {"base": f"{base.name}@{base.revision}", "strength": {name: head.strength for name, head in heads.items()}}
    return Made(folder / WEIGHTS, facts, unseen_of(heads, there))


FAMILY = Family("face_adapter", Settings, make)
