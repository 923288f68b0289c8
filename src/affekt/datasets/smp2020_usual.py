"""SMP2020-EWECT, usual part: Weibo posts, one of six labels each."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows
from affekt.parts import Corpus, Row


def _rows(folder: Path, split: str) -> Iterator[Row]:
    held_out = set()
    if split != "test":  # 245 of the test texts stand in the published training split too, and 18 in dev
        held_out = {row.text for row in read_rows(folder / "smp2020_usual" / "test.jsonl.gz")}
    for row in read_rows(folder / "smp2020_usual" / f"{split}.jsonl.gz"):
        if row.text not in held_out:
            yield row


PART = Corpus(
    name="smp2020_usual",
    paper="SMP2020-EWECT, The Evaluation of Weibo Emotion Classification Technology",
    licence="none stated",
    use="bench",
    languages=("zh",),
    splits=("train", "dev", "test"),
    rows=_rows,
    label_maps={
        "ekman7": {
            "angry": "anger",
            "fear": "fear",
            "happy": "joy",
            "neutral": "neutral",
            "sad": "sadness",
            "surprise": "surprise",
        }
    },
    sha256={
        "smp2020_usual/train.jsonl.gz": "65991f06a2ffd63579836401ba8268aeb2e9ff28fb95132203f3e9b08b445131",
        "smp2020_usual/dev.jsonl.gz": "95084a43dbd8be41ecf9d235ab40e8b3d561240e1cca0a59586d02069b9c2763",
        "smp2020_usual/test.jsonl.gz": "11b0201720eb1ce1ccc05fc53f970e00a5e755fea2abf1cc80fa38778739c312",
    },
)
