"""A language model behind an OpenAI-compatible endpoint: nothing is trained; examples are chosen, and what it says is calibrated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from affekt.encoders._card import CARD, read_card
from affekt.errors import InputError
from affekt.training import text_llm
from affekt.training.job import Family, Job, Made


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked, and where.

    Args:
        model: as the endpoint names it.
        endpoint: its base URL; "": what the environment names.
        shots: examples a label, of the training rows; each is sent with every text.
        asking: more of what docs/llm.md lists, such as {"concurrency": 2}.
    """

    model: str = ""
    endpoint: str = ""
    shots: int = 0
    asking: Mapping[str, Any] = field(default_factory=dict)


def make(job: Job, folder: Path) -> Made:
    """Asks about the dev rows and writes the card.

    Raises:
        InputError: no model is named, or there are no dev rows.
        EndpointError: the endpoint fails.
    """
    settings: Settings = job.settings
    if not settings.model:
        raise InputError("which model? Name it as the endpoint does: --set model.model=NAME, and where: --set model.endpoint=URL")
    text_llm.make(
        job.train,
        job.dev,
        job.sets[0],
        model=settings.model,
        endpoint=settings.endpoint,
        shots=settings.shots,
        seed=job.seed,
        settings=settings.asking,
        out=folder,
        report=lambda _, done: job.watch.step(done, len(job.dev), 0.0),
    )
    return Made(folder / CARD, card=read_card(folder))


FAMILY = Family("text_llm", Settings, make)
