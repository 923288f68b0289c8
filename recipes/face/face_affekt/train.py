"""Step 2: fine-tunes the network.

    AFFEKT_DATA=DATA python train.py WORK_FOLDER choose|train

`choose` leaves every tenth training image out and says after each pass how it does on them; `train` learns from all. Writes
WORK_FOLDER/choose.safetensors or train.safetensors.
"""

import sys
from pathlib import Path

import numpy as np
from faces import CONFIG, FERPLUS, majority, part, targets
from safetensors.numpy import load_file
from safetensors.torch import save_file

from affekt.training.face_encoder import FaceEncoder, from_faceres
from affekt.training.face_finetune import Optimiser, fit, raw_of

HEADS = {"ferplus8": len(FERPLUS), "fer2013": 7}


def accuracies(model: FaceEncoder, found: dict[str, np.ndarray]) -> dict[str, float]:
    raw = raw_of(model, found["images"], size=CONFIG["size"])
    clear, best = majority(found["ferplus_votes"])
    said = {name: rows.argmax(1) for name, rows in raw.items()}
    return {
        "fer2013": round(float((said["fer2013"] == found["label"]).mean()), 4),
        "ferplus": round(float((said["ferplus8"] == best)[clear].mean()), 4),
    }


def main() -> None:
    work, run = Path(sys.argv[1]), sys.argv[2]
    optimiser = Optimiser(**CONFIG["finetune"])
    model = from_faceres(load_file(work / "faceres.safetensors"), HEADS, dropout=optimiser.dropout)
    left_out = part("choose")

    def report(line: str, kept: FaceEncoder) -> None:
        print(line, accuracies(kept, left_out) if run == "choose" else "", flush=True)

    faces = targets(part("fit" if run == "choose" else "train"))
    kept = fit(model, faces, size=CONFIG["size"], optimiser=optimiser, seed=CONFIG["seed"], report=report)
    save_file({name: tensor.contiguous() for name, tensor in kept.state_dict().items()}, work / f"{run}.safetensors")


if __name__ == "__main__":
    main()
