"""Utterances as heard another time: faster or slower, in a room, in noise, louder or fainter, over a telephone or a narrow codec."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from affekt.sources.audio import RATE, av_library, decoded, frame_of
from affekt.training.chances import check_chances
from affekt.training.voices import echo_of, faster, hide, through

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
STEEPEST = 2.0  # exponent by which the power of noise falls with frequency: 0 white, 1 pink, 2 brown
MU = 255  # of mu-law (ITU-T G.711)
SHORTEST = 2  # samples that there must be for a change


@dataclass(frozen=True, slots=True)
class SpeechAugmentation:
    """How often an utterance is changed: a probability for each kind of change, drawn apart, with the range of how far.

    Args:
        speed: it moves pitch as well.
        speeds: 1.1 is a tenth faster.
        noise, snr: dB of the whole utterance's power above the noise's.
        telephone: 300 to 3400 Hz in eight bits (ITU-T G.712 and G.711).
        opus: RFC 6716, as on internet calls; needs the speech extra.
        bit_rates: bits a second.
        gains: dB.
        hide: of a spectrogram, SpecAugment.

    Raises:
        InputError: a probability is not from 0 to 1.
    """

    speed: float = 0.5
    speeds: tuple[float, float] = (0.9, 1.1)
    reverb: float = 0.3
    noise: float = 0.5
    snr: tuple[float, float] = (5.0, 30.0)
    gain: float = 0.5
    gains: tuple[float, float] = (-14.0, 6.0)
    telephone: float = 0.1
    opus: float = 0.0
    bit_rates: tuple[int, int] = (6_000, 24_000)
    hide: float = 0.5

    def __post_init__(self) -> None:
        check_chances(self, ("speed", "reverb", "noise", "gain", "telephone", "opus", "hide"))


def augmented(samples: Floats, settings: SpeechAugmentation, rng: np.random.Generator, *, noises: Sequence[Floats] = ()) -> Floats:
    """The utterance changed at random, its peak at most 1: (n / speed,), give or take a sample.

    Args:
        samples: (n,), full scale at 1, 16,000 a second.
        noises: recordings, (m,) each, of which one is drawn; with none, noise is made, from hissing to rumbling.

    Raises:
        MissingExtra: `opus` is above 0, and PyAV is absent.
    """
    if len(samples) < SHORTEST:
        return samples
    out = samples.astype(np.float64)
    if rng.random() < settings.speed:
        out = faster(out, rng.uniform(*settings.speeds))
    if rng.random() < settings.reverb:
        out = through(out, echo=echo_of(rng))
    if rng.random() < settings.noise:
        out = out + _noise(out, rng.uniform(*settings.snr), noises, rng)
    if rng.random() < settings.gain:
        out = out * 10 ** (rng.uniform(*settings.gains) / 20)
    out = _within(out)
    if rng.random() < settings.telephone:
        out = _telephone(out)
    if rng.random() < settings.opus:
        out = _opus(out, int(rng.integers(settings.bit_rates[0], settings.bit_rates[1] + 1)))
    return np.asarray(_within(out), np.float32)


def hidden(mel: Tensor, settings: SpeechAugmentation, rng: np.random.Generator) -> Tensor:
    """Spectrograms, (batch, bands, frames), some of which have bands or moments covered; those given stay as they are."""
    out = mel.clone()
    for at in np.flatnonzero(rng.random(len(mel)) < settings.hide).tolist():
        hide(out[at : at + 1], rng)
    return out


def _within(samples: Doubles) -> Doubles:
    """Fainter, where full scale is passed."""
    return samples / max(float(np.abs(samples).max()), 1.0)


def _noise(samples: Doubles, snr: float, noises: Sequence[Floats], rng: np.random.Generator) -> Doubles:
    """Noise that lies so many dB below the samples, as long as they are."""
    n = len(samples)
    if noises:
        noise = noises[int(rng.integers(len(noises)))].astype(np.float64)
        noise = np.resize(np.roll(noise, -int(rng.integers(len(noise)))), n)
    else:
        spectrum = np.fft.rfft(rng.normal(size=n))
        falling = np.maximum(np.fft.rfftfreq(n), 1 / n) ** (-rng.uniform(0, STEEPEST) / 2)
        noise = np.fft.irfft(spectrum * falling, n)
    power = float(np.mean(noise**2))
    return noise * np.sqrt(np.mean(samples**2) / power) * 10 ** (-snr / 20) if power > 0 else noise


def _telephone(samples: Doubles) -> Doubles:
    low = through(samples, telephone=True)[::2].clip(-1, 1)  # 8000 a second
    code = np.round(np.sign(low) * np.log1p(MU * np.abs(low)) / np.log1p(MU) * 127) / 127
    heard = np.sign(code) * np.expm1(np.abs(code) * np.log1p(MU)) / MU
    return np.asarray(2 * np.fft.irfft(np.fft.rfft(heard), 2 * len(heard))[: len(samples)])


def _opus(samples: Doubles, bit_rate: int) -> Doubles:
    av, file = av_library(), io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE)
        stream.layout, stream.bit_rate = "mono", bit_rate
        container.mux(stream.encode(frame_of(av, samples[None].astype(np.float32), RATE)))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        heard = np.concatenate([part[0] for part in decoded(av, container, 1, [])])
    return np.pad(heard, (0, max(len(samples) - len(heard), 0)))[: len(samples)].astype(np.float64)
