"""Who speaks is told by whose mouth moves with the voice, and by nothing else that moves."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from affekt.preprocessing.faces import Face
from affekt.preprocessing.mouths import ALONE, HIGH, PER_SECOND, WIDE, Floats, band_levels, motion, patch, speaking, timed
from affekt.sources.audio import RATE
from drawn import BLACK, DARK, FAIR, drawn_face, on

SIDE = 160  # pixels of a face
SIZE = (240, 240)
MARKS = ((0.38, 0.485), (0.62, 0.485), (0.5, 0.635), (0.5, 0.75), (0.21, 0.54), (0.79, 0.54))  # of a drawn face
SECONDS = 4.0
Signal = Sequence[tuple[float, float]]


def heard_in(samples: Floats, *, start: float = 0.0) -> list[tuple[float, float]]:
    return timed(band_levels(samples), start=start)


def shown(*, opening: float = 0.0, at: tuple[int, int] = (40, 40), skin: tuple[int, int, int] = FAIR) -> Image.Image:
    """A face whose mouth is open by a share of its height."""
    face = drawn_face(SIDE, "flat", skin, BLACK).copy()
    if opening > 0:
        x, y, wide, high = (share * SIDE for share in (0.5, 0.765, 0.06, 0.012 + 0.06 * opening))
        ImageDraw.Draw(face).ellipse((x - wide, y - high, x + wide, y + high), fill=(60, 15, 20))
    return on(SIZE, (face, *at))


def face_at(left: float = 40, top: float = 40, side: float = SIDE) -> Face:
    marks = np.array(MARKS, np.float32) * side + np.array([left, top], np.float32)
    return Face((left + 0.2 * side, top + 0.2 * side, left + 0.8 * side, top + 0.9 * side), marks, 0.9)


def seen(picture: Image.Image, face: Face | None = None) -> Floats:
    found = patch(picture, face or face_at())
    assert found is not None
    return found


def voice(seed: int = 0, *, seconds: float = SECONDS) -> tuple[np.ndarray, np.ndarray]:
    """Somebody who speaks about four syllables a second, (n,) at 16 kHz, and how open the mouth is, of the same length."""
    rng, samples = np.random.default_rng(seed), round(seconds * RATE)
    opening, begin = np.zeros(samples), 0
    while begin < samples:
        length = round(RATE * rng.uniform(0.14, 0.36))
        opening[begin : begin + length] = (rng.uniform(0.4, 1) * np.sin(np.pi * np.arange(length) / length) ** 2)[: samples - begin]
        begin += length + round(RATE * rng.uniform(0, 0.08))
    return (0.3 * opening * rng.normal(0, 1, samples)).astype(np.float32), opening


def looks(seconds: float = SECONDS) -> np.ndarray:
    return np.arange(0, seconds, 1 / PER_SECOND)


def moved(opening: np.ndarray, *, noise: float = 0.0, seed: int = 0) -> Signal:
    """What is measured of a mouth that is so open, with an error of this spread."""
    rng, times = np.random.default_rng(seed), looks(len(opening) / RATE)
    now = opening[(times * RATE).astype(int)]
    return [(float(at), max(0.3 * abs(b - a) + rng.normal(0, noise), 0.0)) for at, (a, b) in zip(times[1:], pairwise(now), strict=True)]


def measured(pictures: Sequence[Image.Image], faces: Sequence[Face]) -> Signal:
    patches = [seen(*one) for one in zip(pictures, faces, strict=True)]
    return [(float(at), motion(*pair)) for at, pair in zip(looks()[1:], pairwise(patches), strict=True)]


def test_a_patch_is_small_and_grey_whatever_the_size_of_the_face() -> None:
    small = seen(shown())
    assert small.shape == (HIGH, WIDE) and small.dtype == np.float32 and 0 <= small.min() < small.max() <= 255
    large = shown().resize((960, 960), Image.Resampling.BICUBIC)
    assert np.abs(seen(large, face_at(160, 160, 640)) - small).mean() < 4
    turned = shown().rotate(20, Image.Resampling.BICUBIC, center=(120, 120))
    marks = (face_at().landmarks - 120) @ np.array([[np.cos(a := np.radians(20)), -np.sin(a)], [np.sin(a), np.cos(a)]]) + 120
    assert np.abs(seen(turned, Face(face_at().box, marks.astype(np.float32), 0.9)) - small).mean() < 4


def test_what_is_too_small_or_out_of_the_picture_is_not_seen() -> None:
    assert patch(shown(), face_at(side=20)) is None
    assert patch(shown(), face_at(top=160)) is None
    assert patch(shown(), face_at(left=-1000)) is None


def test_a_mouth_that_opens_or_shuts_moves_and_the_more_the_further_it_goes() -> None:
    shut, half, wide = (seen(shown(opening=opening)) for opening in (0.0, 0.5, 1.0))
    assert motion(shut, half) > 0.1 and 0.1 < motion(half, wide) < motion(shut, wide)
    assert motion(wide, shut) == pytest.approx(motion(shut, wide), rel=0.05)
    assert motion(shut, shut) == motion(wide, wide) == 0


def test_light_that_changes_is_no_motion() -> None:
    for opening in (0.0, 1.0):
        picture = shown(opening=opening)
        for lit in (picture.point(lambda value: value * 0.6), picture.point(lambda value: value * 0.8 + 30)):
            assert motion(seen(picture), seen(lit)) < 0.02


@pytest.mark.parametrize("opening", [0.0, 1.0])
def test_a_head_that_moves_is_no_motion_of_its_mouth(opening: float) -> None:
    before, talked = seen(shown(opening=opening)), motion(seen(shown()), seen(shown(opening=0.5)))
    for at in ((52, 40), (40, 47), (33, 44)):  # followed exactly, and off by a pixel
        after = shown(opening=opening, at=at)
        for face in (face_at(*at), face_at(at[0] + 1, at[1] - 1), face_at(at[0], at[1], SIDE * 1.01)):
            assert motion(before, seen(after, face)) < talked / 4


def test_grain_is_no_motion() -> None:
    rng = np.random.default_rng(0)
    for skin in (FAIR, DARK):
        pixels = np.asarray(shown(skin=skin), np.float32)
        grainy = [seen(Image.fromarray(np.clip(pixels + rng.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8))) for _ in range(8)]
        assert np.mean([motion(*pair) for pair in pairwise(grainy)]) < 0.02


def test_a_face_without_contrast_does_not_move() -> None:
    flat = np.full((HIGH, WIDE), 120, np.float32)
    assert motion(flat, flat) == 0
    assert motion(flat, flat + 40) == pytest.approx(0, abs=1e-3)


def test_loudness_has_a_value_every_32_ms_and_hears_the_voice_not_the_hum() -> None:
    times = np.arange(RATE) / RATE
    tone, hum = (np.sin(2 * np.pi * hertz * times).astype(np.float32) for hertz in (1000, 60))
    heard = heard_in(np.concatenate([0.1 * tone, tone]), start=5.0)
    assert len(heard) == 62 and heard[0][0] == pytest.approx(5.016) and heard[-1][0] == pytest.approx(5.016 + 61 * 0.032)
    assert heard[-5][1] - heard[5][1] == pytest.approx(20, abs=0.1)
    assert heard[-5][1] - heard_in(hum)[5][1] > 30


def test_a_mouth_that_moves_with_the_voice_beats_one_that_moves_otherwise() -> None:
    won = 0
    for seed in range(20):
        samples, opening = voice(seed)
        heard = heard_in(samples)
        own = speaking(moved(opening, noise=0.02, seed=seed), heard)
        won += own > 0 and own > speaking(moved(voice(seed + 100)[1], noise=0.02, seed=seed), heard)
    assert won >= 18


def test_a_still_mouth_is_no_speaker() -> None:
    heard = heard_in(voice()[0])
    for noise in (0.0, 0.005, 0.02):
        assert speaking(moved(np.zeros(round(SECONDS * RATE)), noise=noise), heard) < -1


def test_a_mouth_that_always_moves_as_much_is_less_of_a_speaker_than_one_that_began_with_the_voice() -> None:
    samples, opening = voice()
    heard = heard_in(samples, start=SECONDS)
    chewing = moved(np.concatenate([voice(7)[1], voice(8)[1]]))
    began = moved(np.concatenate([np.zeros(len(opening)), voice(8)[1]]))
    assert speaking(began, heard) > speaking(chewing, heard)


def test_of_drawn_faces_the_one_that_talks_is_chosen() -> None:
    samples, opening = voice(3)
    at = (looks() * RATE).astype(int)
    other, (x, y) = voice(11)[1], np.random.default_rng(0).integers(-6, 7, (2, len(at)))
    places = [(40 + int(a), 40 + int(b)) for a, b in zip(x, y, strict=True)]
    still = [face_at()] * len(at)
    heard = heard_in(samples)
    talks = speaking(measured([shown(opening=opening[i]) for i in at], still), heard)
    talks_of_something_else = speaking(measured([shown(opening=other[i]) for i in at], still), heard)
    shakes = speaking(measured([shown(at=place) for place in places], [face_at(*place) for place in places]), heard)
    stares = speaking(measured([shown()] * len(at), still), heard)
    assert talks > 0 > max(shakes, stares)
    assert talks > talks_of_something_else > shakes


def test_too_little_is_no_evidence() -> None:
    samples, opening = voice()
    motions, heard = moved(opening), heard_in(samples)
    assert speaking([], heard) == speaking(motions, []) == speaking(motions[:3], heard) == 0
    assert speaking([(at + 60, one) for at, one in motions], heard) == 0  # not to be seen then
    assert speaking(motions[::5], heard) == 0  # looked at so seldom that one look does not follow from the one before
    assert speaking([], heard, prior=ALONE) == ALONE
    assert speaking(motions, heard, prior=ALONE) == pytest.approx(speaking(motions, heard) + ALONE)


def test_a_short_word_says_less_than_a_sentence() -> None:
    samples, opening = voice()
    word, sentence = (heard_in(samples[: round(seconds * RATE)]) for seconds in (0.7, SECONDS))
    assert abs(speaking(moved(np.zeros(len(opening))), word)) < abs(speaking(moved(np.zeros(len(opening))), sentence))


def test_only_what_was_until_the_end_of_the_utterance_counts() -> None:
    samples, opening = voice()
    motions, heard = list(moved(opening)), heard_in(samples)
    later = [(SECONDS + at + 0.1, 1.0) for at, _ in motions]
    assert speaking(motions + later, heard) == speaking(motions, heard)


def test_how_loud_it_was_recorded_does_not_matter() -> None:
    samples, opening = voice()
    said = [speaking(moved(opening), heard_in(samples * np.float32(gain))) for gain in (1, 0.1)]
    assert said[0] == pytest.approx(said[1], abs=0.02)
