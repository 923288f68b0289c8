"""MELD: English dialogue from a TV series, one of seven labels a turn, annotated with the video in view."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.labels import ekman7
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    return read_rows(folder / "meld" / f"{split}.jsonl.gz")


PART = Corpus(
    name="meld",
    paper="Poria et al. (2019), MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations, ACL",
    licence="GPL-3.0",
    use="bench",
    languages=("en",),
    splits=("train", "dev", "test"),
    rows=_rows,
    label_maps={"ekman7": {label: label for label in ekman7.PART.labels}},
    sha256={
        "meld/train.jsonl.gz": "54ad8449feb2364e955787e39d8dffdb7d85cde164f57275ff3c70f25800ef03",
        "meld/dev.jsonl.gz": "ca83d1f0d9204afad741cee2aa8e63cc80a3a41d9e2de554497a8b4a9cf7334d",
        "meld/test.jsonl.gz": "8edd570c18548da8feab56b8b64e222069e474bcad4c5b72845bc1199408a002",
    },
)
