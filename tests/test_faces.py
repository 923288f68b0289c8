"""Faces are found, each once and none where there is none, made upright, and judged only where they can be."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageFilter

from affekt.preprocessing import faces
from affekt.preprocessing.crops import TEMPLATE, USED, crop
from affekt.preprocessing.faces import Face, again, find, overlap
from drawn import BLACK, BLOND, BROWN, DARK, FAIR, PALE, ROOM, drawn_face, on

LOOKS = ((FAIR, BROWN), (PALE, BLOND), (DARK, BLACK), (FAIR, BLACK), (PALE, BROWN))
SIDE = 96
EYES = 0.485  # how far down a drawn face's eyes are
RIGHT, LEFT, MOUTH = (0.38, EYES), (0.62, EYES), (0.5, 0.73)  # where things are in a drawn face, as shares of its side


def found(picture: Image.Image, **given: bool) -> list[Face]:
    return find(np.asarray(picture), **given)


def portrait(face: Image.Image, size: tuple[int, int] = (640, 480)) -> Image.Image:
    return on(size, (face, (size[0] - face.width) // 2, (size[1] - face.height) // 2))


def only(faces: Sequence[Face]) -> Face:
    assert len(faces) == 1
    return faces[0]


def group(side: int, size: tuple[int, int]) -> Image.Image:
    """Sixty people in six rows."""
    people = []
    for at in range(60):
        skin, hair = LOOKS[at % len(LOOKS)]
        face = drawn_face(side, "smile" if at % 2 else "flat", skin, hair)
        people.append((face, round((at % 10 + 0.5) * size[0] / 10 - side / 2), round((at // 10 + 0.5) * size[1] / 6 - side / 2)))
    return on(size, *people)


# --- finding


@pytest.mark.parametrize("side", [64, 128, 320])
@pytest.mark.parametrize("mouth", ["smile", "flat"])
def test_a_face_is_found_with_its_eyes_and_mouth(side: int, mouth: str) -> None:
    face = only(found(portrait(drawn_face(side, mouth))))
    left, top = (640 - side) // 2, (480 - side) // 2
    for at, (x, y) in zip(USED, (RIGHT, LEFT, MOUTH), strict=True):  # the person's right eye is on the left
        assert np.hypot(*(face.landmarks[at] - (left + x * side, top + y * side))) < 0.05 * side
    assert face.box[0] < face.landmarks[0][0] < face.landmarks[1][0] < face.box[2] and 0.5 <= face.score <= 1
    assert 0.45 * side < face.width < 0.75 * side and face.middle == pytest.approx((320, 240 + 0.04 * side), abs=0.1 * side)


@pytest.mark.parametrize(("skin", "hair"), LOOKS)
def test_faces_of_any_colour_are_found(skin: tuple[int, int, int], hair: tuple[int, int, int]) -> None:
    for ground in (ROOM, (30, 30, 35), (235, 235, 230)):
        assert len(found(on((640, 480), (drawn_face(260, "flat", skin, hair), 190, 120), ground=ground))) == 1


@pytest.mark.parametrize(("side", "size"), [(64, (1280, 960)), (110, (1280, 960))])
def test_in_a_group_photo_nearly_everybody_is_found_once(side: int, size: tuple[int, int]) -> None:
    people = found(group(side, size))
    assert 55 <= len(people) <= 60 and [face.box[0] for face in people] == sorted(face.box[0] for face in people)
    assert all(overlap(one.box, other.box) < 0.1 for at, one in enumerate(people) for other in people[:at])
    assert len(found(group(side, size), fine=False)) < len(people)


def stripes() -> np.ndarray:
    return (np.indices((480, 640)).sum(0) // 12 % 2 * 255).astype(np.uint8)


def ramp() -> np.ndarray:
    return np.linspace(0, 255, 640).astype(np.uint8)[None].repeat(480, 0)


def vignette() -> np.ndarray:
    y, x = np.mgrid[-1:1:480j, -1.33:1.33:640j]
    return np.clip(255 - 150 * np.hypot(x, y), 0, 255).astype(np.uint8)


NOTHING: dict[str, Callable[[], np.ndarray]] = {
    "blank": lambda: np.full((480, 640), 128, np.uint8),
    "black": lambda: np.zeros((480, 640), np.uint8),
    "white": lambda: np.full((480, 640), 255, np.uint8),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8),
    "ramp": ramp,
    "vignette": vignette,
    "stripes": stripes,
    "checks": lambda: (np.indices((480, 640)) // 40 % 2).sum(0).astype(np.uint8) * 100,
    "clouds": lambda: np.asarray(Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32), dtype=np.uint8)).resize((640, 480))),
    "a pixel": lambda: np.full((1, 1), 90, np.uint8),
    "a row": lambda: np.full((1, 4096), 90, np.uint8),
    "a column": lambda: np.full((3000, 2), 90, np.uint8),
}


@pytest.mark.parametrize("name", NOTHING)
def test_there_is_no_face_where_there_is_none(name: str) -> None:
    assert find(np.repeat(NOTHING[name]()[..., None], 3, 2)) == []


def test_a_face_that_is_known_is_not_found_twice() -> None:
    picture = on((640, 480), (drawn_face(220), 40, 120), (drawn_face(220, "flat", DARK, BLACK), 380, 120))
    both = found(picture)
    assert len(both) == 2
    assert find(np.asarray(picture), known=both[1:])[1] is both[1] and len(find(np.asarray(picture), known=both)) == 2
    assert len(find(np.asarray(picture), known=both[:1], fine=False)) == 2


def test_a_face_is_found_again_near_where_it_was() -> None:
    before = found(on((640, 480), (drawn_face(200), 200, 120)))
    now = on((640, 480), (drawn_face(200), 230, 130))
    face = again(np.asarray(now), before)[0]
    assert face is not None and overlap(face.box, only(found(now)).box) > 0.8
    assert again(np.asarray(on((640, 480))), before) == [None] and again(np.asarray(now), []) == []


def test_a_face_found_again_is_one_persons_only() -> None:
    pair = on((640, 480), (drawn_face(200), 120, 120), (drawn_face(200, "flat", DARK, BLACK), 260, 120))
    both = found(pair)
    assert len(both) == 2
    left = on((640, 480), (drawn_face(200), 190, 120))  # one went, and the other came to between where they were
    assert sum(face is not None for face in again(np.asarray(left), both)) == 1


@pytest.mark.parametrize("place", [(-5000.0, 100.0), (5000.0, 100.0), (100.0, -5000.0), (639.9, 479.9), (-900.0, -900.0)])
def test_a_face_that_went_out_of_the_picture_is_looked_for_in_vain(place: tuple[float, float]) -> None:
    gone = Face((*place, place[0] + 100, place[1] + 100), np.full((6, 2), 50, np.float32) + np.array(place, np.float32), 0.9)
    assert again(np.asarray(on((640, 480))), [gone]) == [None]


# --- upright crops


@cache
def upright(turn: float, side: int = 256) -> Image.Image:
    """A drawn face from the front, its head put to one side by so many degrees."""
    picture = portrait(drawn_face(240), (640, 480)).rotate(turn, Image.Resampling.BICUBIC, fillcolor=ROOM)
    found_crop = crop(picture, only(found(picture)), side=side)
    assert found_crop.pixels.shape == (side, side, 3) and found_crop.reason is None
    return Image.fromarray(found_crop.pixels)


def alike(one: Image.Image, other: Image.Image) -> float:
    """How far the inner parts of two crops go together: their correlation."""
    inner = [np.asarray(image.resize((48, 48), Image.Resampling.BOX).convert("L"))[6:42, 6:42].ravel() for image in (one, other)]
    return float(np.corrcoef(*inner)[0, 1])


@pytest.mark.parametrize("turn", [-35, -25, -10, 0, 10, 25, 35])
def test_a_face_is_made_upright(turn: float) -> None:
    made = upright(turn)
    face = only(found(on((640, 480), (made, 192, 112))))
    places = (face.landmarks[list(USED)] - (192, 112)) / 256
    assert np.abs(places - TEMPLATE).max() < 0.05
    assert alike(made, upright(0)) > 0.87
    assert abs(turn) < 25 or alike(upright(0).rotate(turn), upright(0)) < 0.7  # what it would be had it been left as it was


def test_the_landmarks_of_any_face_come_to_their_places() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        size, turn, shift = rng.uniform(60, 300), rng.uniform(-3, 3), rng.uniform(200, 600, 2)
        around = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        places = TEMPLATE @ around.T * size + shift
        picture = Image.new("L", (900, 900))
        for x, y in places:
            picture.paste(255, (round(x - size / 40), round(y - size / 40), round(x + size / 40), round(y + size / 40)))
        landmarks = np.zeros((6, 2), np.float32)
        landmarks[list(USED)] = places
        pixels = crop(picture.convert("RGB"), Face((0, 0, 1, 1), landmarks, 1.0), side=SIDE).pixels.astype(np.float32)[..., 0]
        for x, y in TEMPLATE * SIDE:
            part = pixels[round(y) - 6 : round(y) + 6, round(x) - 6 : round(x) + 6]
            rows, columns = np.mgrid[round(y) - 6 : round(y) + 6, round(x) - 6 : round(x) + 6] + 0.5
            assert (part * rows).sum() / part.sum() == pytest.approx(y, abs=1.2)
            assert (part * columns).sum() / part.sum() == pytest.approx(x, abs=1.2)


def test_a_large_face_is_made_smaller_without_skipping_pixels() -> None:
    picture = Image.effect_noise((2000, 2000), 80).convert("RGB")
    landmarks = np.zeros((6, 2), np.float32)
    landmarks[list(USED)] = TEMPLATE * 1536 + 200  # 16 times the crop
    pixels = crop(picture, Face((200, 200, 1736, 1736), landmarks, 1.0), side=SIDE).pixels
    assert pixels[..., 0].std() < 12  # of noise with 80, averaged over 256 pixels each


# --- what cannot be judged


def reason(picture: Image.Image, face: Face | None = None) -> str | None:
    return crop(picture, face or only(found(picture)), side=SIDE).reason


@pytest.mark.parametrize("side", [48, 64, 128, 240])
def test_a_clear_face_can_be_judged(side: int) -> None:
    for skin, hair in LOOKS:
        assert reason(portrait(drawn_face(side, "flat", skin, hair))) is None


def at_place(picture: Image.Image, change: Callable[[Image.Image], Image.Image]) -> str:
    """The reason that a picture has when it is changed, its face where it was."""
    said = reason(change(picture), only(found(picture)))
    assert said is not None
    return said


def lit(by: float, lift: float = 0.0) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.point(lambda value: round(value * by + lift))


def test_a_face_that_cannot_be_judged_says_why() -> None:
    picture = portrait(drawn_face(240))
    assert at_place(picture, lit(0.08)).startswith("face too dark: brightness ")
    assert at_place(picture, lit(0.15, 235)).startswith("face too bright: brightness ")
    assert at_place(picture, lit(0.1, 110)).startswith("face without contrast: spread ")
    assert at_place(picture, lambda image: image.filter(ImageFilter.GaussianBlur(12))) == "face blurred"
    assert at_place(picture, lambda image: Image.new("RGB", image.size, "gray")).startswith("face without contrast")


def test_a_small_face_is_small_and_not_blurred() -> None:
    picture = portrait(drawn_face(480), (640, 640))
    face = only(found(picture))
    for width in (16, 20, 23, 27, 34):
        scale = width / face.width
        small = picture.resize((round(640 * scale), round(640 * scale)), Image.Resampling.LANCZOS)
        box = (face.box[0] * scale, face.box[1] * scale, face.box[2] * scale, face.box[3] * scale)
        said = reason(small, Face(box, (face.landmarks * scale).astype(np.float32), face.score))
        assert (said or "").startswith("face too small: ") if width <= 20 else said is None, (width, said)


def test_a_face_that_turns_away_says_so() -> None:
    picture = portrait(drawn_face(240))
    face = only(found(picture))
    away = face.landmarks.copy()
    away[2] += (0.3 * (away[1] - away[0])[0] * 1.2, 0)  # the nose comes near the left eye
    assert reason(picture, Face(face.box, away, face.score)) == "face turned away"


@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
@pytest.mark.parametrize("share", [0.35, 0.5, 0.65])
def test_a_face_that_is_half_out_of_the_picture_is_not_judged(edge: str, share: float) -> None:
    side = 240
    face = only(found(portrait(drawn_face(side), (side, side))))
    cut = {
        "left": (face.box[0] + share * face.width, 0, side + 400, side),
        "right": (-400, 0, face.box[2] - share * face.width, side),
        "top": (0, face.box[1] + share * face.width, side, side + 400),
        "bottom": (0, -400, side, face.box[3] - share * face.width),
    }[edge]
    picture = Image.new("RGB", (round(cut[2] - cut[0]), round(cut[3] - cut[1])), ROOM)
    picture.paste(drawn_face(side), (round(-cut[0]), round(-cut[1])))
    for half in found(picture):
        assert reason(picture, half) is not None
    moved = np.array(cut[:2], np.float32)
    whole = Face(tuple(np.array(face.box) - np.tile(moved, 2)), face.landmarks - moved, face.score)  # type: ignore[arg-type]
    assert reason(picture, whole) == "face partly out of the picture"


def test_a_face_wholly_out_of_the_picture_is_an_empty_crop() -> None:
    face = only(found(portrait(drawn_face(240))))
    gone = Face(face.box, face.landmarks + 5000, face.score)
    made = crop(on((640, 480)), gone, side=SIDE)
    assert made.reason == "face out of the picture" and made.pixels.shape == (SIDE, SIDE, 3) and not made.pixels.any()


def test_landmarks_in_one_place_do_no_harm() -> None:
    made = crop(on((640, 480)), Face((10, 10, 50, 50), np.full((6, 2), 30, np.float32), 0.6), side=SIDE)
    assert made.pixels.shape == (SIDE, SIDE, 3) and made.reason is not None


def test_the_network_looks_at_a_few_squares_at_once() -> None:
    assert all(len(faces.tiles(*size)) <= faces.MOST_TILES for size in ((4096, 4096), (4096, 300), (640, 480), (256, 256), (1, 1)))
