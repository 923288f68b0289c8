"""Who of those to be seen says what is heard: whose mouth moves, and moves when the voice changes. There is no network in it.

A mouth opens and closes as its voice grows louder and softer, at two to seven hertz (Chandrasekaran et al. 2009,
doi:10.1371/journal.pcbi.1000436); its movement is from 40 ms behind the sound to 200 ms ahead of it (Schwartz and Savariaux 2014,
doi:10.1371/journal.pcbi.1003743). So it takes about twelve looks a second to see that a mouth belongs to a voice.
`bench/speakers_seen.py` measures how well that does, and fits what is fitted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from affekt.preprocessing.crops import LEAST, OUTSIDE, TEMPLATE, USED
from affekt.preprocessing.faces import Face
from affekt.preprocessing.speech import FRAME
from affekt.sources.audio import RATE

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
PER_SECOND = 12.5  # looks at a mouth for which the constants below are fitted
# A patch: what lies between the eyes' corners, from under the eyes to under an open mouth, 18 of its pixels from eye to eye.
SIDE = 48  # of its pixels to the side of TEMPLATE
WIDE, HIGH = 18, 28
LEFT, TOP = 15, 23  # where it begins in the template
ACROSS, NOSE, MOUTH = slice(1, 17), slice(1, 11), slice(11, 27)  # its columns, and its rows with nose and cheeks, and with the mouth
GRAIN = 2.0  # of 255: spread of a camera's noise, below which contrast is none
BAND = (300.0, 3000.0)  # hertz: the vocal tract's first resonances, which the mouth shapes; a hum or a beat is below
DEEP = 25.0  # dB below the loudest; what is softer counts as so soft
VOICED = 15.0  # dB below the loudest, from which it is voice
PEAK = 95  # percentile of the loudness that counts as the loudest
LAGS = np.arange(-0.12, 0.21, 0.04)  # seconds by which the sound comes after the mouth; videos are often some frames out of step as well
APART = 0.25  # seconds between two looks, beyond which the second does not follow from the first
MEMORY = 10.0  # seconds over which a mouth's own quiet level is taken
QUIET = 20  # percentile of what it does then
FEWEST = 5  # looks at a mouth while there is voice; fewer say nothing
ENOUGH = 12  # looks, about a second, from which what they say counts in full
STILL = 0.02  # motion that is little: on bench/speakers_seen.py's clips a frozen face in grain has 0.002, a mouth that mimes 0.11 to 0.17
CHANCE = 1.35  # mean, over sounds of others, of the best lag's correlation times the root of the looks: 5 to 25 a second, 3 s
MOST = 2.5  # of the same above chance: long speech is no proof, as what is measured in it hangs together
BIAS, MOVED, TOGETHER = -2.7, 1.2, 2.0  # of the log odds: logistic regression on `Cues`
ALONE = 1.0  # prior for the only face to be seen: 0.73 that it speaks, and not somebody behind the camera


@dataclass(frozen=True, slots=True)
class Cues:
    """What speaks for a face in an utterance.

    Args:
        moved: logarithm of how much the mouth moves while there is voice, beyond its own quiet level; 0: not at all.
        together: how far the correlation of its motion with the voice's changes is above chance, in standard errors.
        looks: how many there were while there was voice.
    """

    moved: float
    together: float
    looks: int


def patch(picture: Image.Image, face: Face) -> Floats | None:
    """The lower half of a face, upright and grey, (HIGH, WIDE) in 0 … 255; None: too small, or too much of it is out of the picture."""
    scale, shift = _place(face)
    grid = ((np.arange(-1, WIDE + 1) + LEFT + 0.5) + 1j * (np.arange(-1, HIGH + 1)[:, None] + TOP + 0.5)) / SIDE
    points = scale * grid + shift
    x, y = points.real, points.imag
    inside = (x >= 0) & (x <= picture.width) & (y >= 0) & (y <= picture.height)
    if abs(scale) < LEAST or inside.mean() < 1 - OUTSIDE:
        return None
    left, top = max(int(x.min()) - 1, 0), max(int(y.min()) - 1, 0)
    right, bottom = min(int(x.max()) + 2, picture.width), min(int(y.max()) + 2, picture.height)
    by = max(int(abs(scale) / SIDE), 1)  # a large face is made smaller by averaging, so that nothing is skipped
    grey = np.asarray(picture.crop((left, top, right, bottom)).convert("L").reduce(by), np.float32)
    fine = _sampled(grey, (x - left) / by - 0.5, (y - top) / by - 0.5)
    fine = (fine[:-2] + 2 * fine[1:-1] + fine[2:]) / 4  # softened, so that what moves by half a pixel changes in proportion
    return np.asarray((fine[:, :-2] + 2 * fine[:, 1:-1] + fine[:, 2:]) / 4, np.float32)


def motion(before: Floats, after: Floats) -> float:
    """How much the mouth moved beyond the head, as a share of the face's contrast, at least 0.

    What is left of the change in the mouth's region when it is moved, turned, scaled and lit otherwise as fits best, less what is left
    of nose and cheeks when the same is done to them.

    Args:
        before, after: patches of one face, one look apart.
    """
    middle = (before.astype(np.float64) + after) / 2
    change = after.astype(np.float64) - before
    spread = float(middle[NOSE.start : MOUTH.stop, ACROSS].std())
    return max(_left(middle, change, MOUTH) - _left(middle, change, NOSE), 0.0) / (spread + GRAIN)


def band_levels(samples: Floats) -> Floats:
    """Decibels of each 32 ms of a sound, (n,) at 16 kHz, in the band that follows the mouth."""
    count = len(samples) // FRAME
    frames = samples[: count * FRAME].reshape(count, FRAME) * np.hanning(FRAME)
    hertz = np.fft.rfftfreq(FRAME, 1 / RATE)
    chosen = (hertz >= BAND[0]) & (hertz <= BAND[1])
    power = (np.abs(np.fft.rfft(frames, axis=1)[:, chosen]) ** 2).mean(1)
    return np.asarray(10 * np.log10(power + 1e-9), np.float32)


def timed(levels: Floats, *, start: float) -> list[tuple[float, float]]:
    """Seconds and decibels of each 32 ms of a sound, as `speaking` takes a voice.

    Args:
        levels: of `band_levels`.
        start: seconds at which the sound begins.
    """
    times = start + (np.arange(len(levels)) + 0.5) * FRAME / RATE
    return list(zip(times.tolist(), levels.tolist(), strict=True))


def cues(motions: Sequence[tuple[float, float]], voice: Sequence[tuple[float, float]]) -> Cues | None:
    """How a face's mouth moves in an utterance; None: it was hardly to be seen while there was voice. Arguments as of `speaking`."""
    if len(motions) < 2 or not voice:
        return None
    times, levels = np.array(voice, np.float64).T
    loudest = float(np.percentile(levels, PEAK))
    looks = np.array(motions, np.float64)
    looks = looks[(looks[:, 0] <= times[-1]) & (looks[:, 0] > min(times[0], times[-1] - MEMORY))]
    steps = np.column_stack([looks[:-1, 0], looks[1:]])  # from, until, motion
    steps = steps[steps[:, 1] - steps[:, 0] <= APART]
    during = steps[steps[:, 0] >= times[0]]
    voiced = during[np.interp(during[:, :2].mean(1), times, levels) >= loudest - VOICED]
    if len(voiced) < FEWEST:
        return None
    beyond = max(float(voiced[:, 2].mean() - np.percentile(steps[:, 2], QUIET)), 0.0)
    together = _together(during, times, np.maximum(levels, loudest - DEEP))
    return Cues(float(np.log1p(beyond / STILL)), min(together * len(during) ** 0.5 - CHANCE, MOST), len(voiced))


