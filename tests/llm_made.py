"""Folders of language models that tests make, and what they say."""

from pathlib import Path
from typing import Any

import numpy as np

from affekt.encoders import text_llm
from affekt.encoders._card import write_card
from affekt.encoders._llm_prompt import REVISION
from affekt.encoders._llm_settings import plain_settings, read_settings, revision_of
from affekt.labels import ekman7
from affekt.parts import Calibration, Card, LabelSet
from affekt.results import Clip

TEXTS = ["I am so happy", "I am angry", "a chair", "so sad"]
TOP = ["joy", "anger", "neutral", "sadness"]
KEY = "sk-a-key-that-nobody-may-see"
OWN = LabelSet("心情", ("好", "坏", "一般"), "single", "Nobody (2025)")
VARIABLES = ("AFFEKT_LLM_ENDPOINT", "AFFEKT_LLM_CACHE", "OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_ORG_ID")


def write(folder: Path, url: str, labels: LabelSet = ekman7.PART, **settings: Any) -> Path:
    """The folder of a model that is asked about a label set, without calibration."""
    given = {"model": "m", "endpoint": url, "prompt": REVISION, "retries": 1, "timeout": 20.0, **settings}
    found, wide = read_settings(given), len(labels.labels)
    card = Card(
        name="text_llm",
        revision=revision_of(found, labels),
        modality="text",
        languages=("en",),
        licence={"code": "Apache-2.0", "weights": "theirs", "data": "unknown"},
        commercial=False,
        calibration={labels.name: Calibration((1.0,) * wide, (0.0,) * wide)},
        facts={"family": "text_llm", "llm": plain_settings(found)},
        sets={OWN.name: OWN} if labels is OWN else {},
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_card(card, folder)
    return folder


def read(folder: Path, texts: list[str], labels: LabelSet = ekman7.PART) -> np.ndarray:
    encoder = text_llm.load(folder, 0)
    return encoder(clips(texts), labels=[labels.name])[labels.name]


def clips(texts: list[str]) -> list[Clip]:
    return [Clip("text", text, 0, len(text), span=(0, len(text))) for text in texts]


def tops(raw: np.ndarray, labels: LabelSet = ekman7.PART) -> list[str]:
    return [labels.labels[at] for at in raw.argmax(1)]
