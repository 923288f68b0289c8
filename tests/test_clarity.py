"""How clear a signal is: what is lost in noise, silence, darkness or gibberish counts for less, and clarity stays within its range."""

import math
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

from affekt import Reader
from affekt.preprocessing.clarity import (
    COARSE,
    FAINTEST,
    FRAME,
    Curve,
    face_clarity,
    letters,
    loudness,
    piece_size,
    range_of,
    speech_clarity,
    text_clarity,
)
from affekt.preprocessing.crops import crop
from affekt.preprocessing.faces import Face
from drawn import DARK, FAIR, drawn_face, on

RATE = 16_000


def falls(values: list[float]) -> bool:
    return all(a >= b for a, b in pairwise(values)) and values[0] > values[-1]


# --- the curve


def test_a_curve_is_a_half_in_the_middle_and_stays_in_its_range() -> None:
    curve = Curve(10.0, 2.0)
    assert (
        curve(10.0) == 0.5 and curve(12.0) == pytest.approx(0.731, abs=1e-3) and Curve(10.0, -2.0)(12.0) == pytest.approx(0.269, abs=1e-3)
    )
    for given in (-1e9, 0.0, 1e9, math.inf, -math.inf):
        assert 0 <= curve(given) <= 1
    assert 0 <= curve.log(0.0) <= curve.log(1e-9) <= curve.log(1e30) <= 1 and curve.log(1e10) == pytest.approx(0.5)


@pytest.mark.parametrize("size", [0.0, 1.0, 24.0, 1000.0])
@pytest.mark.parametrize("fine", [0.0, 1e-6, 0.01, 1.0])
@pytest.mark.parametrize("spread", [0.0, 50.0, 128.0])
def test_clarity_lies_between_nothing_and_all(size: float, fine: float, spread: float) -> None:
    assert 0 <= face_clarity(size=size, fine=fine, spread=spread) <= 1
    assert 0 <= speech_clarity(size - 20, fine) <= 1 and 0 <= text_clarity(int(size), fine * 10) <= 1


# --- sound


def speech(seconds: float = 3.0) -> np.ndarray:
    """Syllables, four a second, with pauses between."""
    at = np.arange(round(seconds * RATE)) / RATE
    open_ = np.maximum(np.sin(2 * np.pi * 2 * at), 0) ** 2
    return ((0.2 * open_ + 1e-3) * np.random.default_rng(0).normal(size=len(at))).astype(np.float32)


def test_loudness_is_told_of_each_whole_frame() -> None:
    sine = np.sin(2 * np.pi * 250 * np.arange(5 * FRAME + 100) / RATE).astype(np.float32)
    level = loudness(sine)
    assert level.shape == (5,) and level == pytest.approx(-3.01, abs=0.1)  # of a sine the mean power is a half
    assert loudness(0.1 * sine) == pytest.approx(level - 20, abs=0.01)
    assert loudness(np.zeros(2 * FRAME, np.float32)).tolist() == [FAINTEST] * 2
    assert len(loudness(sine[: FRAME - 1])) == 0 and range_of(sine[: FRAME - 1]) == 0


def test_the_more_noise_the_less_clear_a_voice() -> None:
    said, rng = speech(), np.random.default_rng(1)
    clear = [
        speech_clarity(range_of(said + np.float32(noise) * rng.normal(size=len(said)).astype(np.float32)), 3.0)
        for noise in (0, 0.003, 0.02, 0.3)
    ]
    assert falls(clear) and clear[0] > 0.9 and clear[-1] < 0.15


def test_silence_and_an_even_hum_are_not_clear() -> None:
    hum = np.sin(2 * np.pi * 100 * np.arange(3 * RATE) / RATE).astype(np.float32)
    for even in (np.zeros(3 * RATE, np.float32), 0.1 * hum):
        assert range_of(even) < 1 and speech_clarity(range_of(even), 3.0) < 0.15


def test_the_less_is_said_the_less_clear_it_is_and_how_loud_does_not_matter() -> None:
    span = range_of(speech())
    clear = [speech_clarity(span, voiced) for voiced in (5.0, 1.0, 0.4, 0.2, 0.0)]
    assert falls(clear) and clear[0] > 0.9 and clear[-1] < 0.01
    assert range_of(0.1 * speech()) == pytest.approx(span, abs=1.0)


# --- faces


