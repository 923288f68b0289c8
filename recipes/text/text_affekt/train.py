"""Step 2: fits the encoder to all corpora at once.

    python train.py WORK_FOLDER NAME [TEACHER]     (resumes from its checkpoint when run again)

Writes WORK_FOLDER/NAME.safetensors. With a TEACHER (an earlier NAME) the new model also learns from what the
teacher says of every row, in all heads (Furlanello et al. 2018, Born-Again Neural Networks).
"""

import json
import os
import random
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from affekt.parts import Corpus, Row
from affekt.preprocessing.text import normalise
from affekt.training.multitask import Example, Optimiser, fit, load_model, predict, save_model
from affekt.training.targets import SETS, SLICES, targets
from affekt.training.text_encoder import from_bert

HERE = Path(__file__).parent
TEACHER_SHARE = 0.5  # of the target, where the corpus knows; all of it elsewhere, at TEACHER_WEIGHT
TEACHER_WEIGHT = 0.3


def corpus(name: str) -> Corpus:
    return import_module(f"affekt.datasets.{name}").PART


def split_examples(data: Path, name: str, split: str, tokenizer: Tokenizer, max_tokens: int, drop: set[str] = frozenset()) -> list[Example]:
    """One corpus split, tokenised, with its targets."""
    part = corpus(name)
    rows: list[Row] = [row for row in part.rows(data, split) if row.text.strip() and not (split == "projected" and row.text in drop)]
    known = {piece for piece in tokenizer.get_vocab() if len(piece) == 1}
    texts = [normalise(row.text, known=known.__contains__) for row in rows]
    examples = []
    for row, encoding in zip(rows, tokenizer.encode_batch(texts), strict=True):
        values, mask = targets(row, name, label_map=part.label_maps.get("ekman7"))
        if mask.any():
            ids = encoding.ids if len(encoding.ids) <= max_tokens else [*encoding.ids[: max_tokens - 1], encoding.ids[-1]]
            examples.append(Example(ids, values, mask))
    return examples


def repeat(examples: list[Example], times: float, rng: random.Random) -> list[Example]:
    whole = int(times)
    return examples * whole + rng.sample(examples, int((times - whole) * len(examples)))


def standardise(examples: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Sets VAD targets to mean 0 and spread 1, in place; returns what was taken off."""
    at = SLICES["vad"]
    rated = np.stack([example.values[at] for example in examples if example.known[at].all()])
    mean, spread = rated.mean(0), rated.std(0)
    for example in examples:
        if example.known[at].all():
            example.values[at] = (example.values[at] - mean) / spread
    return mean, spread


def with_teacher(examples: list[Example], raw: np.ndarray) -> list[Example]:
    """Targets mixed with the teacher's answers; heads that the corpus does not know get the teacher's alone."""
    taught = []
    for example, said in zip(examples, raw, strict=True):
        values, known = example.values.copy(), example.known.copy()
        for labels in SETS:
            at = SLICES[labels.name]
            y = said[at]
            if labels.kind == "multi":
                y = 1 / (1 + np.exp(-y))
            elif labels.kind == "single":
                y = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
            own = known[at] > 0
            if labels.kind == "single" and own.any():  # a masked class stays masked
                y = np.where(own, y, 0) / np.where(own, y, 0).sum()
                values[at] = (1 - TEACHER_SHARE) * values[at] + TEACHER_SHARE * y
            else:
                values[at] = np.where(own, (1 - TEACHER_SHARE) * values[at] + TEACHER_SHARE * y, y)
                known[at] = np.where(own, known[at], TEACHER_WEIGHT)
        taught.append(Example(example.ids, values, known))
    return taught


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    teacher = sys.argv[3] if len(sys.argv) > 3 else None
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    config = tomllib.loads((HERE / "config.toml").read_text())
    tokenizer = Tokenizer.from_file(str(work / "trimmed.json"))
    rows, drop = json.loads((work / "rows.json").read_text()), set(json.loads((work / "xed_drop.json").read_text()))
    rng = random.Random(config["seed"])
    splits = {key: split_examples(data, *key.split("/"), tokenizer, config["max_tokens"], drop) for key in config["passes"]}
    mean, spread = standardise([example for examples in splits.values() for example in examples])
    (work / f"{name}.json").write_text(json.dumps({"vad_mean": mean.tolist(), "vad_spread": spread.tolist(), "layers": config["layers"]}))
    print({key: len(examples) for key, examples in splits.items()}, "VAD", mean, spread, flush=True)
    if teacher:
        master = load_model(work / f"{teacher}.safetensors")
        splits = {key: with_teacher(examples, predict(master, examples)) for key, examples in splits.items()}
        print("teacher has spoken", flush=True)
    examples = [example for key, examples in splits.items() for example in repeat(examples, config["passes"][key], rng)]
    print(f"{len(examples)} rows, {sum(len(example.ids) for example in examples)} tokens", flush=True)
    torch.manual_seed(config["seed"])
    model = from_bert(work / "e5", layers=config["layers"], rows=rows)
    fit(
        model,
        examples,
        optimiser=Optimiser(**config["optimiser"]),
        weights=config["weights"],
        seed=config["seed"],
        checkpoint=work / f"{name}.checkpoint",
        report=lambda line: print(line, flush=True),
    )
    save_model(model, work / f"{name}.safetensors")
    print("done", flush=True)


if __name__ == "__main__":
    main()
