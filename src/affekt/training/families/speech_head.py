"""Heads of one's own over what a shipped speech encoder hears, relative to each voice's personal baseline: seconds, once all is heard."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from affekt.encoders._adapters import WEIGHTS
from affekt.encoders.speech_adapter import SHIPPED
from affekt.encoders.speech_affekt import SpeechAffekt
from affekt.parts import Row
from affekt.training.clips import each, kept, samples_of
from affekt.training.frozen import heads_of_voices, unseen_of
from affekt.training.job import Family, Job, Made

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        free: over `speech_affekt_free`, which may be used for anything; else over `speech_affekt`, which hears better, for research only.
        balanced: rare labels count as much as frequent ones.
    """

    free: bool = False
    balanced: bool = True


def make(job: Job, folder: Path) -> Made:
    """Hears every recording once, fits the heads, and writes them with how voices are and differ.

    Raises:
        InputError: too many recordings cannot be decoded, or the rows say too little.
    """
    settings: Settings = job.settings
    encoder = SpeechAffekt(SHIPPED["speech_affekt_free" if settings.free else "speech_affekt"], 0)

    def hear(row: Row) -> Floats:
        return encoder.hear(samples_of(row), labels=[])[0]

    heard = each([*job.train, *job.dev], hear, watch=job.watch)
    there = [one is not None for one in heard]
    job = kept(job, there)
    features = np.stack([one for one in heard if one is not None])
    assert encoder.population is not None
    population, heads = heads_of_voices(job, features, [*job.train, *job.dev], encoder.population, balanced=settings.balanced)
    weights: dict[str, NDArray[Any]] = {"mean": population.mean, "between": population.between, "within": population.within}
    if population.emotions is not None:
        weights["emotions"] = population.emotions
    for name, head in heads.items():
        weights |= {f"head.{name}.weight": head.weight, f"head.{name}.bias": head.bias}
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}, folder / WEIGHTS)
    facts = {
        "base": f"{encoder.card.name}@{encoder.card.revision}",
        "speakers": len({row.who for row in (*job.train, *job.dev)} - {None}),
        "strength": {name: head.strength for name, head in heads.items()},
    }
    return Made(folder / WEIGHTS, facts, unseen_of(heads, there))


FAMILY = Family("speech_adapter", Settings, make)
