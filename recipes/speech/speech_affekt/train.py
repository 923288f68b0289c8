"""Step 4: fine-tunes the encoder, fits the head to what it then says, and prints recall on speakers held out.

    AFFEKT_DATA=DATA python train.py WORK_FOLDER VARIANT [--without CORPUS]      (a variant of config.toml)

Writes WORK_FOLDER/VARIANT.safetensors and VARIANT.head.npz; with --without, of a model that has not heard the corpus, and the
corpus is asked about instead of the held-out speakers.
"""

import os
import sys
import tomllib
from pathlib import Path

import numpy as np
from features import samples_of
from protocols import HEARD, ORDERS, recall
from safetensors.torch import save_file

from affekt.catalog import find
from affekt.labels import ekman7
from affekt.preprocessing.personal import Population
from affekt.training import speech_finetune, speech_head
from affekt.training.speech_encoder import SpeechEncoder, from_whisper

HERE = Path(__file__).parent
CONFIG = tomllib.loads((HERE / "config.toml").read_text())
LABELS = ekman7.PART.labels
Rows = tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]  # clips, labels, speakers, corpus of each


def rows_of(data: Path, names: list[str], splits: tuple[str, ...]) -> Rows:
    """The recordings of some corpora, with ekman7's labels; those without one are left out."""
    clips, labels, speakers, corpora = [], [], [], []
    for name in names:
        part = find("datasets", name)
        for split in (split for split in part.splits if split in splits):
            for one in part.recordings(data, split):
                ours = part.label_maps["ekman7"][one.label]
                if ours is not None:
                    clips.append(samples_of(one.path))
                    labels.append(LABELS.index(ours))
                    speakers.append(one.speaker)
                    corpora.append(name)
    return clips, np.array(labels), np.array(speakers), np.array(corpora)


def balance(labels: np.ndarray, corpora: np.ndarray) -> np.ndarray:
    """Weights, (n,), under which the labels of a corpus count alike, and a corpus as the square root of its size."""
    weights = np.zeros(len(labels), np.float32)
    for name in set(corpora.tolist()):
        mine = corpora == name
        found = set(labels[mine].tolist())
        for label in found:
            rows = mine & (labels == label)
            weights[rows] = np.sqrt(mine.sum()) / len(found) / rows.sum()
    return weights / weights.mean()


def ask(features: np.ndarray, rows: Rows, population: Population, weight: np.ndarray, bias: np.ndarray) -> None:
    """Prints unweighted average recall by corpus and by utterances heard."""
    rng = np.random.default_rng(CONFIG["seed"])
    _, labels, speakers, corpora = rows
    for name in sorted(set(corpora.tolist())):
        mine = corpora == name
        found = {}
        for heard in HEARD:
            said, gold = [], []
            for _ in range(ORDERS if heard else 1):
                x = speech_head.relative(features[mine], speakers[mine], population, heard=(heard,), rng=rng)
                said.append((x @ weight + bias).argmax(1))
                gold.append(labels[mine])
            found[heard] = recall(np.concatenate(said), np.concatenate(gold))
        print(name, found, flush=True)


def main() -> None:
    work, variant = Path(sys.argv[1]), sys.argv[2]
    without = sys.argv[sys.argv.index("--without") + 1] if "--without" in sys.argv else None
    data = Path(os.environ["AFFEKT_DATA"]) / "speech"
    names = [name for name in CONFIG["variants"][variant]["corpora"] if name != without]
    train = rows_of(data, names, ("train", "dev") if without else ("train",))
    asked = rows_of(data, [without], ("train", "dev")) if without else rows_of(data, names, ("dev",))
    print(f"{len(train[0])} recordings to train on, {len(asked[0])} to ask about", flush=True)
    layers = CONFIG["layers"]
    model: SpeechEncoder = from_whisper(work / "whisper", layers=max(layers))
    clips, labels, speakers, corpora = train
    population = speech_finetune.fit(
        model,
        clips,
        labels,
        speakers,
        balance(labels, corpora),
        layers=layers,
        classes=len(LABELS),
        optimiser=speech_finetune.Optimiser(**CONFIG["finetune"]),
        seed=CONFIG["seed"],
        report=lambda line: print(line, flush=True),
    )
    features = speech_finetune.features_of(model, clips, layers)
    rng = np.random.default_rng(CONFIG["seed"])
    drawn = [speech_head.relative(features, speakers, population, rng=rng) for _ in range(CONFIG["draws"])]
    weight, bias = speech_head.fit(np.concatenate(drawn), np.tile(labels, len(drawn)), strength=CONFIG["strength"], classes=len(LABELS))
    name = f"{variant}.without_{without}" if without else variant
    save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, work / f"{name}.safetensors")
    np.savez(
        work / f"{name}.head.npz", weight=weight, bias=bias, mean=population.mean, between=population.between, within=population.within
    )
    ask(speech_finetune.features_of(model, asked[0], layers), asked, population, weight, bias)


if __name__ == "__main__":
    main()
