"""Step 3: how well the model does on speakers and corpora that it has not seen, by how much was heard of a speaker before.

    python protocols.py WORK_FOLDER        after: train.py of all folds, and untouched

Neither encoder nor head has heard the speakers that are asked about: a fold's encoder is fine-tuned without them (see
`corpora.held_out`), and the head is fitted anew for every speaker or fold, on others only. What was heard are other recordings of
the speaker that came before the judged one in a random order, without labels. For corpora that were never heard the encoder is
Whisper's as it is. Writes result.json.
"""

import json
import sys
from pathlib import Path

import numpy as np
from corpora import CONFIG, FOLDS, NAMES, Corpus, heard, held_out, joined

from affekt.evaluation import heard as hearing
from affekt.preprocessing.personal import nothing_heard
from affekt.training.protocols import Fitted, fitted, folds_of, recall

HERE = Path(__file__).parent
HEARD = (0, 1, 3, 5, 10, 20, 40)
Fold = tuple[Corpus, Corpus]  # to fit a head on, and to ask about


def head_for(train: Corpus, names: list[str], rng: np.random.Generator) -> Fitted:
    told = np.array([names.index(label) for label in train.label])
    return fitted(train.data, told, train.speaker, classes=len(names), rng=rng, strength=CONFIG["strength"], draws=CONFIG["draws"])


def curve(folds: list[Fold]) -> dict[str, float]:
    """Unweighted average recall over all folds by utterances heard; only labels that training has are asked about."""
    rng = np.random.default_rng(CONFIG["seed"])
    said: dict[int, list[np.ndarray]] = {level: [] for level in HEARD}
    gold: list[np.ndarray] = []
    for train, test in folds:
        names = sorted(set(train.label))
        test = test.only(np.isin(test.label, names))
        head = head_for(train, names, rng)

        def judge(at: int, baseline: object, head: Fitted = head, test: Corpus = test) -> np.ndarray:
            return head.judge(test.data[at], baseline)

        for level, (scores, _) in hearing.curve(test.data, test.speaker, HEARD, judge=judge, rng=rng).items():
            said[level].append(np.array(names)[scores.argmax(1)])
        gold.append(test.label)
    return {str(level): round(recall(np.concatenate(said[level]), np.concatenate(gold)), 4) for level in HEARD}


def split(corpus: Corpus, fold: int) -> Fold:
    out = held_out(corpus, fold)
    return corpus.only(~out), corpus.only(out)


def each_speaker(corpus: Corpus, fold: int) -> list[Fold]:
    """Leave one speaker out, for the speakers that the fold's encoder has not heard."""
    strangers = set(corpus.speaker[held_out(corpus, fold)].tolist())
    return [(corpus.only(~asked), corpus.only(asked)) for asked in folds_of(corpus.speaker) if set(corpus.speaker[asked]) <= strangers]


def beside(work: Path, name: str, fold: int) -> Fold:
    """A fold of one corpus, with what the fold teaches of the others beside its training side, in ekman7's words."""
    train, test = split(heard(work / f"fold{fold}", name), fold)
    others = [split(heard(work / f"fold{fold}", other), fold)[0] for other in NAMES if other != name]
    return joined([train, *others]).in_our_words(), test.in_our_words()


def without(work: Path, name: str) -> Fold:
    """All corpora but one, and that one, as the untouched encoder hears them."""
    corpora = {other: heard(work / "untouched", other).in_our_words() for other in NAMES}
    return joined([one for other, one in corpora.items() if other != name]), corpora[name]


def one_emotion(folds: list[Fold]) -> dict[str, float]:
    """Recall of an emotion when nothing was heard, and when up to forty utterances of the same were, one after another."""
    rng = np.random.default_rng(CONFIG["seed"])
    first, later = [], []
    for train, test in folds:
        names = sorted(set(train.label))
        head = head_for(train, names, rng)
        for speaker in sorted(set(test.speaker)):
            for label in sorted(set(test.label) - {"neutral"}):
                rows = np.flatnonzero((test.speaker == speaker) & (test.label == label))
                known = nothing_heard(head.population)
                for at in rng.permutation(rows)[:40] if len(rows) >= 10 else []:
                    first.append(names[head.judge(test.data[at]).argmax()] == label)
                    scores = head.judge(test.data[at], known)
                    later.append(names[scores.argmax()] == label)
                    known = known.hear(test.data[at], scores)
    return {"nothing heard": round(float(np.mean(first)), 4), "the same emotion all along": round(float(np.mean(later)), 4)}


def main() -> None:
    work = Path(sys.argv[1])
    emodb = {fold: heard(work / f"fold{fold}", "emodb") for fold in range(FOLDS)}
    left = {name: curve([without(work, name)]) for name in NAMES}
    rows = {
        "EmoDB, leave one speaker out, 7 classes": curve([one for fold, corpus in emodb.items() for one in each_speaker(corpus, fold)]),
        "RAVDESS, 5 folds of actors, 8 classes": curve([split(heard(work / f"fold{fold}", "ravdess"), fold) for fold in range(FOLDS)]),
        "nEMO dev, 6 classes": curve([split(heard(work / "fold0", "nemo"), 0)]),
        "CASIA, leave one speaker out, other corpora train too, 6 classes": curve([beside(work, "casia", fold) for fold in range(2)]),
        "a corpus never heard, mean of four; untouched encoder": {
            str(level): round(float(np.mean([one[str(level)] for one in left.values()])), 4) for level in HEARD
        },
    }
    for row, found in {**rows, **{f"never heard: {name}": one for name, one in left.items()}}.items():
        print(row, found, flush=True)
    alike = one_emotion([beside(work, name, 0) for name in NAMES])
    print(alike)
    made = {"command": "python protocols.py WORK", "seed": CONFIG["seed"], "ua_by_heard": rows, "never_heard": left, "one_emotion": alike}
    (HERE / "result.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
