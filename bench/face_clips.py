"""Clips and frames that faces are measured on, made of a few real ones: those of AFFEKT_DATA/video."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from affekt.preprocessing.faces import find
from affekt.sources.pictures import open_video

TALKING = ("d3.mp4", "d10.mp4", "d11.mp4", "d12.mp4", "single_face.mp4")  # one person each, who fills much of the picture
RATE = 30  # frames a second of what is made
LOOPS = 4  # times that the short clip of one face is shown: 10 s, so that what is done once, at its begin, does not weigh too much
FRAMES = 150  # of the clip with five people: 5 s
GREY = 128
Pixels = np.ndarray  # (height, width, 3) RGB uint8


def clip(name: str) -> Path:
    return Path(os.environ["AFFEKT_DATA"]) / "video" / name


def clips() -> list[Path]:
    return sorted(path for path in clip("").iterdir() if path.suffix in (".mp4", ".mov"))


def frames_of(path: Path, *, rate: float = 0.0) -> list[Pixels]:
    """So many frames a second of a clip; 0: all."""
    return [frame.pixels for frame in open_video(path, rate=rate).frames()]


def resized(pixels: Pixels, wide: int, high: int) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((wide, high), Image.Resampling.BICUBIC))


def write_video(frames: Iterable[Pixels], path: Path) -> Path:
    """The frames as an H.264 file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20"})
        stream.pix_fmt = "yuv420p"
        for at, pixels in enumerate(frames):
            if at == 0:
                stream.height, stream.width = pixels.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def loop_video(path: Path, out: Path, *, seconds: float) -> Path:
    """A clip over and over until it is so long, its H.264 packets as they are."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for turn in range(int(np.ceil(seconds / float(stream.duration * stream.time_base)))):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.dts += turn * stream.duration
                    packet.pts += turn * stream.duration
                    packet.stream = copy
                    target.mux(packet)
    return out


def five_people(wide: int) -> Iterator[Pixels]:
    """Frames of 16:9 with the five people of TALKING, three above and two below, each as high as half a frame."""
    side = wide * 9 // 32
    people = [around_face(frames_of(clip(name)), side) for name in TALKING]
    corners = [(0, wide // 3 * at) for at in range(3)] + [(side, wide // 3 * at + wide // 6) for at in range(2)]
    for at in range(FRAMES):
        whole = np.full((2 * side, wide, 3), GREY, np.uint8)
        for (top, left), frames in zip(corners, people, strict=True):
            turn = at % (2 * len(frames) - 2)  # forth and back, so that nobody jumps
            whole[top : top + side, left : left + side] = frames[min(turn, 2 * len(frames) - 2 - turn)]
        yield whole


def around_face(frames: list[Pixels], side: int) -> list[Pixels]:
    """The frames cut to the largest square whose middle is the face of the first one, if need be moved to the border."""
    high, wide = frames[0].shape[:2]
    length = min(high, wide)
    face = max(find(frames[0], fine=False), key=lambda face: face.width)
    left = int(np.clip(face.middle[0] - length / 2, 0, wide - length))
    top = int(np.clip(face.middle[1] - length / 2, 0, high - length))
    return [resized(pixels[top : top + length, left : left + length], side, side) for pixels in frames]


def mosaics(frames: list[Pixels], *, high: int) -> list[Pixels]:
    """Pictures of 640 x 360 with nine of the frames each, three by three, made as small as `high` pixels; neighbours are kept apart."""
    many = len(frames) // 9
    made = []
    for first in range(many):
        whole = np.full((360, 640, 3), GREY, np.uint8)
        for place, pixels in enumerate(frames[first::many][:9]):
            wide = round(pixels.shape[1] * high / pixels.shape[0])
            top, left = place // 3 * 120 + (120 - high) // 2, place % 3 * 213 + (213 - wide) // 2
            whole[top : top + high, left : left + wide] = resized(pixels, wide, high)
        made.append(whole)
    return made
