"""A classifier of sound in the hub's format, wav2vec2, HuBERT, WavLM, Whisper, AST and the like, fine-tuned whole or in part."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affekt.encoders.speech_transformers import LEAST, MOST
from affekt.errors import WeightsError
from affekt.parts import Row
from affekt.sources.audio import RATE
from affekt.training.augment_speech import SpeechAugmentation, augmented
from affekt.training.clips import samples_of
from affekt.training.job import Family, Job, Made
from affekt.training.loop import Optimiser
from affekt.training.media_hub import Settings, fine_tune, open_start

Floats = NDArray[np.float32]


def make(job: Job, folder: Path) -> Made:
    """Fine-tunes, and writes the model in the hub's format.

    Raises:
        InputError: the model cannot be taught, or too many recordings cannot be decoded.
        WeightsError: it cannot be opened, or is made for another number of samples a second.
    """
    start = open_start(job, "speech")
    if start.reader.sampling_rate != RATE:
        raise WeightsError(
            f"{start.name} is made for {start.reader.sampling_rate:,} samples a second; only models for {RATE:,} can be opened"
        )
    one_size = len({_shape(start.reader(np.zeros(n, np.float32), sampling_rate=RATE)) for n in (LEAST, 2 * LEAST)}) == 1
    padding = {} if one_size else {"padding": True}  # some models take all of one length, and pad to it by themselves
    changes: SpeechAugmentation = job.augment or SpeechAugmentation()

    def read(row: Row) -> Floats:
        samples = samples_of(row)[:MOST]
        return np.pad(samples, (0, max(LEAST - len(samples), 0)))

    def take(clips: Sequence[Floats]) -> dict[str, Tensor]:
        return dict(start.reader(list(clips), sampling_rate=RATE, return_tensors="pt", **padding))

    def change(clips: Sequence[Floats]) -> Sequence[Floats]:
        rng = np.random.default_rng(int(torch.randint(2**31, ())))
        return [augmented(clip, changes, rng)[:MOST] for clip in clips]

    return fine_tune(job, start, folder, read=read, take=take, change=change if job.settings.varied else None)


def _shape(given: Any) -> tuple[int, ...]:
    return np.shape(next(iter(given.values()))[0])


FAMILY = Family("speech_transformers", Settings, make, Optimiser(epochs=5, batch=16, rate=3e-5, head_rate=1e-3))
