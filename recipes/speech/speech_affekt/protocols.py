"""Step 3: how well the head does on speakers and corpora that it has not seen, by how much was heard of a speaker before.

    python protocols.py WORK_FOLDER

The encoder is Whisper's, as it is; the head is fitted anew for every fold, on other speakers only. What was heard are random
other recordings of the speaker, never the judged one, without labels. Writes result.json.
"""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np

from affekt.catalog import find
from affekt.hearing import weight_of
from affekt.labels import ekman7
from affekt.preprocessing.personal import Baseline, Population, population_of
from affekt.training.speech_head import fit, relative

HERE = Path(__file__).parent
CONFIG = tomllib.loads((HERE / "config.toml").read_text())
HEARD = (0, 1, 3, 5, 10, 20, 40)
ORDERS = 4  # random choices of what was heard; the figure is over all of them
LABELS = ekman7.PART.labels


class Corpus:
    """The features of one corpus, or of several one after another."""

    def __init__(self, features: np.ndarray, label: np.ndarray, speaker: np.ndarray, split: np.ndarray) -> None:
        self.features, self.label, self.speaker, self.split = features, label, speaker, split

    def only(self, rows: np.ndarray) -> "Corpus":
        return Corpus(self.features[rows], self.label[rows], self.speaker[rows], self.split[rows])


def load(work: Path, name: str, *, ours: bool = False) -> Corpus:
    """A corpus; `ours`: with its labels in ekman7's words, rows without one left out."""
    width = 2 * 384
    with np.load(work / "features" / f"{name}.npz") as found:
        features = np.concatenate([found["features"][:, at * width : (at + 1) * width] for at in CONFIG["layers"]], axis=1).astype(
            np.float32
        )
        corpus = Corpus(features, found["label"], found["speaker"], found["split"])
    if ours:
        mapped = find("datasets", name).label_maps["ekman7"]
        corpus.label = np.array([mapped[label] or "" for label in corpus.label])
        corpus = corpus.only(corpus.label != "")
    return corpus


def joined(corpora: list[Corpus]) -> Corpus:
    return Corpus(*(np.concatenate([getattr(one, part) for one in corpora]) for part in ("features", "label", "speaker", "split")))


def fitted(train: Corpus, names: list[str], rng: np.random.Generator) -> tuple[Population, np.ndarray, np.ndarray]:
    population = population_of(train.features, train.speaker)
    drawn = [relative(train.features, train.speaker, population, rng=rng) for _ in range(CONFIG["draws"])]
    told = np.array([names.index(label) for label in train.label])
    return population, *fit(np.concatenate(drawn), np.tile(told, len(drawn)), strength=CONFIG["strength"], classes=len(names))


def curve(folds: list[tuple[Corpus, Corpus]], *, shared: bool = False) -> dict[str, float]:
    """Unweighted average recall over all folds by utterances heard; `shared`: only labels that training has are asked about."""
    rng = np.random.default_rng(CONFIG["seed"])
    said: dict[int, list[np.ndarray]] = {heard: [] for heard in HEARD}
    gold: dict[int, list[np.ndarray]] = {heard: [] for heard in HEARD}
    for train, test in folds:
        names = sorted(set(train.label))
        if shared:
            test = test.only(np.isin(test.label, names))
        population, weight, bias = fitted(train, names, rng)
        for heard in HEARD:
            for _ in range(ORDERS if heard else 1):
                x = relative(test.features, test.speaker, population, heard=(heard,), rng=rng)
                said[heard].append(np.array(names)[(x @ weight + bias).argmax(1)])
                gold[heard].append(test.label)
    return {str(heard): recall(np.concatenate(said[heard]), np.concatenate(gold[heard])) for heard in HEARD}


def recall(said: np.ndarray, gold: np.ndarray) -> float:
    return round(float(np.mean([(said[gold == label] == label).mean() for label in sorted(set(gold))])), 4)


def by_speaker(corpus: Corpus, folds: int | None = None, *, beside: Corpus | None = None) -> list[tuple[Corpus, Corpus]]:
    """Leave one speaker out, or so many folds of speakers; `beside` joins every training side."""
    speakers = sorted(set(corpus.speaker))
    groups = [speakers[at::folds] for at in range(folds)] if folds else [[speaker] for speaker in speakers]
    made = []
    for group in groups:
        test = np.isin(corpus.speaker, group)
        train = corpus.only(~test)
        made.append((joined([train, beside]) if beside else train, corpus.only(test)))
    return made


def one_emotion(train: Corpus, test: Corpus) -> dict[str, float]:
    """Recall of an emotion when nothing was heard, and when up to forty utterances of the same were, one after another.

    As in use: each utterance counts for the baseline by how neutral it is judged.
    """
    rng = np.random.default_rng(CONFIG["seed"])
    names = sorted(set(train.label))
    population, weight, bias = fitted(train, names, rng)

    def judge(features: np.ndarray, baseline: np.ndarray) -> np.ndarray:
        raw = ((features - baseline) / np.sqrt(population.within)) @ weight + bias
        odds = np.exp(raw - raw.max())
        return odds / odds.sum()

    first, later = [], []
    for speaker in sorted(set(test.speaker)):
        for label in sorted(set(test.label)):
            rows = np.flatnonzero((test.speaker == speaker) & (test.label == label))
            if len(rows) < 10 or label == "neutral":
                continue
            voice = Baseline(population.mean.copy())
            for at in rng.permutation(rows)[:40]:
                first.append(names[judge(test.features[at], population.mean).argmax()] == label)
                odds = judge(test.features[at], voice.shrunk(population))
                later.append(names[odds.argmax()] == label)
                voice = voice.hear(test.features[at], weight=weight_of(float(odds[names.index("neutral")])))
    return {"nothing heard": round(float(np.mean(first)), 4), "the same emotion all along": round(float(np.mean(later)), 4)}


def main() -> None:
    work = Path(sys.argv[1])
    own = {name: load(work, name) for name in ("emodb", "ravdess", "nemo", "casia")}
    ours = {name: load(work, name, ours=True) for name in own}
    nemo = own["nemo"]
    rows = {
        "EmoDB, leave one speaker out, 7 classes": curve(by_speaker(own["emodb"])),
        "RAVDESS, 5 folds of actors, 8 classes": curve(by_speaker(own["ravdess"], 5)),
        "nEMO dev, 6 classes": curve([(nemo.only(nemo.split == "train"), nemo.only(nemo.split == "dev"))]),
        "CASIA, leave one speaker out, other corpora train too, 6 classes": curve(
            by_speaker(ours["casia"], beside=joined([ours["emodb"], ours["ravdess"], ours["nemo"]])), shared=True
        ),
    }
    for row, found in rows.items():
        print(row, found, flush=True)
    left = {}
    for name in ours:
        left[name] = curve([(joined([ours[other] for other in ours if other != name]), ours[name])], shared=True)
        print(f"all but {name}", left[name], flush=True)
    rows["one corpus left out, mean of four"] = {
        heard: round(float(np.mean([one[heard] for one in left.values()])), 4) for heard in left["emodb"]
    }
    speakers = {name: sorted(set(one.speaker)) for name, one in ours.items()}
    test = joined([one.only(np.isin(one.speaker, speakers[name][::5])) for name, one in ours.items()])
    train = joined([one.only(~np.isin(one.speaker, speakers[name][::5])) for name, one in ours.items()])
    made = {"command": "python protocols.py WORK", "ua_by_heard": rows, "left_out": left, "one_emotion": one_emotion(train, test)}
    print(made["one_emotion"], rows["one corpus left out, mean of four"])
    (HERE / "result.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
