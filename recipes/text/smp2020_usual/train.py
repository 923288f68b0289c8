"""What a head of one's own is worth: the text model fine-tuned on SMP2020's usual training split; measured, never shipped.

    python train.py WORK_FOLDER NAME       (WORK_FOLDER and NAME: those of recipes/text/text_affekt)

Prints macro-F1 on dev and writes the test row to result.json. Epochs and rate were chosen on dev.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from affekt.calibration.apply import probabilities
from affekt.calibration.fit import fit as calibrate
from affekt.datasets import smp2020_usual
from affekt.evaluation.evaluate import evaluate
from affekt.evaluation.rows import map_rows
from affekt.labels import ekman7
from affekt.preprocessing.text import normalise
from affekt.training.multitask import Example, Optimiser, clipped, fit, load_model, predict
from affekt.training.targets import SLICES, targets

HERE = Path(__file__).parent
EPOCHS = 3
OPTIMISER = Optimiser(rate=1.5e-4, head_rate=1e-3, weight_decay=0.01, warm_up=0.1, batch=32, clip=1.0)
MAX_TOKENS = 128
MAP = smp2020_usual.PART.label_maps["ekman7"]
AT = SLICES["ekman7"]
WEIGHTS = {"ekman7": 1.0, "goemotions28": 0.0, "ekman6": 0.0, "plutchik8": 0.0, "sentiment3": 0.0, "vad": 0.0}


def main() -> None:
    work, name = Path(sys.argv[1]), sys.argv[2]
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    tokenizer = Tokenizer.from_file(str(work / "trimmed.json"))
    known = {piece for piece in tokenizer.get_vocab() if len(piece) == 1}
    rows = {split: list(smp2020_usual.PART.rows(data, split)) for split in ("train", "dev", "test")}
    examples: dict[str, list[Example]] = {}
    for split, found in rows.items():
        texts = [normalise(row.text, known=known.__contains__) for row in found]
        ids = [clipped(encoding.ids, MAX_TOKENS) for encoding in tokenizer.encode_batch(texts)]
        examples[split] = [Example(one, *targets(row, "smp2020_usual", label_map=MAP)) for row, one in zip(found, ids, strict=True)]
    model = load_model(work / f"{name}.safetensors")
    fit(
        model,
        examples["train"] * EPOCHS,
        optimiser=OPTIMISER,
        weights=WEIGHTS,
        seed=7,
        checkpoint=work / f"{name}.smp.checkpoint",
        report=lambda line: print(line, flush=True),
    )
    raw = {split: predict(model, examples[split])[:, AT] for split in ("dev", "test")}
    gold = np.stack([example.values[AT] for example in examples["dev"]])
    calibration = calibrate(raw["dev"], gold, np.ones_like(gold), ekman7.PART)
    for split in ("dev", "test"):
        judged, _ = map_rows(rows[split], ekman7.PART, label_map=MAP)
        result = evaluate(judged, probabilities(raw[split], ekman7.PART, calibration), ekman7.PART)
        print(split, result["macro_f1"], result["ece"], flush=True)
    result["command"] = "python recipes/text/smp2020_usual/train.py"
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
