"""What a browser is given instead of a camera and a microphone: drawn faces that smile or not, and a machine's voice."""

import wave
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from affekt.sources.audio import RATE, open_audio
from drawn import BLACK, DARK, drawn_face, on

SIZE, SIDE = (640, 360), 200
FRAMES = 30  # a second: what Chromium takes a file of JPEGs to be
SPOKEN = Path(__file__).parents[1] / "src" / "affekt" / "samples" / "train.ogg"


def film(path: Path, shots: list[tuple[float, Image.Image, bool]]) -> Path:
    """A video that Chromium takes for a camera. Args: shots: seconds, picture, and whether the patch in its corner is white or black."""
    with path.open("wb") as file:
        for seconds, picture, white in shots:
            told = picture.copy()
            told.paste((255, 255, 255) if white else (0, 0, 0), (0, 0, 16, 16))
            data = BytesIO()
            told.save(data, "JPEG", quality=90)
            file.write(data.getvalue() * round(seconds * FRAMES))
    return path


def voice(path: Path) -> Path:
    """A recording that Chromium takes for a microphone: two seconds of speech and two of silence, again and again."""
    samples = np.concatenate(list(open_audio(SPOKEN).blocks()), axis=1)[0]
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    said = np.concatenate([samples[loud[0] : loud[0] + 2 * RATE], np.zeros(2 * RATE, np.float32)])
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((said * 32767).astype("<i2").tobytes())
    return path


def one(mouth: Any) -> Image.Image:
    """Somebody before the camera, with this mouth."""
    return on(SIZE, (drawn_face(SIDE, mouth), (SIZE[0] - SIDE) // 2, 100))


def two(first: Any, second: Any) -> Image.Image:
    """Two people, with these mouths."""
    return on(SIZE, (drawn_face(SIDE, first), 60, 100), (drawn_face(SIDE, second, skin=DARK, hair=BLACK), 370, 100))
