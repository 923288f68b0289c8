"""EmoITA: the training sentences of EmoBank in Italian, with the same three ratings.

Its file has a few ratings up to 5.5 on a scale that ends at 5; they count as 5.
"""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import make_row, read_objects
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    path = folder / "emoita" / f"{split}.jsonl.gz"
    for number, given in read_objects(path):
        yield make_row({**given, "vad": [min(rating, 5.0) for rating in given["vad"]]}, path.name, number)


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
