"""Step 3: exports to int8, calibrates on held-out training images, and writes the model folder.

    AFFEKT_DATA=DATA python finish.py WORK_FOLDER OUT_FOLDER [--final]        after train.py WORK_FOLDER choose

The calibration is fitted on the images that training left out. Prints how the model does on them, in fp32 and int8; with --final on the
split `valid` too, once everything is chosen, and writes result.json. There, what is true of an image is FER2013's label, or what more
than half of FER+'s voters say; on the left-out images the calibration error of each half is that of a calibration on the other.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from faces import CONFIG, FERPLUS, majority, part
from safetensors.torch import load_file
from train import HEADS

from affekt.calibration.apply import probabilities
from affekt.calibration.fit import fit
from affekt.encoders._card import revision_of, write_card
from affekt.evaluation import metrics
from affekt.export.face_onnx import export
from affekt.labels import fer2013, ferplus8
from affekt.parts import Calibration, Card, LabelSet
from affekt.preprocessing._network import opened
from affekt.training.face_encoder import FaceEncoder
from affekt.training.face_finetune import upright

HERE = Path(__file__).parent
SETS: dict[str, LabelSet] = {"ferplus8": ferplus8.PART, "fer2013": fer2013.PART}
TYPICAL, BATCH = 512, 64
Found = dict[str, np.ndarray]
Raw = dict[str, np.ndarray]


def raw_by(folder: Path, images: np.ndarray) -> Raw:
    """What a graph says of cut-out faces, as the encoder gives them to it."""
    graph = opened(folder, threads=0)
    pixels = [upright(images[at : at + BATCH], CONFIG["size"]).numpy().round() for at in range(0, len(images), BATCH)]
    said = [graph.run(list(SETS), {"pixels": batch}) for batch in pixels]
    return {name: np.concatenate([one[at] for one in said]) for at, name in enumerate(SETS)}


def gold_of(found: Found) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each set which images can be judged on it, (n,), and what is true of each, (n,)."""
    return {"ferplus8": majority(found["ferplus_votes"]), "fer2013": (np.ones(len(found["label"]), bool), found["label"])}


def calibrated(raw: Raw, found: Found) -> dict[str, Calibration]:
    """Fitted to the same truth that `judged` knows."""
    made = {}
    for name, (rows, gold) in gold_of(found).items():
        told = np.eye(len(SETS[name].labels), dtype=np.float32)[gold[rows]]
        made[name] = fit(raw[name][rows], told, np.ones_like(told), SETS[name])
    return made


def judged(raw: Raw, found: Found, calibration: dict[str, Calibration]) -> dict[str, dict[str, float]]:
    out = {}
    for name, (rows, gold) in gold_of(found).items():
        scores = probabilities(raw[name][rows], SETS[name], calibration[name])
        hit = scores.argmax(1) == gold[rows]
        recalls = [hit[gold[rows] == label].mean() for label in sorted(set(gold[rows].tolist()))]
        error = metrics.ece(scores.max(1).astype(np.float64), hit)
        out[name] = {"n": int(rows.sum()), "accuracy": float(hit.mean()), "ua": float(np.mean(recalls)), "ece": float(error)}
    return {name: {key: round(value, 4) for key, value in one.items()} for name, one in out.items()}


def crossed(raw: Raw, found: Found) -> dict[str, float]:
    """Calibration errors where each half of the images is judged by a calibration on the other."""
    halves = [({name: rows[at::2] for name, rows in raw.items()}, {name: rows[at::2] for name, rows in found.items()}) for at in (0, 1)]
    told = [judged(*mine, calibrated(*other)) for mine, other in (halves, halves[::-1])]
    return {name: round(float(np.mean([one[name]["ece"] for one in told])), 4) for name in SETS}


def card(folder: Path, calibration: dict[str, Calibration], facts: dict) -> Card:
    return Card(
        name="face_affekt",
        revision=revision_of(folder / "model.onnx"),
        modality="face",
        languages=("zxx",),  # no linguistic content
        licence={
            "code": "Apache-2.0",
            "weights": "research only: FER2013's images carry no licence",
            "data": "FER2013 none stated; FER+ MIT",
        },
        commercial=False,
        calibration=calibration,
        facts={
            "family": "face_affekt",
            "start": "FaceRes (Savchenko 2019), MobileNet taught to tell the people of VGGFace2 apart",
            "training": "recipes/face/face_affekt: train.py choose, finish.py",
            "trained_on": {"fer2013": fer2013.PART.paper, "ferplus": ferplus8.PART.paper},
            "truth": "ferplus8: what over half of ten annotators say; fer2013: the label of the photograph; ekman7 follows from ferplus8",
            "dimensions": "valence, arousal and dominance are the labels' places (Russell and Mehrabian 1977), weighted by their scores",
            **facts,
            "limits": [
                "A face shows an expression, not what a person feels; people smile for many reasons.",
                "Trained on photographs from the web, most of them posed or chosen for their expression, few of children or the old.",
                "Fear, disgust and contempt are rare in the data and often mistaken for surprise, anger and neutral.",
                "Not for decisions about a person's health, work, credit or liberty; the EU forbids reading emotions at work and school.",
            ],
        },
    )


def main() -> None:
    work, out = Path(sys.argv[1]), Path(sys.argv[2])
    full = work / "fp32"
    for folder in (out, full):
        folder.mkdir(parents=True, exist_ok=True)
    model = FaceEncoder(HEADS)
    model.load_state_dict(load_file(work / "choose.safetensors"))
    model.eval()
    left_out, fitted = part("choose"), part("fit")["images"]
    chosen = fitted[:: max(len(fitted) // TYPICAL, 1)]
    export(model, full / "model.onnx", side=CONFIG["size"])
    typical = [upright(chosen[at : at + BATCH], CONFIG["size"]).numpy() for at in range(0, len(chosen), BATCH)]
    export(model, out / "model.onnx", side=CONFIG["size"], typical=typical)
    raws = {kind: raw_by(folder, left_out["images"]) for kind, folder in (("fp32", full), ("int8", out))}
    calibration = calibrated(raws["int8"], left_out)
    held_out = {kind: judged(raw, left_out, calibration) for kind, raw in raws.items()}
    for name, error in crossed(raws["int8"], left_out).items():
        held_out["int8"][name]["ece"] = error
    print("left out", held_out, f"{(out / 'model.onnx').stat().st_size / 1e6:.1f} MB", flush=True)
    clear, best = gold_of(left_out)["ferplus8"]
    resting = clear & (best == FERPLUS.index("neutral"))
    facts = {
        "side": CONFIG["size"],
        "resting": {name: raws["int8"][name][resting].mean(0).round(3).tolist() for name in SETS},
        "calibrated_on": "a tenth of the training images, left out of training",
        "held_out": held_out["int8"],
        "sha256": {"model.onnx": hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest()},
    }
    write_card(card(out, calibration, facts), out)
    if "--final" in sys.argv:
        valid = part("valid")
        rows = {kind: judged(raw_by(folder, valid["images"]), valid, calibration) for kind, folder in (("fp32", full), ("int8", out))}
        print("valid", rows)
        made = {"command": "python finish.py WORK OUT --final", "model": f"face_affekt@{revision_of(out / 'model.onnx')}"}
        made |= {"seed": CONFIG["seed"], "left_out": held_out, "valid": rows}
        (HERE / "result.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
