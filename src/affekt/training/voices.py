"""Voices that nobody has: a speaker at another speed, in another room, through another channel."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from affekt.sources.audio import RATE

Floats = NDArray[np.float32]
SHORT, LONG = int(1.8 * RATE), int(2.4 * RATE)  # samples; most of what is longer is cut to a random piece of such length
KNOTS = 8  # of the curve by which a microphone colours sound
LOWEST, HIGHEST = 50, 8050  # Hz, where it begins and ends
TELEPHONE = (300, 3400)  # Hz that a narrow line lets through (ITU-T G.712)
NARROW, LENGTH = 12, 6  # bands, and parts of the duration, that `hide` hides less than


class Voice:
    """Makes every utterance of one speaker sound as said by one other person at one other place."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.speed = rng.uniform(0.86, 1.16) if rng.random() < 0.7 else 1.0  # moves pitch and formants as well
        self.colour = rng.normal(0, 4, KNOTS) if rng.random() < 0.6 else None  # dB
        self.echo = echo_of(rng) if rng.random() < 0.35 else None
        self.telephone = rng.random() < 0.2
        self.noise = rng.uniform(8, 40) if rng.random() < 0.6 else None  # dB below the speech
        self.gain = rng.uniform(-14, 6)  # dB

    def __call__(self, clip: Floats) -> Floats:
        """The clip, (n,), in this voice; a long one is cut."""
        samples = through(
            faster(self._piece(clip.astype(np.float64)), self.speed), echo=self.echo, colour=self.colour, telephone=self.telephone
        )
        if self.noise is not None:
            level = np.sqrt(np.mean(samples**2)) * 10 ** (-(self.noise + self.rng.normal(0, 2)) / 20)
            samples = samples + self.rng.normal(size=len(samples)) * level
        return np.asarray(samples * 10 ** ((self.gain + self.rng.normal()) / 20), np.float32)

    def _piece(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(samples) <= LONG or self.rng.random() > 0.8:
            return samples
        length = int(self.rng.integers(SHORT, LONG))
        begin = int(self.rng.integers(0, len(samples) - length))
        return samples[begin : begin + length]


def faster(samples: NDArray[np.float64], speed: float) -> NDArray[np.float64]:
    """Samples, (n,), so many times faster, which moves pitch and formants as well: about (n / speed,)."""
    return samples if speed == 1 else np.interp(np.arange(0, len(samples) - 1, speed), np.arange(len(samples)), samples)


def through(
    samples: NDArray[np.float64],
    *,
    echo: NDArray[np.float64] | None = None,
    colour: NDArray[np.float64] | None = None,
    telephone: bool = False,
) -> NDArray[np.float64]:
    """What room, microphone and line make of samples: (n,) both.

    Args:
        echo: the room's answer to a click, (m,).
        colour: dB at `KNOTS` frequencies from `LOWEST` to `HIGHEST`, evenly on a logarithmic scale.
    """
    if colour is None and echo is None and not telephone:
        return samples
    size = len(samples) + (0 if echo is None else len(echo))
    spectrum, hertz = np.fft.rfft(samples, size), np.fft.rfftfreq(size, 1 / RATE)
    if echo is not None:
        spectrum *= np.fft.rfft(echo, size)
    if colour is not None:
        knots = np.linspace(np.log(LOWEST), np.log(HIGHEST), KNOTS)
        spectrum *= 10 ** (np.interp(np.log(hertz + LOWEST), knots, colour) / 20)
    if telephone:
        spectrum *= np.where((hertz > TELEPHONE[0]) & (hertz < TELEPHONE[1]), 1, 1e-3)
    return np.fft.irfft(spectrum, size)[: len(samples)]


def echo_of(rng: np.random.Generator) -> NDArray[np.float64]:
    """A room's answer to a click: decaying noise."""
    decay = np.exp(-np.arange(int(0.3 * RATE)) / (rng.uniform(0.01, 0.08) * RATE))
    echo = rng.normal(size=len(decay)) * decay * rng.uniform(0.02, 0.12)
    echo[0] = 1
    return np.asarray(echo)


def hide(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """Spectrograms, (batch, bands, frames), with bands or moments of some covered in place (SpecAugment, Park et al. 2019)."""
    bands, frames = mel.shape[1:]
    for one in mel:
        if rng.random() < 0.5:
            begin, wide = int(rng.integers(0, bands - NARROW)), int(rng.integers(2, NARROW))
            one[begin : begin + wide] = one.mean()
        if rng.random() < 0.5 and frames >= 8 * LENGTH:
            wide = int(rng.integers(4, frames // LENGTH))
            begin = int(rng.integers(0, frames - wide))
            one[:, begin : begin + wide] = one.mean()
    return mel
