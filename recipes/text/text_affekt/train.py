"""Step 2: fits the encoder to all corpora at once.

    python train.py WORK_FOLDER STAGE     (a stage of config.toml; resumes from its checkpoint when run again)

Writes WORK_FOLDER/STAGE.safetensors.
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
from affekt.training.multitask import Example, Optimiser, clipped, fit, load_model, predict, save_model
from affekt.training.targets import SETS, SLICES, targets
from affekt.training.text_encoder import from_bert

HERE = Path(__file__).parent
TEACHER_SHARE = 0.5  # of a target


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
            examples.append(Example(clipped(encoding.ids, max_tokens), values, mask))
    return examples


def repeat(examples: list[Example], times: float, rng: random.Random) -> list[Example]:
    whole = int(times)
    return examples * whole + rng.sample(examples, int((times - whole) * len(examples)))


def standardise(examples: list[Example]) -> None:
    """Sets a corpus's VAD targets to mean 0 and spread 1, in place: corpora use the scale differently."""
    at = SLICES["vad"]
    rated = [example for example in examples if example.known[at].all()]
    if rated:
        values = np.stack([example.values[at] for example in rated])
        for example in rated:
            example.values[at] = (example.values[at] - values.mean(0)) / values.std(0)


def taught(examples: list[Example], said: dict[str, np.ndarray]) -> list[Example]:
    """The examples with half of the target of each head that they know replaced by a teacher's answer.

    Args:
        said: head -> raw outputs of its teacher, (n, 55).
    """
    made = []
    for row, example in enumerate(examples):
        values = example.values.copy()
        for labels in SETS:
            at = SLICES[labels.name]
            own = example.known[at] > 0
            if labels.name not in said or not own.any():
                continue
            y = said[labels.name][row, at]
            if labels.kind == "multi":
                y = 1 / (1 + np.exp(-y))
            elif labels.kind == "single":
                y = np.where(own, np.exp(y - y.max()), 0)  # a class that was not annotated stays masked
                y = y / y.sum()
            values[at] = np.where(own, (1 - TEACHER_SHARE) * values[at] + TEACHER_SHARE * y, values[at])
        made.append(Example(example.ids, values, example.known))
    return made


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    config = tomllib.loads((HERE / "config.toml").read_text())
    stage = config["stages"][name]
    tokenizer = Tokenizer.from_file(str(work / "trimmed.json"))
    rows, drop = json.loads((work / "rows.json").read_text()), set(json.loads((work / "xed_drop.json").read_text()))
    rng = random.Random(config["seed"])
    splits = {key: split_examples(data, *key.split("/"), tokenizer, config["max_tokens"], drop) for key in stage["passes"]}
    for examples in splits.values():
        standardise(examples)
    teachers = {teacher: load_model(work / f"{teacher}.safetensors") for teacher in set(stage.get("teachers", {}).values())}
    plain, said = dict(splits), {}
    for key, examples in plain.items():
        shown = stage.get("parallel", {}).get(key, key)
        heads = [head for head in stage.get("teachers", {}) if any(example.known[SLICES[head]].any() for example in examples)]
        for teacher in {stage["teachers"][head] for head in heads}:
            if (shown, teacher) not in said:
                said[shown, teacher] = predict(teachers[teacher], plain[shown], bf16=True)
                print(f"{teacher} has spoken on {shown}", flush=True)
        splits[key] = taught(examples, {head: said[shown, stage["teachers"][head]] for head in heads})
    examples = [example for key, examples in splits.items() for example in repeat(examples, stage["passes"][key], rng)]
    print({key: len(split) for key, split in splits.items()}, f"{sum(len(e.ids) for e in examples)} tokens in all", flush=True)
    torch.manual_seed(config["seed"])
    model = from_bert(work / "e5", layers=config["layers"], rows=rows)
    fit(
        model,
        examples,
        optimiser=Optimiser(
            rate=stage["rate"], head_rate=10 * stage["rate"], weight_decay=0.01, warm_up=0.08, batch=stage["batch"], clip=1.0
        ),
        weights=stage["weights"],
        seed=config["seed"],
        checkpoint=work / f"{name}.checkpoint",
        report=lambda line: print(line, flush=True),
    )
    save_model(model, work / f"{name}.safetensors")
    print("done", flush=True)


if __name__ == "__main__":
    main()
