"""GoEmotions' training split, machine-translated into Korean."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    return read_rows(folder / "goemotions_ko" / f"{split}.jsonl.gz")


PART = Corpus(
    name="goemotions_ko",
    paper="Demszky et al. (2020), GoEmotions: A Dataset of Fine-Grained Emotions, ACL; Korean by machine translation",
    licence="Apache-2.0",
    use="ship",
    languages=("ko",),
    splits=("train",),
    rows=_rows,
    sha256={"goemotions_ko/train.jsonl.gz": "dd3ad08ae8f48821a5b902217f14e2d61727bcefdab8bd424aa94b52776f312a"},
)
