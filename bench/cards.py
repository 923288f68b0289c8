"""How good and how calibrated each shipped model is, beside its card: whole, by language and by subgroup, with reliability diagrams.

    AFFEKT_DATA=/data python bench/cards.py [text|speech|face|fusion|context …] [--folds WORK]

Writes src/affekt/weights/MODEL/measured.json, which `GET /v1/models` tells. All rows are held out: neither weights, thresholds nor
calibration have seen them, and `split` says how. Intervals are of the bootstrap over rows; groups of fewer rows than
`affekt.evaluation.groups.ENOUGH` are left out.

* text: the rows of bench/text.py.
* speech: the shipped weights hear all speakers, so what is measured are the heads of five folds, asked about speakers that each left
  out. --folds names the folder that holds the fine-tuned encoders of recipes/speech/speech_affekt; without it all folds hear through
  Whisper's encoder as it is, which is what `speech_affekt_free` ships, and less than `speech_affekt` ships. Each recording is judged once,
  after 0, 3, 10 or 40 others of its speaker, drawn at random.
* face: FER2013's split `valid`, cut out as the recipe does. The data say nothing of sex, age or origin.
* fusion: gathered from recipes/fusion/log_linear, which judged pairs of unrelated items.
* context: gathered from its card, where recipes/text/context wrote it.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from affekt.calibration.apply import probabilities, project
from affekt.calibration.fit import fit
from affekt.catalog import find
from affekt.encoders._card import read_card
from affekt.evaluation.evaluate import evaluate
from affekt.evaluation.groups import ENOUGH
from affekt.evaluation.heard import curve
from affekt.evaluation.run import answer_rows
from affekt.parts import LabelSet, Row
from again import recipe

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src" / "affekt" / "weights"
SEED = 0
WHAT = ("text", "speech", "face", "fusion", "context")
GATHERED = WHAT[-2:]  # from what recipes have measured
KEPT = ("decision", "n", "macro_f1", "accuracy", "ua", "interval", "ece", "pearson")
OF_GROUP = ("n", "macro_f1", "accuracy", "interval", "ece")
SPLITS = {  # of bench/text.py's rows
    "ekman7, held-out rows of four corpora": "test of GoEmotions, XED and CPED, dev of BRIGHTER: rows with exactly one label",
    "GoEmotions test": "the test split as published",
    "GoEmotions test, sentiment": "the test split as published, rows whose labels all mean one sentiment",
    "BRIGHTER dev": "the dev split as published, not tuned or calibrated on",
    "XED test": "a test split that shares no English source line with training",
    "SMP2020 usual test, zero-shot": "the test split of a corpus that was never trained on",
    "MELD test, zero-shot": "the test split of a corpus that was never trained on",
    "CPED test (one unseen series)": "a television series that was never trained on",
    "EmoBank test": "the test split as published",
}
MEN = {"emodb": {"03", "10", "11", "12", "15"}}  # Burkhardt et al. (2005), table of the speakers
FRAMES = "dark", "medium", "bright"  # thirds of the pictures by their mean


@dataclass(frozen=True, slots=True)
class Set:
    """Rows that a model was asked about, and what it said.

    Args:
        split: how they were held out.
        groups: kind of group -> the group of each row, None where it is not known.
    """

    data: str
    split: str
    rows: Sequence[Row]
    scores: np.ndarray
    labels: LabelSet
    thresholds: Sequence[float] | None = None
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def measured(self) -> dict[str, Any]:
        """What stands in measured.json."""
        found = self._numbers(np.ones(len(self.rows), bool))
        bins = [one for one in found.get("reliability", ()) if one["n"]]
        risk = found.get("risk_coverage", {"coverage": (), "risk": ()})
        return {
            "data": self.data,
            "labels": self.labels.name,
            "split": self.split,
            **{key: found[key] for key in KEPT if found.get(key) is not None},
            "reliability": [{"predicted": one["claimed"], "observed": one["right"], "n": one["n"]} for one in bins],
            "risk_coverage": [{"coverage": c, "risk": r} for c, r in zip(risk["coverage"], risk["risk"], strict=True)],
            "groups": [one for kind, values in self.groups.items() for one in self._by(kind, np.array(values, object))],
        }

    def _by(self, kind: str, values: np.ndarray) -> Iterator[dict[str, Any]]:
        names = sorted({name for name in values.tolist() if name is not None and (values == name).sum() >= ENOUGH})
        for name in names if len(names) > 1 else ():
            found = self._numbers(values == name)
            yield {"kind": kind, "name": name, **{key: found[key] for key in OF_GROUP if found.get(key) is not None}}

    def _numbers(self, at: np.ndarray) -> dict[str, Any]:
        rows = [self.rows[row] for row in np.flatnonzero(at)]
        return evaluate(rows, self.scores[at], self.labels, thresholds=self.thresholds, seed=SEED)


# Text ------------------------------------------------------------------------------------------------------------------------------


def text() -> Iterator[tuple[str, Iterator[Set]]]:
    yield "text_affekt", texts()


def texts() -> Iterator[Set]:
    quality = import_module("text").QUALITY
    for data, split in SPLITS.items():
        labels, load, _ = quality[data]
        told = answer_rows(load(), model="text_affekt", labels=labels)
        groups = {"language": [row.lang for row in told.rows]}
        if "four corpora" in data:
            groups["corpus"] = [row.group for row in told.rows]
        yield Set(data, split, told.rows, np.asarray(told.scores, np.float64), told.labels, told.thresholds, groups)


# Speech ----------------------------------------------------------------------------------------------------------------------------


def speech(folds: Path | None) -> Iterator[tuple[str, Iterator[Set]]]:
    recipe("speech/speech_affekt")
    hear = import_module("corpora").NAMES
    untouched = {name: heard_by_shipped(name) for name in hear}
    yield "speech_affekt", voices(hear, untouched, folds)
    yield "speech_affekt_free", voices(("emodb",), untouched, None)


def heard_by_shipped(name: str) -> Any:
    """A corpus as the encoder that `speech_affekt_free` ships hears it: Whisper's as it is, in int8."""
    encoder = find("encoders", "speech_affekt_free").load(WEIGHTS / "speech_affekt_free", 0)
    corpus = import_module("corpora").recordings(name)
    corpus.data = np.stack([encoder.hear(samples, labels=["ekman7"])[0] for samples in corpus.data])
    say(f"heard {len(corpus.data)} recordings of {name}")
    return corpus


