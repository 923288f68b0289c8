"""Step 2: a teacher that knows words only, asked about training rows that it has not seen.

    python words.py WORK_FOLDER

TF-IDF with a linear classifier, one a language, fitted FOLDS times, each time on all but one part of a training split and
asked about that part. Writes WORK_FOLDER/words.npz: corpus split -> raw outputs, (rows, labels of its set).
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from train import split_rows

from affekt.catalog import find
from affekt.parts import LabelSet, Row
from affekt.training.text_tfidf import NEVER, Settings, fit

SPLITS = {"brighter/train": "ekman6", "goemotions/train": "goemotions28"}
FOLDS = 3
SETTINGS = Settings(strength=4.0)


def unseen(rows: list[Row], labels: LabelSet, fold: int) -> np.ndarray:
    """Raw outputs on one part of the rows, every FOLDS-th, by a model fitted on the others."""
    model = fit([row for at, row in enumerate(rows) if at % FOLDS != fold], labels, settings=SETTINGS, report=lambda _: None)
    return model.raw([row.text for row in rows[fold::FOLDS]])


def main() -> None:
    work, data = Path(sys.argv[1]), Path(os.environ["AFFEKT_DATA"]) / "text"
    made = {}
    with ProcessPoolExecutor() as pool:
        for key, name in SPLITS.items():
            rows, labels = split_rows(data, key), find("labels", name)
            made[key] = np.full((len(rows), len(labels.labels)), NEVER, np.float32)
            languages = np.array([row.lang or "" for row in rows])
            waiting = {}
            for language in sorted(set(languages)):
                mine = np.flatnonzero(languages == language)
                for fold in range(FOLDS):
                    waiting[language, fold] = mine[fold::FOLDS], pool.submit(unseen, [rows[at] for at in mine], labels, fold)
            for (language, fold), (asked, answer) in waiting.items():
                made[key][asked] = answer.result()
                print(f"{key} {language}: {fold + 1} of {FOLDS}", flush=True)
    np.savez(work / "words.npz", **made)


if __name__ == "__main__":
    main()
