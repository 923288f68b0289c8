"""PyPI's `fer`: how many frames a second, faces found by OpenCV's Haar cascade, and what it says of faces already cut out.

    python -P fer.py tflite|keras FRAMES WIDE HIGH [IMAGES SIDE]

FRAMES and IMAGES hold raw RGB. Prints one line of JSON. `-P` keeps this file from being taken for the library. `fer` needs facenet-pytorch,
and so torch, only for its other detector (mtcnn=True), and imports it only then: here it is not installed.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from fer.fer import FER

OFFSET = 10  # pixels that it adds around a face: a box smaller by them makes it take the whole image
PASSES = 3


def pictures(path: str, wide: int, high: int) -> list[np.ndarray]:
    """Pictures as OpenCV has them, BGR."""
    return [np.ascontiguousarray(one[..., ::-1]) for one in np.fromfile(path, np.uint8).reshape(-1, high, wide, 3)]


def seconds(detector: FER, frames: list[np.ndarray]) -> tuple[float, int]:
    """Of a pass over all frames, and in how many a face is found."""
    began = time.perf_counter()
    found = sum(bool(detector.detect_emotions(frame)) for frame in frames)
    return time.perf_counter() - began, found


def said(detector: FER, path: str, side: int) -> list[str]:
    box = (OFFSET, OFFSET, side - 2 * OFFSET, side - 2 * OFFSET)
    emotions = [detector.detect_emotions(one, face_rectangles=[box])[0]["emotions"] for one in pictures(path, side, side)]
    return [max(one, key=one.__getitem__) for one in emotions]


def main() -> None:
    kind, path, wide, high = sys.argv[1:5]
    detector = FER(mtcnn=False, use_tflite=kind == "tflite")
    frames = pictures(path, int(wide), int(high))
    passes = [seconds(detector, frames) for _ in range(PASSES + 1)][1:]  # the first warms up
    made = {
        "frames_per_s": round(len(frames) / float(np.median([took for took, _ in passes])), 2),
        "frames": len(frames),
        "with_a_face": passes[0][1],
        "versions": {name: version(name) for name in ("fer", "tensorflow-cpu", "opencv-contrib-python-headless")},
        "said": said(detector, sys.argv[5], int(sys.argv[6])) if len(sys.argv) > 5 else [],
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
