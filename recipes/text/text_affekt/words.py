"""Step 2: a teacher that knows words only, asked about training rows that it has not seen.

    python words.py WORK_FOLDER

TF-IDF with a linear classifier, one a language. Writes WORK_FOLDER/words.npz: corpus split -> raw outputs, (rows, labels
of its set).
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from train import split_rows

from affekt.catalog import find
from affekt.training.text_tfidf import Settings, unseen

SPLITS = {"goemotions/train": "goemotions28", "brighter/train": "ekman6"}
SETTINGS = Settings(strength=4.0)


def main() -> None:
    work, data = Path(sys.argv[1]), Path(os.environ["AFFEKT_DATA"]) / "text"
    made, waiting = {}, {}
    with ProcessPoolExecutor() as pool:
        for key, name in SPLITS.items():
            rows, labels = split_rows(data, key), find("labels", name)
            made[key] = np.zeros((len(rows), len(labels.labels)), np.float32)
            languages = np.array([row.lang or "" for row in rows])
            for language in sorted(set(languages)):
                mine = np.flatnonzero(languages == language)
                waiting[key, language] = mine, pool.submit(unseen, [rows[at] for at in mine], labels, settings=SETTINGS)
        for (key, language), (mine, answer) in waiting.items():
            made[key][mine] = answer.result()
            print(f"{key}, {language}: {len(mine)} rows", flush=True)
    np.savez(work / "words.npz", **made)


if __name__ == "__main__":
    main()
