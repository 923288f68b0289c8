"""Measures the classic baseline on speakers that it has not heard, or fits it to some corpora and writes its folder.

    AFFEKT_DATA=DATA python train.py WORK_FOLDER                            writes result.json
    AFFEKT_DATA=DATA python train.py WORK_FOLDER OUT_FOLDER CORPUS ...      emodb, ravdess, nemo, casia

The features of each corpus are extracted once and kept in WORK_FOLDER. What was heard of a speaker are other recordings that came
before the judged one in a random order, without labels. Strength and width of the machine are chosen inside each training side.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affekt.calibration.apply import probabilities
from affekt.catalog import find
from affekt.encoders.speech_prosody import Machine, against, features_of
from affekt.evaluation.heard import curve
from affekt.labels import ekman7
from affekt.parts import LabelSet
from affekt.preprocessing.personal import Baseline, nothing_heard
from affekt.preprocessing.speech import trimmed
from affekt.sources.audio import open_audio
from affekt.training.protocols import folds_of, recall
from affekt.training.speech_prosody import Fitted, Settings, fit, save

HERE = Path(__file__).parent
HEARD = (0, 10)
SEED = 7


@dataclass
class Corpus:
    features: np.ndarray
    label: np.ndarray
    speaker: np.ndarray
    split: np.ndarray

    def only(self, rows: np.ndarray) -> "Corpus":
        return Corpus(self.features[rows], self.label[rows], self.speaker[rows], self.split[rows])


def features(work: Path, data: Path, name: str) -> Corpus:
    """A corpus as the model hears it; extracted where WORK has it not yet, some fifty recordings a second."""
    path = work / f"{name}.npz"
    if not path.is_file():
        part = find("datasets", name)
        found = [(split, one) for split in part.splits for one in part.recordings(data, split)]
        print(f"{name}: {len(found)} recordings", flush=True)
        made = [features_of(trimmed(np.concatenate(list(open_audio(one.path).blocks()), axis=1).mean(0))) for _, one in found]
        of = {
            "label": [one.label for _, one in found],
            "speaker": [one.speaker for _, one in found],
            "split": [split for split, _ in found],
        }
        np.savez(path, features=np.stack(made), **of)
    with np.load(path) as kept:
        return Corpus(*(kept[part] for part in ("features", "label", "speaker", "split")))


def fitted(train: Corpus, names: LabelSet) -> Fitted:
    told = np.array([names.labels.index(label) for label in train.label])
    return fit(train.features, told, train.speaker, names=names, settings=Settings(seed=SEED), report=lambda _: None)


def scores(model: Fitted, machine: Machine, features: np.ndarray, baseline: Baseline | None) -> np.ndarray:
    voice = (baseline or nothing_heard(model.population)).shrunk(model.population)
    return probabilities(machine.raw(against(features, voice, model.population)[None]), model.labels, model.calibration)[0]


def asked(folds: list[tuple[Corpus, Corpus]], names: LabelSet) -> tuple[dict[str, float], list[tuple[float, float]]]:
    """Unweighted average recall over all folds by utterances heard, and what was chosen in each fold."""
    rng = np.random.default_rng(SEED)
    said: dict[int, list[np.ndarray]] = {heard: [] for heard in HEARD}
    gold, chosen = [], []
    for train, test in folds:
        model = fitted(train, names)
        machine = model.machine()
        chosen.append((model.strength, model.gamma))

        def judge(at: int, voice: Baseline | None, *, model=model, machine=machine, test=test) -> np.ndarray:
            return scores(model, machine, test.features[at], voice)

        for heard, (told, _) in curve(test.features, test.speaker, HEARD, judge=judge, rng=rng).items():
            said[heard].append(np.array(names.labels)[told.argmax(1)])
        gold.append(test.label)
    return {str(heard): round(recall(np.concatenate(said[heard]), np.concatenate(gold)), 4) for heard in HEARD}, chosen


def measure(work: Path, data: Path) -> None:
    rows, choices = {}, {}
    for row, name, folds in (
        ("EmoDB, leave one speaker out, 7 classes", "emodb", None),
        ("RAVDESS, 5 folds of actors, 8 classes", "ravdess", 5),
        ("nEMO dev, 6 classes", "nemo", 0),
    ):
        corpus = features(work, data, name)
        names = LabelSet(name, tuple(sorted(set(corpus.label.tolist()))), "single", find("datasets", name).paper)
        sides = [corpus.split == "dev"] if folds == 0 else folds_of(corpus.speaker, folds=folds)
        rows[row], choices[row] = asked([(corpus.only(~mine), corpus.only(mine)) for mine in sides], names)
        print(row, rows[row], choices[row], flush=True)
    made = {"command": "python train.py WORK", "ua_by_heard": rows, "strength_and_gamma_by_fold": choices}
    (HERE / "result.json").write_text(json.dumps(made, indent=1) + "\n")


def train(work: Path, data: Path, out: Path, names: list[str]) -> None:
    """Fits to the training speakers of some corpora, in ekman7's words, and writes the folder."""
    parts, found = [find("datasets", name) for name in names], []
    for part in parts:
        corpus = features(work, data, part.name)
        corpus.label = np.array([part.label_maps["ekman7"][label] or "" for label in corpus.label])
        found.append(corpus.only(corpus.label != ""))
    whole = Corpus(*(np.concatenate([getattr(one, of) for one in found]) for of in ("features", "label", "speaker", "split")))
    whole = whole.only(whole.split == "train")
    model = fitted(whole, ekman7.PART)
    facts = {"training": f"recipes/speech/speech_prosody: python train.py WORK OUT {' '.join(names)}", "recordings": len(whole.label)}
    save(model, out, corpora=parts, facts={**facts, "seed": SEED})
    print(f"strength {model.strength}, gamma {model.gamma}, {len(model.model.support_vectors_)} support vectors in {out}")


def main() -> None:
    if len(sys.argv) not in (2, *range(4, 8)) or "AFFEKT_DATA" not in os.environ:
        sys.exit(__doc__)
    work, data = Path(sys.argv[1]), Path(os.environ["AFFEKT_DATA"]) / "speech"
    work.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) == 2:
        measure(work, data)
    else:
        train(work, data, Path(sys.argv[2]), sys.argv[3:])


if __name__ == "__main__":
    main()
