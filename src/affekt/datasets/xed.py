"""XED: film subtitles, several of Plutchik's eight emotions each; English and Finnish by hand, others projected.

The projected files translate the English lines, so no line of theirs may be trained on whose English line is
held out; they do not name their source, so training drops the nearest ones (`recipes/text/text_affekt`).
"""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_rows, share
from affekt.parts import Corpus, Row

PROJECTED = ("ar", "br", "cn", "de", "es", "fr", "it", "nl", "pl", "pt", "ru", "tw", "zh")
DEV, TEST = 0.05, 0.10  # shares of the hand-annotated lines, by text


def _rows(folder: Path, split: str) -> Iterator[Row]:
    files = PROJECTED if split == "projected" else ("en_annotated", "en_neutral", "fi_annotated")
    trained = {row.text for row in _rows(folder, "projected")} if split in ("dev", "test") else set()
    for file in files:
        for row in read_rows(folder / "xed" / f"{file}.jsonl.gz"):
            at = share(row.text)
            if split == "projected" or (
                split == ("dev" if at < DEV else "test" if at < DEV + TEST else "train") and row.text not in trained
            ):
                yield row


PART = Corpus(
    name="xed",
    paper="Öhman et al. (2020), XED: A Multilingual Dataset for Sentiment Analysis and Emotion Detection, COLING",
    licence="CC BY 4.0",
    use="ship",
    languages=("en", "fi", "ar", "pt-BR", "zh-Hans", "de", "es", "fr", "it", "nl", "pl", "pt", "ru", "zh-Hant"),
    splits=("train", "projected", "dev", "test"),
    rows=_rows,
    sha256={
        "xed/en_annotated.jsonl.gz": "68cd1c7b3d16b1856fda6225975cab7c0a4aa4558072bc1b1e89ffaca879847f",
        "xed/en_neutral.jsonl.gz": "d7a40a41af164e842ce2a8602777633ed927e242a647d963e5aa09b7eb29ce27",
        "xed/fi_annotated.jsonl.gz": "207c29bbce9bc8358dfee0b6cb5e66b45f5eb82aa885d40ff52ea00eddefaf00",
        "xed/ar.jsonl.gz": "6a2449d851b3ef6a07549c37e8ba9764e677dfa3079ec3b82cb5d0a4527e1b06",
        "xed/br.jsonl.gz": "eed9b02ff4aa5b3aa31dbce0cf0338e93c352ed901b02532ecc333b35376e285",
        "xed/cn.jsonl.gz": "f373e30e56a00460a97f9e1571c03e998abc963c5b0a4a893178ffd5c5f5d5ac",
        "xed/de.jsonl.gz": "162a18df216df749daf9fcd962e64f1fee07fc4642bd82dc46380212b18cb98c",
        "xed/es.jsonl.gz": "3ce482494dc3999f7bda6c05569887c64a77e4e5cfb9de555a2f2cc9b86d9cc9",
        "xed/fr.jsonl.gz": "8da92a8305fdf28933a75896fb28c15807163c0f293056fd10ed5835a640082b",
        "xed/it.jsonl.gz": "9cec17830a4f1d3f93f5fcc593e69aa77c4baf2b718b4ea05021c6a8c78e9b99",
        "xed/nl.jsonl.gz": "859cd1adfec9fd2869e9c54d1c4fddb9a79330a531a10c8240369699414e7295",
        "xed/pl.jsonl.gz": "3a55094a3219ae821ceb335ee3899e83300073fea21000b0f0830a375d05482e",
        "xed/pt.jsonl.gz": "aaee66d5a529e09a4f5388b2b4a3f35d960cc8638db04e9397d5ed2333c6a675",
        "xed/ru.jsonl.gz": "c0ceff4e9d9c6287f9f75672477953ece2ba65a98d6964436212426384043fcd",
        "xed/tw.jsonl.gz": "7c7656b4c3159a71ad58c85b3ca2fd9af984af978170ba616d300b68ac2bb347",
        "xed/zh.jsonl.gz": "1402b8cb8988d571240443c2f6f5044799b51e86a0fb566629fe11efd64efff1",
    },
)
