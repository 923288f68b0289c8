"""GoEmotions: English Reddit comments, several of 28 labels each."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    return read_rows(folder / "goemotions" / f"{split}.jsonl.gz")


PART = Corpus(
    name="goemotions",
    paper="Demszky et al. (2020), GoEmotions: A Dataset of Fine-Grained Emotions, ACL",
    licence="Apache-2.0 (repository), CC BY 4.0 (data)",
    use="ship",
    languages=("en",),
    splits=("train", "dev", "test"),
    rows=_rows,
    sha256={
        "goemotions/train.jsonl.gz": "f769f2c1859caa392b9c74a38d01a8a8770b96cb99d0c626d518856df5c068a5",
        "goemotions/dev.jsonl.gz": "12f6b5c1b92f418afbbd27e69a34a2c6f5fe24394d35958e11ef3539fa8b4a12",
        "goemotions/test.jsonl.gz": "1e5a719addbc22bb9f78152d5de1fb0e0a04a6dadd760aa7881ce20378cfea78",
    },
)
