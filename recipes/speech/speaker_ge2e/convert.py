"""Writes the speaker network as ONNX, and measures how well it tells speakers apart.

    AFFEKT_DATA=DATA python convert.py WORK_FOLDER OUT_FOLDER          (pip downloads the package)

The weights are those of PyPI `Resemblyzer` 0.1.4 (Apache-2.0); nothing of it is run. Thresholds were chosen on dialogues of training
speakers; those of development speakers are only measured.
"""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from affekt.catalog import find
from affekt.export.speaker_onnx import export
from affekt.preprocessing.speakers import Diariser, Embedder
from affekt.preprocessing.speech import trimmed
from affekt.sources.audio import RATE, open_audio

HERE = Path(__file__).parent
PACKAGE = "Resemblyzer==0.1.4"
CORPORA = ("emodb", "ravdess", "nemo", "casia")
MOST = 40  # recordings of a speaker
DIALOGUES, TURNS, SEED = 100, 10, 7  # of each corpus and number of speakers; utterances a speaker
Voices = dict[str, list[tuple[np.ndarray, float]]]  # speaker -> embedding and seconds of each recording


def weights(work: Path) -> dict[str, np.ndarray]:
    """The network's tensors."""
    wheels = work / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, PACKAGE], check=True)
    with zipfile.ZipFile(next(wheels.glob("[Rr]esemblyzer-*.whl"))) as archive:
        file = archive.extract(next(name for name in archive.namelist() if name.endswith("pretrained.pt")), work)
    state = torch.load(file, map_location="cpu", weights_only=True)["model_state"]
    return {name: tensor.numpy() for name, tensor in state.items()}


def voices(name: str, split: str, embedder: Embedder) -> Voices:
    found: Voices = {}
    rng = np.random.default_rng(SEED)
    recordings = list(find("datasets", name).recordings(Path(os.environ["AFFEKT_DATA"]) / "speech", split))
    for at in rng.permutation(len(recordings)):
        one = recordings[at]
        mine = found.setdefault(one.speaker, [])
        if len(mine) < MOST:
            samples = trimmed(np.concatenate(list(open_audio(one.path).blocks()), axis=1).mean(0))
            mine.append((embedder.embed(samples), len(samples) / RATE))
    return found


def dialogues(found: Voices, people: int, *, told: bool) -> dict[str, float]:
    """Talks of so many speakers in a random order: share of time given to the wrong one, and how often their number is right."""
    rng = np.random.default_rng(SEED)
    wrong, right = [], []
    for _ in range(DIALOGUES):
        who = rng.choice(sorted(found), people, replace=False)
        order = {name: rng.permutation(len(found[name])) for name in who}
        diariser = Diariser(speakers=people if told else None)
        table = np.zeros((TURNS * people, people))  # seconds, by who is said to speak and who does
        for person, at in rng.permutation([(person, at) for person in range(people) for at in range(TURNS)]):
            embedding, seconds = found[who[person]][order[who[person]][at]]
            table[diariser.place(embedding, seconds), person] += seconds
        matched = linear_sum_assignment(-table)
        wrong.append(1 - table[matched].sum() / table.sum())
        right.append(len(diariser.sums) == people)
    return {"wrong": round(float(np.mean(wrong)), 4), "number_right": round(float(np.mean(right)), 4)}


def asked(found: Voices) -> dict[str, dict[str, float]]:
    """Talks of one, two and three speakers, where there are as many; with their number known, and not."""
    kinds = [(people, told) for people in (1, 2, 3) if people <= len(found) for told in (False, True) if people > 1 or not told]
    return {f"{people} speakers{', told' if told else ''}": dialogues(found, people, told=told) for people, told in kinds}


def main() -> None:
    work, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    export(weights(work), out / "model.onnx", int8=True)
    card = {
        "name": "speaker_ge2e",
        "paper": "Wan et al. (2018), Generalized End-to-End Loss for Speaker Verification, ICASSP",
        "start": "the network of Resemblyzer 0.1.4 (Apache-2.0), its matrices in int8",
        "licence": "Apache-2.0",
        "recipe": "recipes/speech/speaker_ge2e",
        "sha256": hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest(),
    }
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    embedder, made = Embedder(out), dict[str, dict]()
    for split, name in ((split, name) for split in ("train", "dev") for name in CORPORA if split in find("datasets", name).splits):
        of = asked(voices(name, split, embedder))
        made.setdefault(split, {})[name] = of
        print(split, name, of, flush=True)
    (HERE / "result.json").write_text(json.dumps({"command": "python convert.py WORK OUT", "seed": SEED, **made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
