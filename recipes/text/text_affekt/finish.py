"""Step 4: exports to ONNX and int8, calibrates every head on held-out splits, and writes the model folder.

    python finish.py WORK_FOLDER NAME OUT_FOLDER [--final]

Prints macro-F1 of int8 and of full precision on development rows; with --final on the splits that are reported, once
everything is chosen, and writes result.json. Calibrated on what ships, the int8 graph, through the same preprocessing. No
split that a final row reports is used for that.
"""

import hashlib
import json
import os
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
from train import split_rows, tokenizer_of, told

from affekt.calibration.fit import fit
from affekt.catalog import find
from affekt.encoders._card import write_card
from affekt.encoders._tokens import TokenNetwork, open_network
from affekt.evaluation.run import evaluate_rows
from affekt.export.text_onnx import export, measure
from affekt.parts import Calibration, Card, Row
from affekt.results import Clip
from affekt.training.multitask import Example, examples_of, load_model
from affekt.training.targets import SETS, SLICES

HERE = Path(__file__).parent
CONFIG = tomllib.loads((HERE / "config.toml").read_text())
HELD_OUT = {  # what each head is calibrated on
    "goemotions28": ("goemotions/dev",),
    "ekman7": ("brighter/tune", "xed/dev", "cped/dev", "goemotions/dev"),
    "ekman6": ("brighter/tune",),
    "plutchik8": ("xed/dev",),
    "sentiment3": ("cped/dev", "goemotions/dev", "brighter/tune"),
    "vad": ("emobank/dev",),
}
DEVELOPMENT = {"goemotions/dev": "goemotions28", "brighter/tune": "ekman6", "cped/dev": "ekman7", "xed/dev": "plutchik8"}
FINAL = {"goemotions/test": "goemotions28", "brighter/dev": "ekman6"}


def card(folder: Path, calibration: dict[str, Calibration]) -> Card:
    """The card of what lies in the folder."""
    stages = CONFIG["stages"].values()
    names = sorted({split.split("/")[0] for stage in stages for split in stage["passes"]})
    corpora = {name: find("datasets", name) for name in names}
    revision = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    return Card(
        name="text_affekt",
        revision=revision[:8],
        modality="text",
        languages=tuple(sorted({language for part in corpora.values() for language in part.languages})),
        licence={
            "code": "Apache-2.0",
            "weights": "Apache-2.0; the vad head CC BY-SA 4.0",
            "data": "; ".join(f"{name} {part.licence}" for name, part in corpora.items()),
        },
        commercial=True,
        calibration=calibration,
        facts={
            "family": "text_affekt",
            "sha256": {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in ("model.onnx", "tokenizer.json")},
            "start": "multilingual-e5-small (MIT); all-MiniLM-L6-v2 (Apache-2.0) for a teacher",
            "training": "recipes/text/text_affekt: prepare.py, words.py, train.py, finish.py",
            "trained_on": {name: part.paper for name, part in corpora.items()},
            "calibrated_on": {head: list(splits) for head, splits in HELD_OUT.items()},
            "limits": [
                "Labels are what annotators saw in the words, not what the writer felt.",
                "Irony, in-group speech and mixed feelings are where annotators disagree, and so does the model.",
                "The chance of a label follows the training corpora (social media, subtitles); on other text, calibrate anew.",
                "Not for decisions about a person's health, work, credit or liberty.",
            ],
        },
    )


def held_out(data: Path, model: TokenNetwork) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Raw outputs, truth and what is known of it, per head: {head: ((n, k), (n, k), (n, k))}."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {labels.name: [] for labels in SETS}
    for key in sorted({key for keys in HELD_OUT.values() for key in keys}):
        name, split = key.split("/")
        part = find("datasets", name)
        rows: list[Row] = [row for row in part.rows(data, split) if row.text.strip()]
        said = [told(name, row) for row in rows]
        raw = outputs(model, rows)
        for head, splits in HELD_OUT.items():
            if key in splits:
                at = SLICES[head]
                known = np.stack([mask[at] for _, mask in said])
                kept = known.max(axis=1) > 0
                found[head].append((raw[head][kept], np.stack([values[at] for values, _ in said])[kept], known[kept]))
    return {head: tuple(np.concatenate(parts) for parts in zip(*pieces, strict=True)) for head, pieces in found.items()}


def outputs(model: TokenNetwork, rows: list[Row], batch: int = 64) -> dict[str, np.ndarray]:
    """Raw outputs of all heads, in the order of the rows."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at].text))
    made = {labels.name: np.zeros((len(rows), len(labels.labels)), np.float32) for labels in SETS}
    for begin in range(0, len(order), batch):
        chosen = order[begin : begin + batch]
        raw = model([Clip("text", rows[at].text, 0, 1) for at in chosen], labels=list(made))
        for name, values in raw.items():
            made[name][chosen] = values
    return made


def typical(data: Path, work: Path) -> list[Example]:
    """Training rows of every kind, to measure the range of activations on."""
    tokenizer = tokenizer_of(work, CONFIG["encoders"]["e5"])
    made = []
    for name, count in {"goemotions": 400, "brighter": 1200, "xed": 400, "cped": 400, "emobank": 200}.items():
        rows = split_rows(data, f"{name}/train")
        made += examples_of(rows[:: len(rows) // count], find("datasets", name), tokenizer, max_tokens=CONFIG["max_tokens"])
    return made


def finish(folder: Path, tokenizer: Path, data: Path) -> dict[str, Calibration]:
    """Gives a folder with a graph its tokenizer and its card, calibrated."""
    if tokenizer != folder / "tokenizer.json":
        shutil.copy(tokenizer, folder / "tokenizer.json")
    plain = {
        labels.name: Calibration((1.0,) * len(labels.labels), (0.0,) * len(labels.labels), (0.5,) * len(labels.labels)) for labels in SETS
    }
    write_card(card(folder, plain), folder)
    pieces = held_out(data, open_network(folder, 0))
    fitted = {labels.name: fit(*pieces[labels.name], labels) for labels in SETS}
    write_card(card(folder, fitted), folder)
    return fitted


def macro_f1(folder: Path, data: Path, splits: dict[str, str]) -> dict[str, float]:
    """Macro-F1 of a model folder on corpus splits, each with its label set; BRIGHTER's is the mean over its languages."""
    made = {}
    for key, labels in splits.items():
        name, split = key.split("/")
        part = find("datasets", name)
        found = evaluate_rows(part.rows(data, split), model=str(folder), labels=labels, label_map=part.label_maps.get(labels))
        made[key] = found["mean_over_languages"] if name == "brighter" else found["macro_f1"]
    return made


def main() -> None:
    work, name, out, final = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), "--final" in sys.argv
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    full = work / f"{name}.fp32"
    for folder in (out, full):
        folder.mkdir(parents=True, exist_ok=True)
    model = load_model(work / f"{name}.safetensors")
    export(model, full / "model.onnx")
    export(model, out / "model.onnx", ranges=measure(model, typical(data, work)))
    rows = {}
    for kind, folder in (("fp32", full), ("int8", out)):
        fitted = finish(folder, work / "trimmed.json", data)
        rows[kind] = macro_f1(folder, data, FINAL if final else DEVELOPMENT)
        print(kind, rows[kind], {head: (one.scale[0], one.abstain_below) for head, one in fitted.items()}, flush=True)
    if not final:
        return
    made = {"command": "python finish.py WORK NAME OUT --final", "model": f"text_affekt@{card(out, {}).revision}", "macro_f1": rows}
    (HERE / "result.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
