"""Affekt on the frames that its peers get: find, track, read.

python ours.py THREADS FRAMES WIDE HIGH          FRAMES holds raw RGB; prints one line of JSON
"""

import json
import sys
import time

import numpy as np

from affekt import Reader

PASSES = 3
RATE = 30  # frames a second


def main() -> None:
    threads, path, wide, high = sys.argv[1:5]
    frames = np.fromfile(path, np.uint8).reshape(-1, int(high), int(wide), 3)
    reader, took = Reader(threads=int(threads)), []
    for _ in range(PASSES + 1):  # the first warms up
        began = time.perf_counter()
        seen = {reading.start for reading in reader.watch(((at / RATE, frame) for at, frame in enumerate(frames)), rate=0).readings()}
        took.append(time.perf_counter() - began)
    print(json.dumps({"frames_per_s": round(len(frames) / float(np.median(took[1:])), 2), "frames": len(frames), "with_a_face": len(seen)}))


if __name__ == "__main__":
    main()