def seen(picture: Image.Image, side: int, left: int = 40, top: int = 40) -> float:
    marks = np.array([(0.38, 0.485), (0.62, 0.485), (0.5, 0.635), (0.5, 0.75), (0.21, 0.54), (0.79, 0.54)], np.float32)
    face = Face((left, top, left + side, top + side), marks * side + np.array([left, top], np.float32), 0.9)
    return crop(picture, face, side=64).clarity


def shown(side: int = 160, skin: tuple[int, int, int] = FAIR) -> Image.Image:
    return on((side + 80, side + 80), (drawn_face(side, "smile", skin), 40, 40))


def test_a_clear_face_is_clear_whatever_the_skin() -> None:
    assert seen(shown(), 160) > 0.85 and seen(shown(skin=DARK), 160) > 0.85


def test_the_smaller_a_face_the_less_clear() -> None:
    assert falls([seen(shown(side), side) for side in (200, 100, 60, 44)]) and seen(shown(24), 24) == 0  # too small to be judged
    small = [face_clarity(size=size, fine=0.02, spread=50) for size in (100, 24, 10, 3)]
    assert falls(small) and small[0] > 0.9 and small[-1] < 0.1


def test_the_more_a_face_is_blurred_the_less_clear() -> None:
    clear = [seen(shown().filter(ImageFilter.GaussianBlur(radius)), 160) for radius in (0, 3, 6, 14)]
    assert falls(clear) and clear[-1] < 0.2


def test_a_face_in_the_dark_or_in_grain_is_less_clear() -> None:
    dim = [seen(shown().point(lambda value, by=by: int(value * by)), 160) for by in (1.0, 0.3, 0.15, 0.02)]
    assert falls(dim) and dim[-1] == 0
    rng, pixels = np.random.default_rng(0), np.asarray(shown(), np.float32)
    grainy = [Image.fromarray(np.clip(pixels + rng.normal(0, grain, pixels.shape), 0, 255).astype(np.uint8)) for grain in (0, 60, 200)]
    assert falls([seen(picture, 160) for picture in grainy])
    assert COARSE.log(1.0) < 0.1 < 0.9 < COARSE.log(0.02)


# --- texts


def test_letters_are_counted_as_what_they_stand_for() -> None:
    assert letters("") == letters(" 12, !? \n") == 0
    assert letters("abc") == letters("a b-c!") == letters("где") == 3
    assert letters("开心") == 6 and letters("नम") == 4 and letters("🥺") == 3


def test_the_shorter_a_text_the_less_clear() -> None:
    clear = [text_clarity(letters(text)) for text in ("I love this so much, thank you!", "so happy", "ok", "")]
    assert falls(clear) and clear[0] > 0.7 and clear[-1] == 0 and text_clarity(letters("我很开心，谢谢你")) > 0.7


def test_the_smaller_the_pieces_of_a_text_the_less_clear() -> None:
    assert falls([text_clarity(30, size) for size in (5.0, 3.0, 2.0, 1.0, 0.5)])
    assert text_clarity(30, None) > text_clarity(30, 3.0) > 0.5  # nothing is known against it
    assert piece_size("hello there", 2) == 5 and piece_size("привет", 3) is None and piece_size("12 !", 3) is None
    assert piece_size("hello", 0) is None


def test_gibberish_is_less_clear_than_words() -> None:
    said, gibberish, none = Reader().read_texts(["I am so happy about what you did", "xq zvbrt wkjq ghtzx pfqx vrtkwzq", "… 12 !?"])
    assert said.clarity is not None and gibberish.clarity is not None
    assert said.clarity > 0.65 > 0.4 > gibberish.clarity and none.clarity == 0 and none.abstained and none.reason == "no words to read"


def test_speech_that_cannot_be_judged_is_not_clear_at_all() -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")
    from staged import Staged, words

    said = words(0)
    rest = np.zeros(RATE, np.float32)
    reader = Staged(speakers=1)
    (clear,) = reader.read(np.concatenate([rest, said, rest])).readings
    (quiet,) = reader.read(np.concatenate([rest, 0.005 * said, rest])).readings
    hiss = (0.02 * np.random.default_rng(0).normal(size=len(said) + 2 * RATE)).astype(np.float32)
    noisy = reader.read(np.concatenate([rest, said, rest]) + hiss).readings[0]
    assert clear.clarity is not None and noisy.clarity is not None and clear.clarity > 0.9 > noisy.clarity > 0
    assert quiet.abstained and quiet.clarity == 0
