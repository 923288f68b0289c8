"""A media file played as if it were live: its sound and its frames, each when it would have been heard or seen."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affekt.errors import InputError
from affekt.sources.audio import RATE, Audio, Floats, open_audio, tracks
from affekt.sources.live import Clock
from affekt.sources.pictures import Bytes, Pictures, open_video

CHUNK = RATE // 25  # samples given out at once: 40 ms, as long as a frame is usually shown
OLD = 0.5  # seconds after which a frame is left out rather than shown late, as a camera does when nobody looks
PATIENCE = 1.0  # seconds without a frame after which an old one is shown: this machine decodes more slowly than the film plays
Sound = Generator[tuple[float, Floats], None, None]
Film = Generator[tuple[float, Bytes], None, None]


def play(
    path: str | Path,
    *,
    realtime: bool = True,
    sound: bool = True,
    pictures: bool = True,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Sound | None, Film | None]:
    """The sound and the frames of a file, None for what it lacks or is not wanted; as `incoming` and `pushed` take them.

    Sound comes as pairs of seconds and 40 ms of samples, (n,), the mean of the channels; frames as pairs of seconds and pixels,
    (height, width, 3). Each is given out when its last sample would have been heard, or it would have been shown, from the moment on at
    which either is first asked; so each may be read in a thread of its own. If who asks is slow, sound comes late but all of it, and
    frames that are older than half a second are left out. Closing either closes the file.

    Args:
        realtime: False: give out everything as fast as it is asked for, and leave nothing out.
        clock, sleep: seconds that pass, and what waits for some.

    Raises:
        MissingExtra: PyAV is not installed.
        InputError: there is no such file, nothing decodes it, or it has nothing of what is wanted.
        EmptyInput: later, when it is read: a track has nothing in it.
    """
    heard, seen = tracks(path)
    heard, seen = heard and sound, seen and pictures
    if not heard and not seen:
        wanted = " nor ".join([*(["sound"] if sound else []), *(["moving pictures"] if pictures else [])])
        raise InputError(f"{path} has no {wanted} to play" if wanted else "neither sound nor pictures are wanted; ask for one of them")
    pace = _Pace(Clock(clock), sleep) if realtime else None
    return _sound(open_audio(path), pace) if heard else None, _film(open_video(path), pace) if seen else None


@dataclass(frozen=True, slots=True)
class _Pace:
    """How far the play has come. Args: now: seconds since it began, which it does when it is first asked. sleep: waits for seconds."""

    now: Clock
    sleep: Callable[[float], None]

    def wait(self, moment: float) -> float:
        """Waits for a moment of the play; how many seconds ago it was, if it has passed."""
        left = moment - self.now()
        if left > 0:
            self.sleep(left)
        return max(-left, 0.0)


def _sound(audio: Audio, pace: _Pace | None) -> Sound:
    if pace is not None:
        pace.now()
    count = 0
    for samples in _chunks(audio.blocks()):
        if pace is not None:
            pace.wait((count + len(samples)) / RATE)
        yield count / RATE, samples
        count += len(samples)


def _chunks(blocks: Iterator[Floats]) -> Iterator[Floats]:
    """The mean of the channels, (CHUNK,) at a time, and what is left at the end."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block.mean(0)])
        whole = len(rest) // CHUNK * CHUNK
        yield from rest[:whole].reshape(-1, CHUNK)
        rest = rest[whole:]
    if rest.size:
        yield rest


def _film(video: Pictures, pace: _Pace | None) -> Film:
    asked = 0.0 if pace is None else pace.now()
    for frame in video.frames():
        if pace is not None and pace.wait(frame.time) > OLD and pace.now() - asked < PATIENCE:
            continue
        yield frame.time, frame.pixels
        asked = 0.0 if pace is None else pace.now()
