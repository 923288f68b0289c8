"""A classifier of pictures in the hub's format, ViT, ConvNeXT, ResNet and the like, fine-tuned whole or in part."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affekt.encoders.face_transformers import side_of
from affekt.training.augment_face import FaceAugmentation, augmented
from affekt.training.clips import face_of
from affekt.training.job import Family, Job, Made
from affekt.training.loop import Optimiser
from affekt.training.media_hub import Settings, fine_tune, open_start

Bytes = NDArray[np.uint8]


def make(job: Job, folder: Path) -> Made:
    """Fine-tunes, and writes the model in the hub's format.

    Raises:
        InputError: the model cannot be taught, or too many pictures cannot be decoded.
        WeightsError: it cannot be opened.
    """
    start = open_start(job, "face")
    side = side_of(start.reader, start.found)
    changes: FaceAugmentation = job.augment or FaceAugmentation()

    def take(faces: Sequence[Bytes]) -> dict[str, Tensor]:
        return dict(start.reader(list(faces), input_data_format="channels_last", return_tensors="pt"))

    def change(faces: Sequence[Bytes]) -> Sequence[Any]:
        pixels = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float()
        seen = augmented(pixels, changes, torch.default_generator, size=side)
        return list(seen.round().byte().permute(0, 2, 3, 1).numpy())

    return fine_tune(job, start, folder, read=lambda row: face_of(row, side), take=take, change=change if job.settings.varied else None)


FAMILY = Family("face_transformers", Settings, make, Optimiser(epochs=5, batch=32, rate=3e-5, head_rate=1e-3))