def voices(names: Sequence[str], untouched: Mapping[str, Any], folds: Path | None) -> Iterator[Set]:
    corpora, finish = import_module("corpora"), import_module("finish")
    judged = []
    for fold in range(corpora.FOLDS):
        heard = [corpora.heard(folds / f"fold{fold}", name) if folds else untouched[name] for name in names]
        judged.append(asked(corpora, finish, heard, fold))
    found = list(once(judged, [str(level) for level in finish.HEARD]))
    encoder = "fine-tuned without them" if folds else "Whisper's encoder as it is"
    ekman7, corpus = find("labels", "ekman7"), [told.keys[at][0] for told, at, *_ in found]
    yield Set(
        f"{', '.join(names)}: speakers never heard",
        f"speakers left out by five folds; a head a fold, {encoder}; judged after 0, 3, 10 or 40 other utterances",
        [Row("", (told.test.label[at],)) for told, at, *_ in found],
        np.stack([scores for *_, scores in found]).astype(np.float64),
        ekman7,
        groups={
            "language": [find("datasets", name).languages[0] for name in corpus],
            "sex": [sex(name, str(told.test.speaker[at]), told.genders[at]) for name, (told, at, *_) in zip(corpus, found, strict=True)],
            "heard": [level for _, _, level, _ in found],
        },
    )


@dataclass(frozen=True, slots=True)
class Fold:
    """What the head of a fold says of the speakers that it was not fitted on.

    Args:
        raw: (levels, n, labels).
        keys: (n,) which recording of which corpus each is.
    """

    test: Any
    raw: np.ndarray
    gold: np.ndarray
    keys: Sequence[tuple[str, int]]
    genders: Sequence[str | None]


