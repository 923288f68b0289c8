"""BRIGHTER: 28 languages, several of Ekman's six emotions each; no label means neutral.

Not every language was annotated for every emotion (English has no disgust): `Row.space` says which.
"""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows, share
from affekt.parts import Corpus, Row

TUNE = 0.05  # of the training split, held out by text for thresholds and temperatures: dev is what is reported


def _rows(folder: Path, split: str) -> Iterator[Row]:
    file = "dev" if split == "dev" else "train"
    for row in read_rows(folder / "brighter" / f"{file}.jsonl.gz"):
        if split == "dev" or (share(row.text) < TUNE) == (split == "tune"):
            yield row


PART = Corpus(
    name="brighter",
    paper="Muhammad et al. (2025), BRIGHTER: BRIdging the Gap in Human-Annotated Textual Emotion Recognition Datasets, ACL",
    licence="CC BY 4.0",
    use="ship",
    languages=(
        *("af", "am", "arq", "ary", "zh", "de", "en", "es", "ha", "hi", "ig", "rw", "mr", "om"),
        *("pcm", "pt-BR", "pt-MZ", "ro", "ru", "so", "su", "sw", "sv", "tt", "ti", "uk", "vmw", "yo"),
    ),
    splits=("train", "tune", "dev"),
    rows=_rows,
    label_maps={"ekman6": {label: label for label in ("anger", "disgust", "fear", "joy", "sadness", "surprise")}},
    sha256={
        "brighter/train.jsonl.gz": "28a765ccb5ae487d9dcfa20da91734e1a74012640035293079040a693a974df0",
        "brighter/dev.jsonl.gz": "d4bd55651df2861d1ae57f1178fb2fb7a571d021dc0fed440e6dce9f311cea53",
    },
)
