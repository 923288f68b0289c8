"""Scenes that are staged: a recorded voice, drawn faces whose mouths follow it, and models that answer at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import affekt
from affekt import Reader
from affekt.labels import ekman7
from affekt.parts import Calibration, Card
from affekt.results import Clip
from affekt.sources.audio import RATE, open_audio
from drawn import BLACK, BLOND, DARK, PALE, drawn_face, on

SPEECH = Path(affekt.__file__).parent / "samples" / "train.ogg"
WORDS = ((0.0, 2.1), (2.35, 4.95), (5.1, 6.5))  # seconds of its three stretches of speech
LOW = 0.75  # how fast the recording is played for another, lower voice
SIDE, SIZE = 130, (320, 160)  # pixels of a drawn face, and of the picture
FRAMES = 12.5  # a second: as often as mouths are looked at
LEFT = {"anna": 10, "ben": 180}  # of each face in the picture
LOOKS = {"anna": (PALE, BLOND), "ben": (DARK, BLACK)}
STEPS = 5  # in which a mouth opens
FULL = 0.12  # root mean square of the sound at which it is wide open
LABELS = ekman7.PART
Samples = np.ndarray
Timed = tuple[float, np.ndarray]


def card(modality: Any) -> Card:
    plain = Calibration((1.0,) * 7, (0.0,) * 7)
    return Card(f"{modality}_fake", "00000000", modality, (), {"weights": "none"}, True, {"ekman7": plain})


def raw(label: str, size: float) -> np.ndarray:
    made = np.zeros(7, np.float32)
    made[LABELS.labels.index(label)] = size
    return made


class Voice:
    """A speech model: who is loud is angry, who is not is sad."""

    card, population = card("speech"), None

    def hear(self, samples: Samples, *, labels: Sequence[str], baseline: Any = None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        loud = float(np.sqrt(np.mean(samples**2)))
        return np.zeros(2, np.float32), {name: raw("anger", 40 * loud) + raw("sadness", 2) for name in labels}


class Face:
    """A face model: the whiter the mouth, the more joy."""

    card, side = card("face"), 48

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, np.ndarray]:
        return {name: np.stack([raw("joy", 8 * _white(clip.data)) + raw("neutral", 2) for clip in clips]) for name in labels}


def _white(pixels: np.ndarray) -> float:
    mouth = pixels[34:42, 17:31].astype(int)
    return float(((mouth.min(-1) > 150) & (np.ptp(mouth, axis=-1) < 22)).mean())


class Text:
    """A text model: love is joy, and hate is anger."""

    card = card("text")

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, np.ndarray]:
        said = [raw("joy", 5 * ("love" in clip.data)) + raw("anger", 5 * ("hate" in clip.data)) + raw("neutral", 1) for clip in clips]
        return {name: np.stack(said) for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        return [clip]


class Staged(Reader):
    """A reader with these models."""

    encoder = property(lambda self: Text())  # type: ignore[assignment]
    speech_encoder = property(lambda self: Voice())  # type: ignore[assignment]
    face_encoder = property(lambda self: Face())  # type: ignore[assignment]


# --- what is heard


@lru_cache(maxsize=8)
def words(part: int, *, low: bool = False, loud: float = 1.0) -> Samples:
    """One of the stretches of speech, by its own voice or by a lower one."""
    whole = np.concatenate(list(open_audio(SPEECH).blocks()), axis=1)[0]
    begin, end = (round(at * RATE) for at in WORDS[part])
    said = whole[begin:end]
    slow = np.interp(np.arange(0, len(said) - 1, LOW), np.arange(len(said)), said) if low else said
    return (loud * slow).astype(np.float32)


@dataclass(frozen=True)
class Line:
    """Something that is said. Args: who: whose mouth moves; None: nobody's that is to be seen."""

    begin: float
    part: int
    who: str | None = None
    low: bool = False

    @property
    def samples(self) -> Samples:
        return words(self.part, low=self.low)

    @property
    def end(self) -> float:
        return self.begin + len(self.samples) / RATE


