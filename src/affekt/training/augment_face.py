"""Faces as they are seen another time: turned, moved, scaled, mirrored, lit otherwise, blurred, noisy, partly covered, mixed in pairs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from affekt.training.chances import check_chances


@dataclass(frozen=True, slots=True)
class FaceAugmentation:
    """How far, and how often, faces are changed: each by what is drawn for it, at most this far and evenly in both directions.

    Args:
        turn: degrees.
        shift: share of the width and of the height.
        scale: 0.2: from 0.83 to 1.2.
        stretch: natural logarithm of how much wider or narrower.
        mirror, blur, cover: probability of each.
        contrast: natural logarithm.
        brightness: of 255, of the whole face.
        slope: of 255, of light from above or below and, drawn apart, from a side.
        noise: of 255: mean of its standard deviation, which is drawn from 0 to twice that.
        mix: probability that `mixed` mixes a batch.

    Raises:
        InputError: a probability is not from 0 to 1.
    """

    turn: float = 15.0
    shift: float = 0.07
    scale: float = 0.18
    stretch: float = 0.07
    mirror: float = 0.5
    blur: float = 0.15
    contrast: float = 0.4
    brightness: float = 35.0
    slope: float = 25.0
    noise: float = 4.0
    cover: float = 0.5
    mix: float = 0.3

    def __post_init__(self) -> None:
        check_chances(self, ("mirror", "blur", "cover", "mix"))


def augmented(pixels: Tensor, settings: FaceAugmentation, rng: torch.Generator, *, size: int) -> Tensor:
    """Faces changed at random, each in its own way: (batch, channels, size, size), 0 … 255.

    Args:
        pixels: (batch, channels, height, width) of floats, 0 … 255; grey or colour.
        rng: of the CPU, so that every device sees the same faces.
    """
    n = len(pixels)
    grid = _geometry(n, settings, rng).to(pixels.device)
    grid = nn.functional.affine_grid(grid, [n, 1, size, size], align_corners=False)
    out = nn.functional.grid_sample(pixels, grid, align_corners=False, padding_mode="border")
    blurred = (_draw(rng, n) > 1 - 2 * settings.blur).to(pixels.device)
    if blurred.any():
        coarse = nn.functional.avg_pool2d(pixels[blurred], 2)
        out[blurred] = nn.functional.grid_sample(coarse, grid[blurred], align_corners=False, padding_mode="border")
    return _covered(_lit(out, settings, rng), settings.cover, rng).clamp(0, 255)


def mixed(
    pixels: Tensor, targets: Mapping[str, Tensor], settings: FaceAugmentation, rng: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """The batch, now and then mixed with itself in another order, faces and targets alike (mixup, Zhang et al. 2018, ICLR).

    Args:
        pixels: (batch, channels, height, width).
        targets: head -> (batch, labels).
    """
    if torch.rand((), generator=rng) >= settings.mix:
        return pixels, dict(targets)
    share = 0.5 * float(torch.rand((), generator=rng))  # of the other one
    other = torch.randperm(len(pixels), generator=rng).to(pixels.device)
    pairs = {name: (1 - share) * rows + share * rows[other] for name, rows in targets.items()}
    return (1 - share) * pixels + share * pixels[other], pairs


def _draw(rng: torch.Generator, *shape: int) -> Tensor:
    """Numbers from -1 to 1."""
    return 2 * torch.rand(shape, generator=rng) - 1


def _geometry(n: int, settings: FaceAugmentation, rng: torch.Generator) -> Tensor:
    """Where each face is to be looked at, (n, 2, 3), for `affine_grid`."""
    angle, mirror = _draw(rng, n) * math.radians(settings.turn), torch.where(_draw(rng, n) > 2 * settings.mirror - 1, 1.0, -1.0)
    scale = torch.exp(_draw(rng, n) * math.log(1 + settings.scale))
    wide = torch.exp(_draw(rng, n) * settings.stretch)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    move = 2 * settings.shift * _draw(rng, n, 2)
    return torch.stack([cos * mirror * wide, -sin, move[:, 0], sin * mirror * wide, cos, move[:, 1]], 1).view(n, 2, 3)


def _lit(faces: Tensor, settings: FaceAugmentation, rng: torch.Generator) -> Tensor:
    n, size = len(faces), faces.shape[-1]

    def draw() -> Tensor:
        return _draw(rng, n, 1, 1, 1).to(faces.device)

    middle = faces.mean((1, 2, 3), keepdim=True)
    gain, lift = torch.exp(draw() * settings.contrast), draw() * settings.brightness
    across = torch.linspace(-1, 1, size, device=faces.device)
    light = draw() * settings.slope * across[:, None] + draw() * settings.slope * across
    noise = torch.randn(faces.shape, generator=rng).to(faces.device) * settings.noise * (draw() + 1)
    return (faces - middle) * gain + middle + lift + light + noise


def _covered(faces: Tensor, often: float, rng: torch.Generator) -> Tensor:
    """Some of the faces with a random rectangle covered, in place (random erasing, Zhong et al. 2020, AAAI)."""
    size = faces.shape[-1]
    for face in faces:
        if torch.rand((), generator=rng) < often:
            high, wide = (int(size * (0.1 + 0.35 * torch.rand((), generator=rng))) for _ in range(2))
            top, left = (int(torch.rand((), generator=rng) * (size - span)) for span in (high, wide))
            face[:, top : top + high, left : left + wide] = torch.rand((), generator=rng) * 255
    return faces