def asked(corpora: Any, finish: Any, heard: Sequence[Any], fold: int) -> Fold:
    out = [corpora.held_out(one, fold) for one in heard]
    head = finish.head_of(corpora.joined([one.only(~rows) for one, rows in zip(heard, out, strict=True)]).in_our_words())
    left = corpora.joined([one.only(rows) for one, rows in zip(heard, out, strict=True)])
    keys = [(one.name[0], int(at)) for one, rows in zip(heard, out, strict=True) for at in np.flatnonzero(rows & (one.ours != ""))]
    test, known = left.in_our_words(), {one.name[0]: genders(one.name[0]) for one in heard}
    told = curve(
        test.data,
        test.speaker,
        finish.HEARD,
        judge=lambda at, baseline: head.judge(test.data[at], baseline),
        rng=np.random.default_rng(fold),
    )
    raw = np.log(np.stack([np.maximum(scores, 1e-9) for scores, _ in told.values()]))
    gold = np.eye(raw.shape[2], dtype=np.float32)[[corpora.LABELS.index(label) for label in test.label]]
    say(f"fold {fold}: {len(keys)} recordings")
    return Fold(test, raw, gold, keys, [known[name][at] for name, at in keys])


def once(folds: Sequence[Fold], levels: Sequence[str]) -> Iterator[tuple[Fold, int, str, np.ndarray]]:
    """Each recording once, by the first fold that left it out: its fold, its row there, how many were heard before, its scores."""
    ekman7, rng, seen = find("labels", "ekman7"), np.random.default_rng(SEED), set()
    for number, told in enumerate(folds):
        scores = calibrated(folds, number, ekman7)
        for at, key in enumerate(told.keys):
            if key not in seen:
                seen.add(key)
                level = int(rng.integers(len(levels)))
                yield told, at, levels[level], scores[level, at]


def calibrated(folds: Sequence[Fold], at: int, labels: LabelSet) -> np.ndarray:
    """The scores of a fold, (levels, n, labels), by a calibration on the others."""
    others = [one for number, one in enumerate(folds) if number != at]
    raw = np.concatenate([one.raw.reshape(-1, one.raw.shape[2]) for one in others])
    gold = np.concatenate([np.tile(one.gold, (len(one.raw), 1)) for one in others])
    calibration = fit(raw, gold, np.ones_like(gold), labels)
    return np.stack([probabilities(level, labels, calibration) for level in folds[at].raw])


def genders(name: str) -> list[str | None]:
    """What a corpus says of the speaker of each recording, in the order of the recipe's."""
    part = find("datasets", name)
    return [one.gender for split in part.splits for one in part.recordings(Path(os.environ["AFFEKT_DATA"]) / "speech", split)]


def sex(corpus: str, speaker: str, told: str | None) -> str | None:
    number = speaker.rpartition("-")[2]
    if corpus == "ravdess":
        return "male" if int(number) % 2 else "female"  # Livingstone and Russo (2018): actors of odd number are men
    if corpus in MEN:
        return "male" if number in MEN[corpus] else "female"
    return told or None


# Faces -----------------------------------------------------------------------------------------------------------------------------


def face() -> Iterator[tuple[str, Iterator[Set]]]:
    recipe("face/face_affekt")
    yield "face_affekt", faces()


def faces() -> Iterator[Set]:
    finish, part = import_module("finish"), import_module("faces").part("valid")
    raw, card = finish.raw_by(WEIGHTS / "face_affekt", part["images"]), read_card(WEIGHTS / "face_affekt")
    brightness = part["images"].mean((1, 2))
    light = np.array(FRAMES, object)[np.digitize(brightness, np.quantile(brightness, (1 / 3, 2 / 3)))]
    agree = np.array([agreement(int(most)) for most in part["ferplus_votes"].max(1)], object)
    for name, (rows, gold) in finish.gold_of(part).items():
        labels = find("labels", name)
        scores = probabilities(raw[name][rows], labels, card.calibration[name]).astype(np.float64)
        told = [labels.labels[label] for label in gold[rows]]
        groups = {"agreement": agree[rows].tolist(), "brightness": light[rows].tolist()}
        split = "FER2013's split valid, by which nothing was chosen"
        if name == "ferplus8":
            coarse, split = find("labels", "ekman7"), f"{split}; faces on whose label over half of ten annotators agree"
            names = [labels.projections["ekman7"][label] for label in told]
            ours = project(scores.astype(np.float32), labels, coarse).astype(np.float64)
            yield Set("FER+ valid, in ekman7", split, [Row("", (one,)) for one in names], ours, coarse, groups=groups)
        data = "FER+ valid" if name == "ferplus8" else "FER2013 valid"
        yield Set(data, split, [Row("", (one,)) for one in told], scores, labels, groups=groups)


