"""Fits the baseline "word vectors and convolutions" to one corpus, calibrates it on held-out rows and writes its folder.

    AFFEKT_DATA=DATA python train.py CORPUS LABELS OUT_FOLDER

DATA/text holds the corpora; CORPUS is a key of datasets/, LABELS of labels/: `goemotions goemotions28`,
`brighter ekman6`, `xed plutchik8`, `smp2020_usual ekman7`.
"""

from pathlib import Path

from affekt.training.text_baseline import run

if __name__ == "__main__":
    run("text_cnn", Path(__file__).parent, usage=__doc__ or "")
