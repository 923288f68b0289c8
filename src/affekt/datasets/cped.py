"""CPED: Chinese dialogue from TV series, one of 13 labels a turn and a sentiment, annotated with the video in view."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.parts import Corpus, Row

SHOWS = {"40": "dev", "32": "test"}  # whole series, so that no speaker is shared; the other twelve train


def _rows(folder: Path, split: str) -> Iterator[Row]:
    for row in read_rows(folder / "cped" / "all.jsonl.gz"):
        show = (row.group or "").partition("_")[0]
        if SHOWS.get(show, "train") == split:
            yield row


PART = Corpus(
    name="cped",
    paper="Chen et al. (2022), CPED: A Large-Scale Chinese Personalized and Emotional Dialogue Dataset, arXiv:2205.14727",
    licence="Apache-2.0",
    use="ship",
    languages=("zh",),
    splits=("train", "dev", "test"),
    rows=_rows,
    label_maps={
        "ekman7": {
            "anger": "anger",
            "astonished": "surprise",
            "depress": "sadness",
            "disgust": "disgust",
            "fear": "fear",
            "grateful": "joy",
            "happy": "joy",
            "negative-other": None,
            "neutral": "neutral",
            "positive-other": None,
            "relaxed": None,
            "sadness": "sadness",
            "worried": "fear",
        }
    },
    sha256={"cped/all.jsonl.gz": "227e7a3423539c6f41ef6ad6a99a7c2c280d33689367735026ad839fdc02a5c2"},
)