def agreement(most: int) -> str:
    """How many of FER+'s ten annotators say the same of a face."""
    return "5 or fewer of 10" if most <= 5 else "6 or 7 of 10" if most <= 7 else "8 or 9 of 10" if most <= 9 else "10 of 10"


# Fusion ----------------------------------------------------------------------------------------------------------------------------


def fused(name: str) -> dict[str, Any]:
    """What the recipe measured, in the form of the others."""
    found = import_module("fusion").gathered()[name.removeprefix("fusion_")]
    every = list(found["fused"])[-1]
    split = "speakers, texts and images that the rule was not learned from; pairs of unrelated items with the same label"
    groups = [
        {"kind": "modalities", "name": names, "n": found["moments"], **one}
        for names, one in [*found["alone"].items(), *((names, rules["log_linear"]) for names, rules in found["fused"].items())]
    ]
    row = {"data": f"pairs of {every.replace('+', ', ')}", "labels": "ekman7", "split": split, "n": found["moments"]}
    return {**row, **found["fused"][every]["log_linear"], "reliability": [], "risk_coverage": [], "groups": groups}


# Context ---------------------------------------------------------------------------------------------------------------------------


def contexts() -> Iterator[dict[str, Any]]:
    """What its recipe measured on the test splits, in the form of the others."""
    found = read_card(WEIGHTS / "text_context").facts["measured"]
    for data in ("cped test", "meld test"):
        parts = {name: {key: one[key] for key in ("n", "macro_f1", "ece")} for name, one in found[data].items()}
        groups = [{"kind": "context", "name": name, **one} for name, one in parts.items()]
        row = {"data": f"{data}, with context", "labels": "ekman7", "split": "television series that it was not fitted on"}
        yield {**row, **parts["context"], "reliability": [], "risk_coverage": [], "groups": groups}


# Files -----------------------------------------------------------------------------------------------------------------------------


def write(model: str, measured: Sequence[Mapping[str, Any]], command: str) -> None:
    card = read_card(WEIGHTS / model)
    made = {"model": f"{card.name}@{card.revision}", "command": command, "seed": SEED, "measured": rounded(measured)}
    text_ = json.dumps(made, ensure_ascii=False, separators=(",", ":")).replace('{"data"', '\n{"data"').replace('{"kind"', '\n{"kind"')
    (WEIGHTS / model / "measured.json").write_text(text_ + "\n", encoding="utf-8")
    say(f"{model}: {len(measured)} sets, {len(text_) // 1000} kB")


def rounded(value: Any) -> Any:
    """Numbers to four digits, which is more than any of them means."""
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=WHAT, default=WHAT)
    parser.add_argument("--folds", type=Path, help="folder with the fine-tuned encoders of five folds")
    given = parser.parse_args()
    if set(given.what) - {*GATHERED} and "AFFEKT_DATA" not in os.environ:
        parser.error("AFFEKT_DATA is not set; it names the folder that holds the corpora")
    makers = {"text": text, "speech": lambda: speech(given.folds), "face": face}
    for what in given.what:
        command = f"python bench/cards.py {what}{' --folds WORK' if what == 'speech' and given.folds else ''}"
        for model, sets in makers[what]() if what in makers else ():
            write(model, [one.measured() for one in sets], command)
    for model in ("fusion_log_linear", "fusion_log_linear_free") if "fusion" in given.what else ():
        write(model, [fused(model)], "python bench/cards.py fusion")
    if "context" in given.what:
        write("text_context", list(contexts()), "python bench/cards.py context")


if __name__ == "__main__":
    main()
