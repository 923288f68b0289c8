"""What Hume's clients send: bytes without a name, in base64; and of sound what was sent before, where they ask for that."""

import base64
import binascii
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.server.media import Limits, examine
from affekt.sources.audio import RATE, open_audio

SIGNS = (  # how files begin, at which byte, and the ending of their kind
    (0, b"\xff\xd8\xff", ".jpg"), (0, b"\x89PNG\r\n\x1a\n", ".png"), (8, b"WEBP", ".webp"), (0, b"GIF8", ".gif"), (0, b"BM", ".bmp"),
    (8, b"WAVE", ".wav"), (8, b"AVI ", ".avi"), (4, b"ftyp", ".mp4"), (0, b"\x1aE\xdf\xa3", ".webm"), (0, b"OggS", ".ogg"),
    (0, b"fLaC", ".flac"), (0, b"ID3", ".mp3"),
)  # fmt: skip
FRAMES = (0xFFE0, 0xFFF0)  # MPEG audio without a tag begins with eleven bits that are set; with twelve and no layer it is AAC in ADTS
LONGEST = 60.0  # seconds of a window


def from_base64(data: str) -> bytes | None:
    """The bytes; None: it is no base64."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


def ending_in(data: bytes) -> str | None:
    """The ending that a file of these bytes would have; None: they are of no known kind."""
    for at, sign, ending in SIGNS:
        if data[at : at + len(sign)] == sign:
            return ending
    head = int.from_bytes(data[:2], "big")
    if head & 0xFFF6 == FRAMES[1]:
        return ".aac"
    return ".mp3" if head & FRAMES[0] == FRAMES[0] else None


@dataclass(slots=True)
class Window:
    """The last samples that were sent, at 16 kHz."""

    samples: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def clear(self) -> None:
        """Forgets them."""
        self.samples = np.zeros(0, np.float32)

    def widen(self, path: Path, *, seconds: float, limits: Limits) -> None:
        """Puts what was sent before in front of a sound, as many seconds together as are asked for; its own are kept whole.

        Raises:
            InputError: it cannot be read, or is too long.
        """
        examine(path, limits=limits)
        own = np.concatenate([block.mean(0) for block in open_audio(path).blocks()] or [self.samples[:0]])
        most = round(min(seconds, LONGEST) * RATE)
        whole = np.concatenate([self.samples[len(self.samples) - max(0, most - len(own)) :] if most > len(own) else self.samples[:0], own])
        self.samples = whole[max(0, len(whole) - most) :]
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(np.round(np.clip(whole, -1, 1) * 32767).astype("<i2").tobytes())