def speaking(motions: Sequence[tuple[float, float]], voice: Sequence[tuple[float, float]], *, prior: float = 0.0) -> float:
    """Log odds that a face says an utterance; the prior where there is no evidence, as where it was not to be seen.

    Of several faces that may speak, the likeliest is the one with the highest.

    Args:
        motions: seconds and motion since the look before, in order of time; what comes after the utterance is not used, and of what was
            before it the last ten seconds, for how the mouth moves when it does not speak.
        voice: seconds and decibels of the utterance, as `timed` gives them.
        prior: log odds before anything is seen; ALONE where it is the only face.
    """
    seen = cues(motions, voice)
    if seen is None:
        return prior
    return prior + (BIAS + MOVED * seen.moved + TOGETHER * seen.together) * min(seen.looks / ENOUGH, 1.0)


def _together(steps: Doubles, times: Doubles, levels: Doubles) -> float:
    """Correlation of a mouth's motion and how much the loudness changes meanwhile, at the lag where it is highest."""
    moved = np.sqrt(steps[:, 2])
    moved = moved - moved.mean()
    best = 0.0
    for lag in LAGS:
        heard = np.sqrt(np.abs(np.interp(steps[:, 1] + lag, times, levels) - np.interp(steps[:, 0] + lag, times, levels)))
        heard = heard - heard.mean()
        best = max(best, float(moved @ heard) / max(float(np.sqrt((moved @ moved) * (heard @ heard))), 1e-9))
    return best


def _place(face: Face) -> tuple[complex, complex]:
    """Scale and turn, and shift, from TEMPLATE's square to the picture: the similarity with the least squares, in complex numbers."""
    seen, template = face.landmarks[list(USED)].astype(np.float64) @ (1, 1j), TEMPLATE @ (1, 1j)
    around = template - template.mean()
    scale = complex(np.vdot(around, seen - seen.mean()) / np.vdot(around, around).real)
    return scale, complex(seen.mean() - scale * template.mean())


def _sampled(grey: Floats, x: Doubles, y: Doubles) -> Doubles:
    """Between pixels linearly; beyond the border it goes on as at the border, so that no edge of the picture moves over the face."""
    x, y = np.clip(x, 0, grey.shape[1] - 1), np.clip(y, 0, grey.shape[0] - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, bottom = np.minimum(left + 1, grey.shape[1] - 1), np.minimum(top + 1, grey.shape[0] - 1)
    across, down = x - left, y - top
    above = grey[top, left] * (1 - across) + grey[top, right] * across
    below = grey[bottom, left] * (1 - across) + grey[bottom, right] * across
    return np.asarray(above * (1 - down) + below * down)


def _left(middle: Doubles, change: Doubles, rows: slice) -> float:
    """Root mean square of a region's change that a small shift, turn, scaling or other light does not explain (Lucas and Kanade 1981)."""
    down, across = (np.gradient(middle, axis=axis)[rows, ACROSS].ravel() for axis in (0, 1))
    grey = middle[rows, ACROSS].ravel()
    y, x = (place.ravel() - place.mean() for place in np.mgrid[rows, ACROSS])
    known = np.stack([across, down, across * x + down * y, down * x - across * y, grey - grey.mean(), np.ones(len(grey))])
    goal = change[rows, ACROSS].ravel()
    squares = known @ known.T + 1e-6 * np.eye(len(known))  # a flat region has no slopes
    rest = goal - known.T @ np.linalg.solve(squares, known @ goal)
    return float(np.sqrt(np.mean(rest**2)))
