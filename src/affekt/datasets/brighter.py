"""BRIGHTER: 28 languages, several of Ekman's six emotions each; no label means neutral.

Not every language was annotated for every emotion (English has no disgust): `Row.space` says which. For six languages the
single annotators' choices were published too (`brighter_annotators`); training rows carry them as `Row.votes`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from affekt.datasets import read_objects, read_rows, share
from affekt.errors import InputError
from affekt.parts import Corpus, Row

TUNE = 0.05  # of the training split, held out by text for thresholds and temperatures: dev is what is reported
CODES = {  # the corpus's three letters -> BCP 47
    **{"afr": "af", "amh": "am", "arq": "arq", "ary": "ary", "chn": "zh", "deu": "de", "eng": "en", "esp": "es", "hau": "ha"},
    **{"hin": "hi", "ibo": "ig", "kin": "rw", "mar": "mr", "orm": "om", "pcm": "pcm", "ptbr": "pt-BR", "ptmz": "pt-MZ"},
    **{"ron": "ro", "rus": "ru", "som": "so", "sun": "su", "swa": "sw", "swe": "sv", "tat": "tt", "tir": "ti", "ukr": "uk"},
    **{"vmw": "vmw", "yor": "yo"},
}


def _rows(folder: Path, split: str) -> Iterator[Row]:
    file = "dev" if split == "dev" else "train"
    votes = _votes(folder) if split == "train" else {}
    for row in read_rows(folder / "brighter" / f"{file}.jsonl.gz"):
        if split == "dev" or (share(row.text) < TUNE) == (split == "tune"):
            yield replace(row, lang=CODES.get(row.lang or "", row.lang), votes=votes.get((row.lang, row.text)))


def _votes(folder: Path) -> dict[tuple[str | None, str], dict[str, float]]:
    """(language, text) -> label -> share of its annotators.

    Raises:
        InputError: there is no file of annotators.
    """
    paths = sorted((folder / "brighter_annotators").glob("*.jsonl.gz"))
    if not paths:
        raise InputError(f"no files in {folder / 'brighter_annotators'}; training needs what BRIGHTER's single annotators chose")
    found: dict[tuple[str | None, str], dict[str, float]] = {}
    for path in paths:
        for _, given in read_objects(path):
            chosen = Counter(label for annotator in given["annotators"] for label in annotator["labels"])
            if given["annotators"]:
                found[given.get("lang"), given["text"]] = {label: count / len(given["annotators"]) for label, count in chosen.items()}
    return found


PART = Corpus(
    name="brighter",
    paper="Muhammad et al. (2025), BRIGHTER: BRIdging the Gap in Human-Annotated Textual Emotion Recognition Datasets, ACL",
    licence="CC BY 4.0",
    use="ship",
    languages=tuple(CODES.values()),
    splits=("train", "tune", "dev"),
    rows=_rows,
    label_maps={"ekman6": {label: label for label in ("anger", "disgust", "fear", "joy", "sadness", "surprise")}},
    sha256={
        "brighter/train.jsonl.gz": "28a765ccb5ae487d9dcfa20da91734e1a74012640035293079040a693a974df0",
        "brighter/dev.jsonl.gz": "d4bd55651df2861d1ae57f1178fb2fb7a571d021dc0fed440e6dce9f311cea53",
        "brighter_annotators/deu_intensity.jsonl.gz": "174a1414d0eb761a0a8cc9849d39ac6a604b06ae12a3df723e6c8670c1046fa1",
        "brighter_annotators/hin_train_dev.jsonl.gz": "cf5c05dffb549733a62324fc84b630556a7ba94d0fdc6b80177506d8c6996d18",
        "brighter_annotators/ptbr_intensity.jsonl.gz": "4d4f3d12ae75224da97d9d5d613ac5bc6d0197098c2e83a78c1881a986a4132b",
        "brighter_annotators/ron.jsonl.gz": "f0c85a550764c83292bb26e107594c5c2ac4c880238ecefc647ce600c2451702",
        "brighter_annotators/swe.jsonl.gz": "99ebd970f04be48cac72a7323d26dd1c174a5aefdc605dd32065e7816e683f20",
        "brighter_annotators/ukr.jsonl.gz": "a9e90fd73661c87cf9f49f6f0cd08b8082315e1ec08d8f0d612267bc3d57e85f",
    },
)
