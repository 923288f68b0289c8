"""Whether the channels of a recording are two people's microphones, or one place heard twice."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from affekt.sources.audio import RATE, Audio

Floats = NDArray[np.float32]
SEPARATE = 0.5  # correlation of two channels below which they are two people's microphones
PEEK = 30 * RATE  # samples that this is judged by


def microphones(audio: Audio) -> tuple[Iterator[Floats], Floats]:
    """The blocks, and how channels become microphones, (microphones, channels): two people's stay apart, others are mixed."""
    blocks = audio.blocks()
    if audio.channels == 1:
        return blocks, np.ones((1, 1), np.float32)
    held, count = [], 0
    for block in blocks:
        held.append(block)
        count += block.shape[1]
        if count >= PEEK:
            break

    def again() -> Iterator[Floats]:
        yield from held
        yield from blocks

    head = np.concatenate(held, axis=1) if held else np.zeros((2, 1), np.float32)
    head = head - head.mean(1, keepdims=True)
    power = float(np.sqrt((head**2).mean(1).prod()))
    alike = float((head[0] * head[1]).mean()) / power if power else 0.0  # one that is silent so far may speak later
    if abs(alike) < SEPARATE:
        return again(), np.eye(2, dtype=np.float32)
    return again(), np.array([[0.5, np.copysign(0.5, alike)]], np.float32)  # opposite in phase, their sum would be nothing
