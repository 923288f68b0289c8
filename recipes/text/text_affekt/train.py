"""Step 3: fits the encoder to all corpora at once.

    python train.py WORK_FOLDER STAGE     (of config.toml; the last after words.py; resumes from its checkpoint)

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
from affekt.training.multitask import Example, Optimiser, examples_of, fit, load_model, predict, save_model
from affekt.training.targets import SETS, SLICES, WIDTH, targets
from affekt.training.text_encoder import from_bert

HERE = Path(__file__).parent
TEACHER_SHARE = 0.7  # of a target that annotators gave
LENT = 0.5  # how much a target counts that teachers alone gave
KINDS = {labels.name: labels.kind for labels in SETS}


def corpus(name: str) -> Corpus:
    return import_module(f"affekt.datasets.{name}").PART


def split_rows(data: Path, key: str, drop: set[str] = frozenset()) -> list[Row]:
    """The rows of "corpus/split" or "corpus/split:language" that have targets."""
    key, _, language = key.partition(":")
    name, split = key.split("/")
    rows = [row for row in corpus(name).rows(data, split) if row.text.strip() and not (split == "projected" and row.text in drop)]
    return [row for row in rows if (not language or row.lang == language) and told(name, row)[1].any()]


def told(name: str, row: Row) -> tuple[np.ndarray, np.ndarray]:
    """What the heads should say on a row of a corpus: (values, known)."""
    return targets(row, name, label_map=corpus(name).label_maps.get("ekman7"))


def tokenizer_of(work: Path, encoder: dict) -> Tokenizer:
    """The tokenizer of an encoder of config.toml."""
    tokenizer = Tokenizer.from_file(str(work / encoder["tokenizer"]))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


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


def taught(examples: list[Example], said: dict[str, np.ndarray], lent: set[str]) -> list[Example]:
    """The examples with a share of their target replaced by what teachers say, and with what only teachers say added.

    Args:
        said: head -> its teachers' answers as targets, (n, labels); NaN: they do not speak on the row.
        lent: heads that learn from teachers on rows whose annotators were never asked, too.
    """
    made = []
    for row, example in enumerate(examples):
        values, known = example.values.copy(), example.known.copy()
        for head, answers in said.items():
            at, answer = SLICES[head], answers[row]
            spoken = ~np.isnan(answer)
            own = known[at] > 0  # a class that was not annotated stays masked
            if not spoken.any():
                continue
            if own.any():
                if KINDS[head] == "single":
                    answer = np.where(own, answer, 0) / max(answer[own].sum(), 1e-6)
                values[at] = np.where(own & spoken, (1 - TEACHER_SHARE) * values[at] + TEACHER_SHARE * answer, values[at])
            elif head in lent:
                values[at], known[at] = np.where(spoken, answer, 0), LENT * spoken
        made.append(Example(example.ids, values, known))
    return made


def as_targets(raw: np.ndarray, head: str) -> np.ndarray:
    """Raw outputs of one head, (n, labels), as the targets that they would be."""
    if KINDS[head] == "multi":
        return 1 / (1 + np.exp(-raw))
    if KINDS[head] == "single":
        odds = np.exp(raw - raw.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)
    return raw


def learned(stage: dict, splits: dict[str, list[Example]]) -> np.ndarray:
    """Which outputs a stage was trained on, (55,): of a label that no annotator could choose its answer means nothing."""
    sizes = [SLICES[labels.name].stop - SLICES[labels.name].start for labels in SETS]
    heads = np.repeat([stage["weights"][labels.name] > 0 for labels in SETS], sizes)
    return heads & np.any([example.known > 0 for key in stage["passes"] for example in splits[key]], axis=0)


class Teachers:
    """Earlier stages, asked about rows in the languages that they learned, and "words", which has answered beforehand."""

    def __init__(self, config: dict, work: Path, data: Path, names: set[str], splits: dict[str, list[Example]]) -> None:
        self.config, self.work, self.data = config, work, data
        self.models = {name: load_model(work / f"{name}.safetensors") for name in sorted(names - {"words"})}
        self.learned = {name: learned(config["stages"][name], splits) for name in self.models}
        self.words = dict(np.load(work / "words.npz")) if "words" in names else {}
        self.said: dict[tuple[str, str], np.ndarray] = {}

    def ask(self, name: str, key: str, rows: list[Row], head: str) -> np.ndarray:
        """Raw outputs of one head, (n, labels); NaN for a row that the teacher cannot speak on."""
        width = SLICES[head].stop - SLICES[head].start
        if name == "words":
            split, _, language = key.partition(":")
            answers = self.words.get(split)
            if answers is None or answers.shape[1] != width:
                return np.full((len(rows), width), np.nan, np.float32)
            return answers[[not language or row.lang == language for row in split_rows(self.data, split)]]
        return self._answers(name, key, rows)[:, SLICES[head]]

    def _answers(self, name: str, key: str, rows: list[Row]) -> np.ndarray:
        if (name, key) not in self.said:
            stage = self.config["stages"][name]
            tokenizer = tokenizer_of(self.work, self.config["encoders"][stage["encoder"]])
            speaks = [at for at, row in enumerate(rows) if "languages" not in stage or row.lang in stage["languages"]]
            out = np.full((len(rows), WIDTH), np.nan, np.float32)
            if speaks:
                shown = examples_of([rows[at] for at in speaks], corpus(key.split("/")[0]), tokenizer, max_tokens=self.config["max_tokens"])
                out[speaks] = np.where(self.learned[name], predict(self.models[name], shown, bf16=True), np.nan)
                print(f"{name} has spoken on {len(speaks)} rows of {key}", flush=True)
            self.said[name, key] = out
        return self.said[name, key]


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    config = tomllib.loads((HERE / "config.toml").read_text())
    stage = config["stages"][name]
    encoder = config["encoders"][stage["encoder"]]
    tokenizer = tokenizer_of(work, encoder)
    drop = set(json.loads((work / "xed_drop.json").read_text()))
    rng = random.Random(config["seed"])
    rows = {key: split_rows(data, key, drop) for key in stage["passes"]}
    splits = {key: examples_of(rows[key], corpus(key.split("/")[0]), tokenizer, max_tokens=config["max_tokens"]) for key in rows}
    for examples in splits.values():
        standardise(examples)
    wanted: dict[str, list[str]] = stage.get("teachers", {})
    teachers = Teachers(config, work, data, {teacher for names in wanted.values() for teacher in names}, dict(splits))
    for key, examples in splits.items():
        shown = stage.get("parallel", {}).get(key, key)
        said = {}
        for head, names in wanted.items():
            if head in stage["lent"] or any(example.known[SLICES[head]].any() for example in examples):
                assert len(rows[shown]) == len(examples), f"{shown} and {key} are not the same rows"
                answers = np.stack([as_targets(teachers.ask(one, shown, rows[shown], head), head) for one in names])
                spoke = ~np.isnan(answers)
                said[head] = np.where(spoke.any(0), np.where(spoke, answers, 0).sum(0) / np.maximum(spoke.sum(0), 1), np.nan)
        splits[key] = taught(examples, said, set(stage.get("lent", ())))
    examples = [example for key, examples in splits.items() for example in repeat(examples, stage["passes"][key], rng)]
    print({key: len(split) for key, split in splits.items()}, f"{sum(len(e.ids) for e in examples)} tokens in all", flush=True)
    torch.manual_seed(config["seed"])
    kept = json.loads((work / encoder["rows"]).read_text()) if "rows" in encoder else None
    model = from_bert(work / encoder["folder"], layers=encoder["layers"], rows=kept)
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
