"""EmoBank: English sentences rated for valence, arousal and dominance."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    return read_rows(folder / "emobank" / f"{split}.jsonl.gz")


PART = Corpus(
    name="emobank",
    paper="Buechel and Hahn (2017), EmoBank: Studying the Impact of Annotation Perspective and Representation Format, EACL",
    licence="CC BY-SA 4.0",
    use="ship",
    languages=("en",),
    splits=("train", "dev", "test"),
    rows=_rows,
    sha256={
        "emobank/train.jsonl.gz": "5ae5b8f97ea25f633e6b09f79b1bfd45c77948b0d8d7c6cf428ce65dc8b8617b",
        "emobank/dev.jsonl.gz": "9eb5328c05d5b88bbe34d5e2fefc052e45aa109f9a3dfe8a790e33351aedcea7",
        "emobank/test.jsonl.gz": "54c5012f1f7e4acd58ea2265b8ded33c0248a8e6d72a712d9fabb626defffbd5",
    },
)
