"""What a head of one's own is worth: the text model fine-tuned on SMP2020's usual training split; measured, never shipped.

    python train.py WORK_FOLDER NAME [--final]       (WORK_FOLDER and NAME: those of recipes/text/text_affekt)

A share of every training target is what a teacher that knows words only, TF-IDF with a linear classifier, says on rows that it
has not seen. Prints macro-F1 on dev, by which epochs and rate were chosen; with --final writes the test row to result.json.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from affekt.calibration.apply import probabilities
from affekt.calibration.fit import fit as calibrate
from affekt.datasets import smp2020_usual
from affekt.evaluation.evaluate import evaluate
from affekt.evaluation.rows import map_rows
from affekt.labels import ekman7
from affekt.parts import Calibration, Row
from affekt.training import text_tfidf
from affekt.training.multitask import Example, Optimiser, examples_of, fit, load_model, predict
from affekt.training.targets import SLICES, targets

HERE = Path(__file__).parent
EPOCHS = 3
TEACHER_SHARE = 0.4  # of a target
OPTIMISER = Optimiser(rate=1.5e-4, head_rate=1e-3, weight_decay=0.01, warm_up=0.1, batch=32, clip=1.0)
MAX_TOKENS = 128
LABELS, AT = ekman7.PART, SLICES["ekman7"]
MAP = smp2020_usual.PART.label_maps["ekman7"]
WEIGHTS = {"ekman7": 1.0, "goemotions28": 0.0, "ekman6": 0.0, "plutchik8": 0.0, "sentiment3": 0.0, "vad": 0.0}
PLAIN = Calibration((1.0,) * 7, (0.0,) * 7)


def taught(rows: list[Row], examples: list[Example]) -> list[Example]:
    """The examples with a share of their target replaced by what the teacher says."""
    judged, _ = map_rows(rows, LABELS, label_map=MAP)
    answers = probabilities(text_tfidf.unseen(judged, LABELS, settings=text_tfidf.Settings()), LABELS, PLAIN)
    made = []
    for example, answer in zip(examples, answers, strict=True):
        values = example.values.copy()
        values[AT] = (1 - TEACHER_SHARE) * values[AT] + TEACHER_SHARE * answer
        made.append(replace(example, values=values))
    return made


def main() -> None:
    work, name, final = Path(sys.argv[1]), sys.argv[2], "--final" in sys.argv
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    tokenizer = Tokenizer.from_file(str(work / "trimmed.json"))
    rows = {split: list(smp2020_usual.PART.rows(data, split)) for split in ("train", "dev", "test")}
    held_out = {row.text for split in ("dev", "test") for row in rows[split]}
    train = [row for row in rows.pop("train") if row.text not in held_out]
    model = load_model(work / f"{name}.safetensors")
    fit(
        model,
        taught(train, examples_of(train, smp2020_usual.PART, tokenizer, max_tokens=MAX_TOKENS)) * EPOCHS,
        optimiser=OPTIMISER,
        weights=WEIGHTS,
        seed=7,
        checkpoint=work / f"{name}.smp.checkpoint",
        report=lambda line: print(line, flush=True),
    )
    raw = {
        split: predict(model, examples_of(found, smp2020_usual.PART, tokenizer, max_tokens=MAX_TOKENS))[:, AT]
        for split, found in rows.items()
    }
    gold = [targets(row, "smp2020_usual", label_map=MAP) for row in rows["dev"]]
    calibration = calibrate(raw["dev"], np.stack([one[AT] for one, _ in gold]), np.stack([one[AT] for _, one in gold]), LABELS)
    for split in ("dev", "test") if final else ("dev",):
        judged, _ = map_rows(rows[split], LABELS, label_map=MAP)
        result = evaluate(judged, probabilities(raw[split], LABELS, calibration), LABELS)
        print(split, result["macro_f1"], result["ece"], flush=True)
    if final:
        result["command"] = "python recipes/text/smp2020_usual/train.py WORK NAME --final"
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