def sound(lines: Sequence[Line], *, seconds: float) -> Samples:
    """All of them in one microphone, (n,)."""
    made = np.zeros(round(seconds * RATE), np.float32)
    for line in lines:
        begin = round(line.begin * RATE)
        made[begin : begin + len(line.samples)] += line.samples[: len(made) - begin]
    return made


# --- what is seen


@lru_cache(maxsize=64)
def face(who: str, opening: int = 0, mouth: str = "flat") -> Image.Image:
    """A face whose mouth is open by so many of STEPS."""
    drawn = drawn_face(SIDE, mouth, *LOOKS[who]).copy()  # type: ignore[arg-type]
    if opening:
        x, y, wide, high = (share * SIDE for share in (0.5, 0.765, 0.06, 0.012 + 0.06 * opening / STEPS))
        ImageDraw.Draw(drawn).ellipse((x - wide, y - high, x + wide, y + high), fill=(60, 15, 20))
    return drawn


@lru_cache(maxsize=256)
def picture(**given: tuple[int, str]) -> np.ndarray:
    """Those who are there, each with how open the mouth is and what mouth it is."""
    return np.asarray(on(SIZE, *((face(who, *how), LEFT[who], 15) for who, how in given.items())))


def opening(line: Line, at: float) -> int:
    """How open the mouth is that says a line."""
    begin = round((at - line.begin) * RATE)
    heard = line.samples[max(begin, 0) : max(begin + RATE // 25, 0)]
    level = float(np.sqrt(np.mean(heard**2))) if len(heard) else 0.0
    return min(round(STEPS * level / FULL), STEPS)


def film(
    lines: Sequence[Line],
    *,
    seconds: float,
    there: Sequence[str] = ("anna",),
    smiles: Callable[[str, float], bool] = lambda who, at: False,
) -> list[Timed]:
    """Frames with the seconds of each: who is there, and moves a mouth where one says a line."""
    made = []
    for at in np.arange(0, seconds, 1 / FRAMES).round(3).tolist():
        how = {who: max((opening(line, at) for line in lines if line.who == who), default=0) for who in there}
        made.append((at, picture(**{who: (how[who], "smile" if smiles(who, at) and not how[who] else "flat") for who in there})))
    return made


def write_film(path: Path, frames: Sequence[Timed] = (), heard: Samples | None = None) -> Path:
    """A file of frames, sound, (n,) or (channels, n), or both; of sound nothing is lost."""
    import av

    with av.open(str(path), "w") as container:
        picture, voice = None, None
        if frames:
            picture = container.add_stream("mpeg4", rate=25, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
            picture.codec_context.time_base, picture.bit_rate = Fraction(1, 1000), 4_000_000
        if heard is not None:
            layout = "stereo" if heard.ndim == 2 else "mono"
            voice = container.add_stream("pcm_s16le", rate=RATE, layout=layout)
            whole = np.ascontiguousarray((np.clip(heard, -1, 1) * 32767).astype("<i2").T.reshape(1, -1))
            block = av.AudioFrame.from_ndarray(whole, format="s16", layout=layout)
            block.sample_rate = RATE
            for out in av.AudioResampler(format="s16", layout=layout, rate=RATE, frame_size=4000).resample(block):
                container.mux(voice.encode(out))
        for at, pixels in frames:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.time_base, frame.pts = Fraction(1, 1000), round(1000 * at)
            container.mux(picture.encode(frame))
        for stream in filter(None, (picture, voice)):
            container.mux(stream.encode(None))
    return path


# --- how it comes


def pieces(heard: Samples, size: int = 640) -> Iterator[Timed]:
    """The sound in pieces of so many samples, each with its seconds."""
    for begin in range(0, len(heard), size):
        yield begin / RATE, heard[begin : begin + size]


def within(seconds: float, run: Callable[[], Any]) -> Any:
    """What a function gives, or raises; one that does not come to an end in time fails the test instead of holding it up."""
    said: Queue[tuple[Any, BaseException | None]] = Queue()

    def call() -> None:
        try:
            said.put((run(), None))
        except BaseException as error:
            said.put((None, error))

    Thread(target=call, daemon=True).start()
    try:
        given, error = said.get(timeout=seconds)
    except Empty:
        raise AssertionError(f"it did not come to an end within {seconds} s") from None
    if error is not None:
        raise error
    return given
