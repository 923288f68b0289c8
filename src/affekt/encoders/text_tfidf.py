"""Counted words and characters with a linear classifier: the baseline that any network must beat.

Runs in numpy; `affekt train --family tfidf` fits it. Words alone and in pairs, and the two to five characters within
words, which serve languages that inflect much or put no blanks; weighted by tf-idf (Salton and Buckley 1988).
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks, read_own_card
from affekt.encoders._words import words
from affekt.errors import WeightsError
from affekt.parts import Card, Encoder
from affekt.preprocessing.text import normalise
from affekt.results import Clip

VOCABULARY, WEIGHTS = "vocabulary.json", "weights.npz"
LENGTHS = range(2, 6)  # of character n-grams
Floats = NDArray[np.float32]


def word_grams(text: str) -> list[str]:
    """The words of a text and the pairs of neighbours.

    >>> word_grams("So good!")
    ['so', 'good', '!', 'so good', 'good !']
    """
    found = words(text)
    return found + [f"{a} {b}" for a, b in pairwise(found)]


def character_grams(text: str) -> list[str]:
    """The n-grams of 2 to 5 characters that cross no blank; a blank stands at both ends of what is between two.

    >>> character_grams("Hi")
    [' h', 'hi', 'i ', ' hi', 'hi ', ' hi ']
    """
    found = []
    for piece in normalise(text).lower().split():
        padded = f" {piece} "
        for length in LENGTHS:
            found += [padded[at : at + length] for at in range(len(padded) - length + 1)]
    return found


ANALYSERS = (word_grams, character_grams)  # in the order of their blocks of features


@dataclass(slots=True)
class TextTfidf:
    """The model, loaded; one row of `weights` and one entry of `idf` a feature, words first."""

    card: Card
    places: tuple[dict[str, int], ...]  # per analyser: gram -> feature
    idf: Floats  # (features,)
    weights: Floats  # (features, labels of all sets, in the order of the card)
    bias: Floats  # (labels of all sets,)

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of several label sets in one pass: {set: (clips, labels of the set)}.

        Raises:
            InputError: the model does not speak one of them.
        """
        check_speaks(self.card, labels)
        raw = np.stack([self._raw(clip.data) for clip in clips]) if clips else np.zeros((0, len(self.bias)), np.float32)
        ends = np.cumsum([len(one.scale) for one in self.card.calibration.values()]).tolist()
        places = dict(zip(self.card.calibration, zip([0, *ends], ends, strict=False), strict=True))
        return {name: raw[:, slice(*places[name])] for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip itself: counting takes a text of any length."""
        return [clip]

    def _raw(self, text: str) -> Floats:
        raw = self.bias.copy()
        for analyse, places in zip(ANALYSERS, self.places, strict=True):
            counted = Counter(place for gram in analyse(text) if (place := places.get(gram)) is not None)
            if counted:
                at = np.fromiter(sorted(counted), np.int64)
                weight = self.idf[at] * (1 + np.log([counted[place] for place in at.tolist()]))  # sublinear term frequency
                raw += (weight / np.sqrt((weight * weight).sum())).astype(np.float32) @ self.weights[at]
        return raw


def load(folder: Path | None, threads: int) -> TextTfidf:  # noqa: ARG001 (every encoder takes it)
    """Opens a folder that training wrote; it uses one thread whatever is asked for.

    Raises:
        WeightsError: there is no folder, or a file in it is absent, broken or of another model.
    """
    card, folder = read_own_card(folder, "text_tfidf", weights=WEIGHTS)
    try:
        with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
            idf, weights, bias = (arrays[name].astype(np.float32) for name in ("idf", "weights", "bias"))
        grams = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        blocks = [list(grams[analyse.__name__]) for analyse in ANALYSERS]
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise WeightsError(f"{VOCABULARY} or {WEIGHTS} in {folder} is broken: {error!r}; train the model again") from error
    wide = (sum(len(one.scale) for one in card.calibration.values()),)
    if not len(idf) == len(weights) == sum(map(len, blocks)) or not weights.shape[1:] == bias.shape == wide:
        raise WeightsError(f"{VOCABULARY}, {WEIGHTS} and the card in {folder} are of different models; train the model again")
    places = tuple({gram: first + at for at, gram in enumerate(block)} for first, block in zip((0, len(blocks[0])), blocks, strict=True))
    return TextTfidf(card, places, idf, weights, bias)


PART = Encoder(name="text_tfidf", modality="text", load=load)
