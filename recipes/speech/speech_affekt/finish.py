"""Step 4: fits the head to what the int8 graph hears, calibrates it, and writes the model folder.

    AFFEKT_DATA=DATA python finish.py WORK_FOLDER VARIANT OUT_FOLDER         after train.py of all folds, and of the variant's run

The shipped weights hear all speakers, so they are calibrated on what the heads of five folds say of the speakers that each left
out, after 0, 3, 10 and 40 utterances heard. The calibration error that is printed, and written to the card, is of each fold
calibrated on the other four.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from corpora import CONFIG, FOLDS, LABELS, Corpus, heard, held_out, joined, recordings
from safetensors.torch import load_file

from affekt.calibration.apply import probabilities
from affekt.calibration.fit import fit
from affekt.catalog import find
from affekt.encoders._card import revision_of, write_card
from affekt.encoders.speech_affekt import SpeechAffekt
from affekt.evaluation import metrics
from affekt.evaluation.heard import curve
from affekt.export.speech_onnx import Head, export, measure
from affekt.labels import ekman7
from affekt.parts import Calibration, Card
from affekt.training.protocols import Fitted, fitted
from affekt.training.speech_encoder import SpeechEncoder

HEARD = (0, 3, 10, 40)
LONGEST = 600  # frames that a clip may have: 12 s
TYPICAL = 300  # recordings that the range of activations is measured on
FILES = ("model.onnx", "head.npz")
PLAIN = Calibration((1.0,) * len(LABELS), (0.0,) * len(LABELS))


def head_of(corpus: Corpus) -> Fitted:
    """A head fitted to recordings with ekman7's labels."""
    told = np.array([LABELS.index(label) for label in corpus.label])
    rng = np.random.default_rng(CONFIG["seed"])
    return fitted(corpus.data, told, corpus.speaker, classes=len(LABELS), rng=rng, strength=CONFIG["strength"], draws=CONFIG["draws"])


def out_of_fold(work: Path, names: list[str], run: str | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each fold, raw outputs, (n, labels), about the speakers that it left out, and the truth, (n, labels).

    Args:
        run: whose features are used; None: those of the fold's own run.
    """
    made = []
    for fold in range(FOLDS):
        folder = work / (run or f"fold{fold}")
        corpora = [heard(folder, name) for name in names if (folder / f"{name}.npz").is_file()]
        out = [held_out(one, fold) for one in corpora]
        head = head_of(joined([one.only(~rows) for one, rows in zip(corpora, out, strict=True)]).in_our_words())
        test = joined([one.only(rows) for one, rows in zip(corpora, out, strict=True)]).in_our_words()
        rng = np.random.default_rng(fold)
        raw = {level: np.zeros((len(test.label), len(LABELS)), np.float32) for level in HEARD}

        def judge(at: int, baseline: object, head: Fitted = head, test: Corpus = test) -> np.ndarray:
            return head.judge(test.data[at], baseline)

        found = curve(test.data, test.speaker, HEARD, judge=judge, rng=rng)
        raw = np.log(np.concatenate([np.maximum(scores, 1e-9) for scores, _ in found.values()]))
        gold = np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(label) for label in test.label]]
        made.append((raw, np.tile(gold, (len(HEARD), 1))))
    return made


def calibrated(pieces: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Calibration, float, float]:
    """The calibration on all folds; its error and accuracy where each fold is judged by that of the others."""
    confidence, hit = [], []
    for at, (raw, gold) in enumerate(pieces):
        others = [np.concatenate(parts) for parts in zip(*(pieces[:at] + pieces[at + 1 :]), strict=True)]
        scores = probabilities(raw, ekman7.PART, fit(*others, np.ones_like(others[0]), ekman7.PART))
        confidence.append(scores.max(1))
        hit.append(scores.argmax(1) == gold.argmax(1))
    raw, gold = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    right = np.concatenate(hit)
    error = metrics.ece(np.concatenate(confidence).astype(np.float64), right)
    return fit(raw, gold, np.ones_like(raw), ekman7.PART), float(error), float(right.mean())


def card(folder: Path, variant: str, calibration: Calibration, facts: dict) -> Card:
    """The card of what lies in the folder."""
    about = CONFIG["variants"][variant]
    corpora = {name: find("datasets", name) for name in about["corpora"]}
    return Card(
        name=variant,
        revision=revision_of(folder / "model.onnx"),
        modality="speech",
        languages=tuple(sorted({language for part in corpora.values() for language in part.languages})),
        licence={
            "code": "Apache-2.0",
            "weights": about["licence"],
            "data": "; ".join(f"{name} {part.licence}" for name, part in corpora.items()),
        },
        commercial=about["commercial"],
        calibration={"ekman7": calibration},
        facts={
            "family": "speech_affekt",
            "start": "the encoder of Whisper tiny.en (MIT)",
            "training": f"recipes/speech/speech_affekt: prepare.py, train.py, finish.py {variant}",
            "trained_on": {name: part.paper for name, part in corpora.items()},
            "dimensions": "valence, arousal and dominance are the labels' places (Russell and Mehrabian 1977), weighted by their scores",
            **facts,
            "limits": [
                "Trained on actors, most of them in a studio; people who feel speak less clearly than people who act.",
                "What is heard is how a person sounds, not what the person feels.",
                "A voice that has not been heard before is judged far less surely than one that has.",
                "Not for decisions about a person's health, work, credit or liberty.",
            ],
        },
    )


def main() -> None:
    work, variant, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    about = CONFIG["variants"][variant]
    out.mkdir(parents=True, exist_ok=True)
    state = load_file(work / about["run"] / "encoder.safetensors")
    model = SpeechEncoder(layers=CONFIG["layers"])
    model.load_state_dict(state)
    corpus = joined([recordings(name) for name in about["corpora"]]).in_our_words()
    ranges = measure(model.eval(), corpus.data[:: max(len(corpus.data) // TYPICAL, 1)])
    first = head_of(joined([heard(work / about["run"], name) for name in about["corpora"]]).in_our_words())
    export(model, Head("ekman7", first.weight, first.bias, first.population), out, ranges=ranges, longest=LONGEST)
    write_card(card(out, variant, PLAIN, {}), out)
    encoder = SpeechAffekt(out, 0)
    print(f"hearing {len(corpus.data)} recordings with the int8 graph", flush=True)
    corpus.data = np.stack([encoder.hear(clip, labels=["ekman7"])[0] for clip in corpus.data])
    head = head_of(corpus)
    export(model, Head("ekman7", head.weight, head.bias, head.population), out, ranges=ranges, longest=LONGEST)
    own = None if about["run"] == "whole" else about["run"]
    calibration, error, accuracy = calibrated(out_of_fold(work, about["corpora"], own))
    facts = {
        "calibrated_on": "speakers left out by five folds",
        "ece": round(error, 4),
        "accuracy": round(accuracy, 4),
        "heard": list(HEARD),
        "sha256": {file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in FILES},
    }
    write_card(card(out, variant, calibration, facts), out)
    print(facts, f"{(out / 'model.onnx').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
