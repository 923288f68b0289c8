"""A face made upright and cut out, and whether it can be judged at all.

Eyes and mouth are brought to where they are in the median image of FER2013, so that every face is judged as those were that the model
learned from.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from affekt.preprocessing.clarity import face_clarity
from affekt.preprocessing.faces import Face

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
# Where right eye, left eye and mouth lie in a crop, as shares of its side: medians over FER2013's training images, made symmetrical;
# recipes/face/face_affekt/template.py measures them.
TEMPLATE = np.array([[0.314, 0.392], [0.686, 0.392], [0.5, 0.779]])
USED = (0, 1, 3)  # of a face's landmarks
LEAST = 24  # pixels of a crop's side in the picture; a smaller face is not judged
OUTSIDE = 0.25  # share of a crop beyond the picture
TURNED = 0.32  # how far the nose may be from the middle between the eyes, as a share of the distance from eyes to mouth
DARK, BRIGHT, FLAT = 22.0, 238.0, 9.0  # mean of the grey crop, and its spread, in 0 … 255
BLURRED = 0.008  # power of what is finest as a share of all; hardly any image of FER2013 has less
GRAIN = 48  # pixels a side by which blur is judged, at most: FER2013's own


@dataclass(frozen=True, slots=True)
class Crop:
    """An upright face.

    Args:
        pixels: (side, side, 3) RGB.
        reason: why it cannot be judged, None: it can.
        clarity: in [0, 1]; 0 where it cannot be judged.
    """

    pixels: Bytes
    reason: str | None
    clarity: float = 0.0


def crop(picture: Image.Image, face: Face, *, side: int) -> Crop:
    """The face, upright, and whether it can be judged.

    Args:
        side: pixels of the crop.
    """
    scale, turn, left, top = _upright(face)
    extent = 1 / scale  # side of the crop in the picture, pixels
    matrix = (
        math.cos(turn) * extent / side,
        -math.sin(turn) * extent / side,
        left,
        math.sin(turn) * extent / side,
        math.cos(turn) * extent / side,
        top,
    )
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * side
    xs, ys = corners @ np.array(matrix[:2]) + left, corners @ np.array(matrix[3:5]) + top
    box = (
        max(math.floor(xs.min()), 0),
        max(math.floor(ys.min()), 0),
        min(math.ceil(xs.max()), picture.width),
        min(math.ceil(ys.max()), picture.height),
    )
    if box[2] - box[0] < 2 or box[3] - box[1] < 2:
        return Crop(np.zeros((side, side, 3), np.uint8), "face out of the picture")
    by = max(int(extent / side), 1)  # what is far larger than the crop is made smaller by averaging, so that nothing is skipped
    part = picture.crop(box).reduce(by) if by > 1 else picture.crop(box)
    a, b, c, d, e, f = matrix
    moved = (a / by, b / by, (c - box[0]) / by, d / by, e / by, (f - box[1]) / by)
    pixels = np.asarray(part.transform((side, side), Image.Transform.AFFINE, moved, Image.Resampling.BILINEAR))
    grain = min(GRAIN, round(extent))  # a face of 30 pixels can have no finer details; it is small, not blurred
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize((grain, grain), Image.Resampling.BOX), np.float32)
    fine = sharpness(grey) if grain > 2 else 0.0
    reason = _doubt(picture, face, extent=extent, xs=xs, ys=ys) or _unclear(grey, fine)
    return Crop(pixels, reason, 0.0 if reason else face_clarity(size=extent, fine=fine, spread=float(grey.std())))


def _upright(face: Face) -> tuple[float, float, float, float]:
    """Scale, turn in radians, and left and top of the crop in the picture: the similarity nearest to the template (Umeyama 1991)."""
    seen = face.landmarks[list(USED)].astype(np.float64)
    middle, goal = seen.mean(0), TEMPLATE.mean(0)
    x, y = (seen - middle).T
    u, v = (TEMPLATE - goal).T
    along, across = float((x * u + y * v).sum()), float((x * v - y * u).sum())
    spread = max(float((x * x + y * y).sum()), 1e-9)
    scale, turn = math.hypot(along, across) / spread, -math.atan2(across, along)
    cos, sin = math.cos(turn) / max(scale, 1e-9), math.sin(turn) / max(scale, 1e-9)
    left = middle[0] - (cos * goal[0] - sin * goal[1])
    top = middle[1] - (sin * goal[0] + cos * goal[1])
    return max(scale, 1e-9), turn, float(left), float(top)


def _doubt(picture: Image.Image, face: Face, *, extent: float, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> str | None:
    """Why a face cannot be judged by where it is."""
    if extent < LEAST:
        return f"face too small: {extent:.0f} pixels"
    beyond = max(-xs.min(), xs.max() - picture.width, 0.0) + max(-ys.min(), ys.max() - picture.height, 0.0)
    if beyond > OUTSIDE * extent:
        return "face partly out of the picture"
    right, left, nose, mouth = face.landmarks[:4].astype(np.float64)
    eyes = (right + left) / 2
    down = mouth - eyes
    height = max(float(np.hypot(*down)), 1e-6)
    aside = abs(float(down[0] * (nose - eyes)[1] - down[1] * (nose - eyes)[0])) / height**2
    return "face turned away" if aside > TURNED else None


def _unclear(grey: Floats, fine: float) -> str | None:
    """Why a crop cannot be judged by what is to be seen in it, (side, side), and the power of its finest details."""
    mean, spread = float(grey.mean()), float(grey.std())
    if mean < DARK:
        return f"face too dark: brightness {mean:.0f} of 255"
    if mean > BRIGHT:
        return f"face too bright: brightness {mean:.0f} of 255"
    if spread < FLAT:
        return f"face without contrast: spread {spread:.0f} of 255"
    return "face blurred" if fine < BLURRED else None


def sharpness(grey: Floats) -> float:
    """Power of the finest details as a share of all, in [0, 1]; grey (side, side), at most GRAIN."""
    inner = grey[1:-1, 1:-1]
    fine = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]  # Laplace's operator
    return float((fine**2).mean() / 16 / max(float(grey.var()), 1e-6))
