"""VADER: a lexicon of 7,500 words and a few rules for English (Hutto and Gilbert 2014, ICWSM); the baseline without training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks, revision_of
from affekt.errors import MissingExtra, WeightsError
from affekt.parts import Calibration, Card, Encoder
from affekt.results import Clip

# VADER calls a text positive from a compound of 0.05, negative from -0.05, else neutral. The raw outputs are the
# logarithms of three weights, so that their softmax keeps that rule and grows surer with the compound.
NEUTRAL = 0.05 - 5e-5  # half of the compound's last digit, so that 0.05 itself is positive
LEAST = 0.0125  # 0.05 / 4: no word of the lexicon at all is neutral with 0.05 / (0.05 + 2 * 0.0125) = 2/3


@dataclass(slots=True)
class TextLexicon:
    """The lexicon, loaded."""

    card: Card
    polarity: Callable[[str], Mapping[str, float]]

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of each label set: (clips, labels of the set).

        Raises:
            InputError: a label set that VADER has no word for.
        """
        check_speaks(self.card, labels)
        compound = np.array([self.polarity(clip.data)["compound"] for clip in clips], np.float32)  # (clips,) in [-1, 1]
        nothing = np.zeros_like(compound)
        weights = np.stack([np.maximum(-compound, LEAST), nothing + NEUTRAL, np.maximum(compound, LEAST)], axis=1)
        speaks = {"sentiment3": np.log(weights), "vad": np.stack([compound, nothing, nothing], axis=1)}
        return {name: speaks[name] for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip itself: the rules take a text of any length."""
        return [clip]


def load(folder: Path | None, threads: int) -> TextLexicon:  # noqa: ARG001 (every encoder takes it)
    """Opens the lexicon of the installed package; it uses one thread whatever is asked for.

    Raises:
        MissingExtra: vaderSentiment is not installed.
        WeightsError: a folder is named; there is none to load.
    """
    if folder is not None:
        raise WeightsError(f"text_lexicon has no weights to load from {folder}; name it without a folder")
    try:
        vader = import_module("vaderSentiment.vaderSentiment")
    except ImportError as error:
        raise MissingExtra("vaderSentiment", "baselines") from error
    return TextLexicon(_card(Path(vader.__file__ or "").with_name("vader_lexicon.txt")), vader.SentimentIntensityAnalyzer().polarity_scores)


def _card(lexicon: Path) -> Card:
    plain = Calibration(scale=(1.0,) * 3, shift=(0.0,) * 3)
    return Card(
        name="text_lexicon",
        revision=revision_of(lexicon),
        modality="text",
        languages=("en",),
        licence={"code": "MIT", "weights": "MIT", "data": "MIT; ratings of single words by ten people each"},
        commercial=True,
        calibration={"sentiment3": plain, "vad": plain},
        facts={
            "family": "text_lexicon",
            "paper": "Hutto and Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM",
            "limits": ["English only.", "Of valence, arousal and dominance it knows valence; the others are 0."],
        },
    )


PART = Encoder(name="text_lexicon", modality="text", load=load, needs_folder=False)
