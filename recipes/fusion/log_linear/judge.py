"""Step 1: what the shipped models say of texts, recordings and faces that they have not learned from, clear and spoilt.

AFFEKT_DATA=DATA python judge.py WORK_FOLDER [face] [text] [speech] [speech_free]
"""

import sys
import time
from pathlib import Path

from corpora import MAKERS


def main() -> None:
    work = Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MAKERS:
        began = time.perf_counter()
        judged = MAKERS[name]()
        judged.save(work / f"{name}.npz")
        right = (judged.scores.argmax(1) == judged.gold)[judged.version == "clear"].mean()
        print(f"{name}: {len(judged.gold)} rows, accuracy of the clear ones {right:.3f}, {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
