"""Faces that are drawn, and clips of them: what the tests of pictures look at. Nobody's face is in this repository."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
FAIR, BROWN = (224, 180, 150), (60, 40, 30)  # skin and hair
PALE, BLOND = (250, 228, 214), (235, 205, 120)
DARK, BLACK = (150, 100, 72), (10, 8, 8)
SIZE = (48, 32)  # width and height of small test images
RED, BLUE = (200, 0, 0), (0, 0, 200)
ROOM = (120, 130, 140)
FINE = 4  # times as large as wanted is it drawn


class Pen:
    """Draws in shares of a square's side."""

    def __init__(self, side: int) -> None:
        self.side, self.image = side, Image.new("RGB", (side, side), (150, 170, 190))
        self.draw = ImageDraw.Draw(self.image)

    def spot(self, x: float, y: float, across: float, down: float, *, fill: Colour) -> None:
        """An ellipse. Args: x, y: of its middle. across, down: half of its axes."""
        self.draw.ellipse(self._all(x - across, y - down, x + across, y + down), fill=fill)

    def shape(self, *corners: tuple[float, float], fill: Colour) -> None:
        self.draw.polygon([(x * self.side, y * self.side) for x, y in corners], fill=fill)

    def arc(self, box: tuple[float, float, float, float], degrees: tuple[int, int], *, fill: Colour, width: float) -> None:
        self.draw.arc(self._all(*box), *degrees, fill=fill, width=int(width * self.side))

    def part(self, box: tuple[float, float, float, float], degrees: tuple[int, int], *, fill: Colour, pie: bool = False) -> None:
        """A part of an ellipse, cut off by a straight line, or a slice of it."""
        (self.draw.pieslice if pie else self.draw.chord)(self._all(*box), *degrees, fill=fill)

    def _all(self, *shares: float) -> tuple[float, ...]:
        return tuple(share * self.side for share in shares)


def darker(colour: Colour, by: float) -> Colour:
    return tuple(int(value * by) for value in colour)  # type: ignore[return-value]


@lru_cache(maxsize=64)
def drawn_face(side: int, mouth: Literal["smile", "flat"] = "smile", skin: Colour = FAIR, hair: Colour = BROWN) -> Image.Image:
    """A face from the front, from the top of its hair to its shoulders: (side, side)."""
    pen = Pen(side * FINE)
    shade = darker(skin, 0.9)
    pen.shape((0.4, 0.8), (0.6, 0.8), (0.6, 1), (0.4, 1), fill=darker(skin, 0.8))
    pen.shape((0.12, 1), (0.35, 0.9), (0.65, 0.9), (0.88, 1), fill=(60, 80, 120))
    pen.spot(0.5, 0.44, 0.33, 0.38, fill=hair)
    for x in (0.21, 0.79):
        pen.spot(x, 0.54, 0.045, 0.08, fill=shade)
    pen.spot(0.5, 0.53, 0.285, 0.37, fill=skin)
    pen.part((0.2, 0.1, 0.8, 0.62), (180, 360), fill=hair, pie=True)
    pen.spot(0.5, 0.42, 0.26, 0.16, fill=skin)
    for x in (0.38, 0.62):
        _eye(pen, x, skin, hair)
    pen.shape((0.485, 0.5), (0.46, 0.635), (0.54, 0.635), (0.515, 0.5), fill=shade)
    pen.spot(0.5, 0.635, 0.045, 0.022, fill=shade)
    for x in (0.475, 0.525):
        pen.spot(x, 0.645, 0.011, 0.007, fill=(120, 80, 70))
    _mouth(pen, mouth, skin)
    return _lit(pen.image, side)


def _eye(pen: Pen, x: float, skin: Colour, hair: Colour) -> None:
    pen.spot(x, 0.485, 0.062, 0.03, fill=darker(skin, 0.8))
    pen.spot(x, 0.487, 0.05, 0.024, fill=(250, 250, 250))
    pen.spot(x, 0.487, 0.022, 0.023, fill=(80, 50, 30))
    pen.spot(x, 0.487, 0.01, 0.011, fill=(10, 10, 10))
    pen.spot(x + 0.007, 0.48, 0.005, 0.005, fill=(255, 255, 255))
    pen.arc((x - 0.075, 0.405, x + 0.075, 0.47), (200, 340), fill=hair, width=0.016)
    pen.arc((x - 0.056, 0.457, x + 0.056, 0.515), (190, 350), fill=(40, 25, 20), width=0.008)


def _mouth(pen: Pen, mouth: str, skin: Colour) -> None:
    if mouth == "smile":
        pen.part((0.385, 0.64, 0.615, 0.815), (10, 170), fill=(150, 50, 60))
        pen.part((0.405, 0.67, 0.595, 0.775), (8, 172), fill=(250, 250, 245))
        for x in (0.31, 0.69):
            pen.spot(x, 0.64, 0.05, 0.03, fill=(min(skin[0] + 11, 255), int(skin[1] * 0.89), int(skin[2] * 0.93)))
    else:
        pen.spot(0.5, 0.75, 0.075, 0.016, fill=(170, 90, 90))
        pen.spot(0.5, 0.75, 0.075, 0.003, fill=(110, 50, 50))


def _lit(image: Image.Image, side: int) -> Image.Image:
    """Softened as by a lens, with light from one side, and grain."""
    soft = image.resize((side * 2, side * 2), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(side / 130))
    pixels = np.asarray(soft, np.float32)
    across = np.linspace(-1, 1, pixels.shape[1])
    pixels = pixels * (1.08 - 0.25 * np.clip(across + 0.2, 0, 1))[None, :, None]
    pixels = pixels + np.random.default_rng(0).normal(0, 3, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).resize((side, side), Image.Resampling.LANCZOS)


def on(size: tuple[int, int], *faces: tuple[Image.Image, int, int], ground: Colour = ROOM) -> Image.Image:
    """A picture of that width and height with faces in it, each with its left and top."""
    image = Image.new("RGB", size, ground)
    for face, left, top in faces:
        image.paste(face, (left, top))
    return image


def write_video(
    path: Path,
    frames: Iterable[Image.Image],
    rate: int = 25,
    *,
    times: Sequence[float] | None = None,
    turned: int = 0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip of these frames.

    Args:
        rate: frames a second.
        times: seconds of each frame, where they do not come at that rate.
        turned: degrees counter-clockwise by which a player is told to turn it.
        aspect: width of a pixel by its height.
        options: of the container.
    """
    import av

    stream = None
    with av.open(str(path), "w", options=options or {}) as container:
        for at, frame in enumerate(frames):
            if stream is None:
                codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
                stream = container.add_stream(codec, rate=rate, width=frame.width, height=frame.height, pix_fmt="yuv420p")
                stream.codec_context.options = {"preset": "ultrafast"} if codec == "libx264" else {}
                stream.codec_context.time_base = Fraction(1, 1000)
                stream.codec_context.gop_size = 10
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if turned:
                    stream.set_display_rotation(turned)
            picture = av.VideoFrame.from_image(frame)
            picture.time_base, picture.pts = Fraction(1, 1000), round(1000 * (at / rate if times is None else times[at]))
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode(None))
    return path


def halves(size: tuple[int, int] = SIZE) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (0, size[1] // 2, size[0], size[1]))
    return image


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def near(pixels: np.ndarray, colour: tuple[int, int, int], far: int = 6) -> bool:
    return bool((np.abs(pixels.astype(int) - colour) <= far).all())
