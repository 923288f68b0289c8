"""EmoITA: the training sentences of EmoBank in Italian, with the same three ratings."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    return read_rows(folder / "emoita" / f"{split}.jsonl.gz")


PART = Corpus(
    name="emoita",
    paper="Sprugnoli et al. (2020), EmoItaly / EmoITA, an Italian version of EmoBank",
    licence="CC BY-SA 4.0",
    use="ship",
    languages=("it",),
    splits=("train",),
    rows=_rows,
    sha256={"emoita/train.jsonl.gz": "695f2eb9ae6b28308635c7e3d4539048fe5f6fa718631a71fafaa8ed4aa253a3"},
)
