"""How clear a signal is: how much of what a model can tell of a clear one is left.

Each measure goes through a logistic curve whose middle and width `recipes/fusion/log_linear` fitted to degraded recordings, faces and
texts: at 1 the scores of a modality count in full where several are fused, at 0 not at all.
"""

import math
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affekt.preprocessing.speech import FRAME

Floats = NDArray[np.float32]
DIGITS = 2  # of a clarity
LOUD, FAINT = 90, 10  # percentiles of the frames' loudness: what is said, and what is around it
FAINTEST = -100.0  # dB of full scale
LARGE = 3  # letters that a Chinese character, or another that is a word or syllable and a word, stands for
MIDDLE = 2  # letters that a syllable stands for, as in Devanagari or Ethiopic


@dataclass(frozen=True, slots=True)
class Curve:
    """From a measure to [0, 1].

    Args:
        middle: where it is a half.
        width: how far from there it is 0.73; below 0 where more is worse.
    """

    middle: float
    width: float

    def __call__(self, measure: float) -> float:
        return 1 / (1 + math.exp(-max(min((measure - self.middle) / self.width, 30.0), -30.0)))

    def log(self, measure: float) -> float:
        """Of the measure's logarithm to base 10."""
        return self(math.log10(max(measure, 1e-5)))


RANGE = Curve(10.03, 3.79)  # dB between what is said and what is around it
VOICED = Curve(-0.37, 0.18)  # seconds of speech; by the logarithm to base 10, as all below but PIECES
LETTERS = Curve(0.80, 0.52)  # letters of a text
PIECES = Curve(1.72, 0.67)  # letters in a piece
SIZE = Curve(1.02, 0.16)  # pixels a side of a face
FINE = Curve(-3.04, 0.41)  # power of a face's finest details, as a share of all
COARSE = Curve(-0.52, -0.15)  # the same: more is noise
SPREAD = Curve(0.63, 0.18)  # of a face's brightness, in 0 … 255


def text_clarity(count: int, size: float | None = None) -> float:
    """Clarity of a text, in [0, 1].

    Args:
        count: of its letters, as `letters` counts them.
        size: of the pieces that it falls into, as `piece_size` tells; None: not known.
    """
    return round(LETTERS.log(count) * (1.0 if size is None else PIECES(size)), DIGITS)


def speech_clarity(span: float, voiced: float) -> float:
    """Clarity of an utterance, in [0, 1].

    Args:
        span: dB, as `range_of` finds it.
        voiced: seconds of speech.
    """
    return round(RANGE(span) * VOICED.log(voiced), DIGITS)


def face_clarity(*, size: float, fine: float, spread: float) -> float:
    """Clarity of a face, in [0, 1].

    Args:
        size: pixels of its crop's side in the picture.
        fine: power of the finest details of its grey crop, as a share of all.
        spread: of the crop's brightness, in 0 … 255.
    """
    return round(SIZE.log(size) * FINE.log(fine) * COARSE.log(fine) * SPREAD.log(spread), DIGITS)


def letters(text: str) -> int:
    """Letters and pictographs of a text; one that stands for a word or a syllable counts for as many as that usually has.

    >>> letters("so happy!"), letters("我很开心")
    (7, 12)
    """
    return sum(map(_weight, text))


def piece_size(text: str, pieces: int) -> float | None:
    """Letters in a piece of a vocabulary: where words are none, or of a language that the model hardly knows, pieces are small.

    None where that tells nothing: in other scripts than plain Latin pieces are small anyway.

    Args:
        pieces: that the vocabulary takes to spell the text.
    """
    plain = text.isascii() and any(map(str.isalpha, text))
    return letters(text) / pieces if plain and pieces > 0 else None


def _weight(character: str) -> int:
    kind = unicodedata.category(character)
    if kind == "So" or (kind == "Lo" and unicodedata.east_asian_width(character) == "W"):
        return LARGE
    return MIDDLE if kind == "Lo" else int(kind[0] == "L")


def range_of(samples: Floats) -> float:
    """Decibels between the loud and the faint frames of an utterance, (n,): little where there is noise all along."""
    level = loudness(samples)
    if not len(level):
        return 0.0
    high, low = np.percentile(level, (LOUD, FAINT))
    return float(high - low)


def loudness(samples: Floats) -> Floats:
    """Decibels of full scale of each frame of 32 ms, (n // FRAME,)."""
    whole = len(samples) // FRAME
    power = (samples[: whole * FRAME].astype(np.float64).reshape(whole, FRAME) ** 2).mean(1)
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FAINTEST / 10))), np.float32)
