"""From pixels to faces: where they are, and six landmarks of each.

The network is BlazeFace's (Bazarevsky et al. 2019, arXiv:1907.05047), made ready by `recipes/face/face_blazeface`. It looks at squares
of 256 pixels, so a large picture is looked at as a whole and in overlapping tiles, and a face that it found is looked at once more
from near: what is none does not stand a second look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from affekt.preprocessing._network import WEIGHTS, opened

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
SIDE = 256  # pixels of the squares that the network looks at
LANDMARKS = ("right eye", "left eye", "nose", "mouth", "right ear", "left ear")  # the person's right
SEEN = 0.5  # score from which a face is looked at once more
SURE = 0.75  # score from which, then, it is one
KNOWN = 0.55  # the same for a face that was there a moment ago
SAME = 0.3  # overlap (intersection over union) from which two finds are one face
INSIDE = 0.6  # share of a face inside another from which it is a part of it
NEAR = 3.0  # widths of a face that the second look takes in
SMALLEST = 12  # pixels of the square that the network looks at; what is smaller is noise
TILE = 400  # pixels; a picture with a longer side is looked at in tiles as well, down to such ones: a face of 20 pixels is seen in them
OVERLAP = 0.3  # of neighbouring tiles
MOST_TILES = 80
AT_ONCE = 8  # squares that go through the network together


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a picture.

    Args:
        box: left, top, right, bottom, in pixels; may reach out of the picture.
        landmarks: (6, 2) x and y in pixels, in the order of LANDMARKS.
        score: how surely it is one, in [0, 1].
    """

    box: tuple[float, float, float, float]
    landmarks: Floats
    score: float

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def middle(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


Square = tuple[float, float, float]  # left, top and side of a part of a picture, in pixels


def find(pixels: Bytes, *, fine: bool = True, known: Sequence[Face] = ()) -> list[Face]:
    """The faces in a picture, from left to right.

    Args:
        pixels: (height, width, 3) RGB.
        fine: look at a large picture in tiles as well, so that small faces are found; else they are missed, and it is many times faster.
        known: faces that are known to be there, which need no second look.
    """
    high, wide = pixels.shape[:2]
    squares = [_whole(wide, high), *(tiles(wide, high) if fine else [])]
    picture = Image.fromarray(pixels)
    found = [
        face
        for square, faces in zip(squares, _look(picture, squares, SEEN), strict=True)
        for face in _kept(_large(faces, square), square, wide, high)
        if not any(_same(face, other) for other in known)
    ]
    new = [face for face in _confirmed(picture, _merged(found)) if not any(_same(face, other) for other in known)]
    return sorted([*known, *new], key=lambda face: face.box[0])


def again(pixels: Bytes, faces: Sequence[Face]) -> list[Face | None]:
    """Faces that were there a moment ago, looked for where they were; None: it is not there."""
    looked = _look(Image.fromarray(pixels), [_near(face) for face in faces], KNOWN)
    pairs = [(overlap(one.box, faces[at].box), at, one) for at, found in enumerate(looked) for one in found]
    out: list[Face | None] = [None] * len(faces)
    for common, at, one in sorted(pairs, key=lambda pair: -pair[0]):  # of two that stand close, each sees the other as well
        if common > SAME / 3 and out[at] is None and not any(other and _same(one, other) for other in out):
            out[at] = one
    return out


def _confirmed(picture: Image.Image, faces: Sequence[Face]) -> list[Face]:
    """The faces that stand a second look from near, with the landmarks that it shows."""
    squares = [_near(face) for face in faces]
    out = []
    for face, found in zip(faces, _look(picture, squares, SURE), strict=True):
        same = [one for one in found if overlap(one.box, face.box) > SAME]
        if same:
            out.append(max(same, key=lambda one: one.score))
    return _merged(out)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    common = _common(one, other)
    return common / max(_area(one) + _area(other) - common, 1e-9)


def _large(faces: list[Face], square: Square) -> list[Face]:
    """Faces that are large enough in the square that they were found in."""
    return [face for face in faces if face.width >= SMALLEST * square[2] / SIDE]


def _same(one: Face, other: Face) -> bool:
    """Whether two finds are of one face, or one is a part of the other."""
    return overlap(one.box, other.box) >= SAME or _common(one.box, other.box) >= INSIDE * min(_area(one.box), _area(other.box))


def _common(one: Sequence[float], other: Sequence[float]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def _area(box: Sequence[float]) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _whole(wide: int, high: int) -> Square:
    side = max(wide, high)
    return (wide - side) / 2, (high - side) / 2, side


def _near(face: Face) -> Square:
    side = NEAR * max(face.width, face.box[3] - face.box[1], 1.0)
    x, y = face.middle
    return x - side / 2, y - side / 2, side


def tiles(wide: int, high: int) -> list[Square]:
    """Overlapping squares that cover the picture, half as large from level to level."""
    squares: list[Square] = []
    side = float(max(wide, high))
    while side > TILE or (side > SIDE and not squares):
        side = side / 2
        columns, rows = (max(int(np.ceil((length - side * OVERLAP) / (side * (1 - OVERLAP)))), 1) for length in (wide, high))
        if len(squares) + columns * rows > MOST_TILES:
            break
        for top in np.linspace(0, max(high - side, 0), rows):
            squares += [(float(left), float(top), side) for left in np.linspace(0, max(wide - side, 0), columns)]
    return squares


def _kept(faces: list[Face], square: Square, wide: int, high: int) -> list[Face]:
    """Without those that a border of the square cuts, where the picture goes on beyond it."""
    left, top, side = square
    edge = side * 0.01
    return [
        face
        for face in faces
        if (left <= 0 or face.box[0] > left + edge)
        and (top <= 0 or face.box[1] > top + edge)
        and (left + side >= wide or face.box[2] < left + side - edge)
        and (top + side >= high or face.box[3] < top + side - edge)
    ]


def _merged(faces: Sequence[Face]) -> list[Face]:
    """One of several finds of one face: the surest; a find inside a larger one that is as sure is a part of it."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.score, reverse=True):
        if not any(_same(face, other) for other in kept):
            kept.append(face)
    return kept


def _look(picture: Image.Image, squares: Sequence[Square], least: float) -> list[list[Face]]:
    """What the network finds in each square; parts beyond the picture are black."""
    out: list[list[Face]] = []
    for begin in range(0, len(squares), AT_ONCE):
        chosen = squares[begin : begin + AT_ONCE]
        pixels = np.stack([_square(picture, square) for square in chosen])
        scores, boxes = _network().run(["scores", "boxes"], {"pixels": pixels})
        out += [_faces(scores[at], boxes[at], square, least) for at, square in enumerate(chosen)]
    return out


def _square(picture: Image.Image, square: Square) -> Floats:
    """Part of a picture as the network takes it, (SIDE, SIDE, 3)."""
    left, top, side = square
    box = (max(left, 0), max(top, 0), min(left + side, picture.width), min(top + side, picture.height))
    out = np.zeros((SIDE, SIDE, 3), np.float32)
    if box[0] >= box[2] or box[1] >= box[3]:  # where somebody who walks out of the picture should be by now
        return out
    wide, high = (max(round((box[at + 2] - box[at]) * SIDE / side), 1) for at in (0, 1))
    part = picture.resize((wide, high), Image.Resampling.BILINEAR, box=box, reducing_gap=1.5)
    x, y = (min(round((box[at] - square[at]) * SIDE / side), SIDE - length) for at, length in ((0, wide), (1, high)))
    out[y : y + high, x : x + wide] = np.asarray(part)
    return out


def _faces(scores: Floats, boxes: Floats, square: Square, least: float) -> list[Face]:
    """The finds in one square, several of one face averaged by their scores (as BlazeFace's authors do), in pixels of the picture."""
    rows = np.flatnonzero(scores >= least)
    rows = rows[np.argsort(-scores[rows])]
    points = (boxes[rows].reshape(-1, 8, 2) + _anchors()[rows][:, None]).astype(np.float32)
    points[:, 1] = boxes[rows, 2:4]  # width and height are not places
    corners = np.concatenate([points[:, 0] - points[:, 1] / 2, points[:, 0] + points[:, 1] / 2], axis=1)
    left, found = list(range(len(rows))), []
    scale, shift = square[2] / SIDE, np.array(square[:2], np.float32)
    while left:
        same = [at for at in left if overlap(corners[left[0]], corners[at]) > SAME]
        left = [at for at in left if at not in same]
        weight = scores[rows[same]] / scores[rows[same]].sum()
        corner = (weight @ corners[same]) * scale + np.tile(shift, 2)
        marks = np.einsum("n,nij->ij", weight, points[same, 2:]) * scale + shift
        found.append(Face((float(corner[0]), float(corner[1]), float(corner[2]), float(corner[3])), marks, float(scores[rows[same[0]]])))
    return found


@lru_cache(maxsize=1)
def _anchors() -> Floats:
    """(896, 2) middles in pixels of the square: two on each cell of 16 x 16, six on each of 8 x 8."""
    made = []
    for cells, each in ((16, 2), (8, 6)):
        y, x = np.mgrid[:cells, :cells]
        made.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2) + 0.5, each, axis=0) * SIDE / cells)
    return np.concatenate(made).astype(np.float32)


@lru_cache(maxsize=1)
def _network() -> "onnxruntime.InferenceSession":
    return opened(WEIGHTS / "face_blazeface")


def between(before: Face, after: Face, share: float) -> Face:
    """A face on its way: at `share` 0 as it was before, at 1 as it is after."""
    box = tuple((1 - share) * a + share * b for a, b in zip(before.box, after.box, strict=True))
    landmarks = ((1 - share) * before.landmarks + share * after.landmarks).astype(np.float32)
    return Face((box[0], box[1], box[2], box[3]), landmarks, min(before.score, after.score))
