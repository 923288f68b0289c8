"""RED: Romanian tweets, one of five labels each."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    return read_rows(folder / "red" / f"{split}.jsonl.gz")


PART = Corpus(
    name="red",
    paper="Ciobotaru and Dinu (2021), RED: A Novel Dataset for Romanian Emotion Detection from Tweets, RANLP",
    licence="MIT",
    use="ship",
    languages=("ro",),
    splits=("train",),
    rows=_rows,
    label_maps={
        "ekman7": {"Bucurie": "joy", "Furie": "anger", "Neutru": "neutral", "Tristete": "sadness", "Frica": "fear"},
    },
    sha256={"red/train.jsonl.gz": "4cf16690967d469e42a4d3fcbb021a248a84191614b7fbafa382389397939d93"},
)
