"""One table of model families on the same real data: encoder, decoder, LSTM, CNN, lexicon and TF-IDF, in Chinese and in English.

    python run.py WORK_FOLDER [--only CORPUS FAMILY] [--final]

Trains what WORK_FOLDER does not hold yet, by the files CORPUS.toml and FAMILY.toml here, each chosen on dev rows; with --final judges
all on the test splits, once, and writes result.json.
"""

import argparse
import json
import os
import tomllib
from dataclasses import replace
from pathlib import Path

from affekt.catalog import find
from affekt.evaluation.rows import map_rows
from affekt.evaluation.run import evaluate_rows
from affekt.labels import ekman7
from affekt.parts import Row
from affekt.training.loop import Watch
from affekt.training.recipe import recipe_of
from affekt.training.train import train_rows

HERE = Path(__file__).parent
LABELS = ekman7.PART
CORPORA = {"smp2020_usual": "SMP2020 usual (zh)", "goemotions": "GoEmotions-Ekman (en)"}
FAMILIES = ("encoder", "decoder", "lstm", "cnn", "tfidf")
LICENCES = {"smp2020_usual": "none stated; measured only", "goemotions": "CC BY 4.0"}


def rows(corpus: str) -> dict[str, list[Row]]:
    """The splits in ekman7; of the training split what stands in another is left out."""
    part, data = find("datasets", corpus), Path(os.environ["AFFEKT_DATA"]) / "text"
    found = {split: _single(corpus, list(part.rows(data, split))) for split in ("train", "dev", "test")}
    held_out = {row.text for split in ("dev", "test") for row in found[split]}
    return {**found, "train": [row for row in found["train"] if row.text not in held_out]}


def _single(corpus: str, given: list[Row]) -> list[Row]:
    """Rows with exactly one of ekman7's labels."""
    if corpus != "goemotions":
        return map_rows(given, LABELS, label_map=find("datasets", corpus).label_maps["ekman7"])[0]
    onto = find("labels", "goemotions28").projections["ekman7"]
    coarse = [(row, {onto.get(name, "neutral") for name in row.labels or ("neutral",)}) for row in given]
    return [replace(row, labels=tuple(names), votes=None) for row, names in coarse if len(names) == 1]


def train(work: Path, corpus: str, family: str) -> None:
    """Trains one, if it is not there."""
    out = work / f"{corpus}-{family}"
    if out.is_dir():
        return
    held = tomllib.loads((HERE / f"{family}.toml").read_text())
    own = {name: held.pop(name, {}) for name in CORPORA}[corpus]
    held |= {name: {**held.get(name, {}), **section} for name, section in own.items()}
    recipe = recipe_of({"family": family, "licence": LICENCES[corpus], "commercial": False, **held})
    found = rows(corpus)
    made = train_rows(
        found["train"],
        found["dev"],
        [],
        LABELS,
        recipe=recipe,
        out=out,
        resume=True,
        watch=Watch(lambda line: print(line, flush=True), _step),
    )
    print(corpus, family, made.measured["dev"], flush=True)


def _step(done: int, total: int, loss: float) -> None:
    if done % 100 == 0:
        print(f"step {done}/{total}, loss {loss:.4f}", flush=True)


def judge(work: Path) -> dict[str, dict[str, object]]:
    """Every model on the test split of its corpus, and on its sentiment, which is all that the lexicon speaks; that is an English one."""
    table: dict[str, dict[str, object]] = {}
    for corpus in CORPORA:
        test = rows(corpus)["test"]
        for family in FAMILIES:
            table.setdefault(corpus, {})[family] = _figures(test, str(work / f"{corpus}-{family}"), "ekman7")
    onto = LABELS.projections["sentiment3"]
    test = [replace(row, labels=(onto[row.labels[0]],)) for row in rows("goemotions")["test"] if row.labels]
    models = {family: str(work / f"goemotions-{family}") for family in FAMILIES} | {"lexicon": "text_lexicon"}
    table["goemotions_sentiment3"] = {family: _figures(test, model, "sentiment3") for family, model in models.items()}
    return table


def _figures(test: list[Row], model: str, labels: str) -> dict[str, object]:
    found = evaluate_rows(test, model=model, labels=labels)
    print(model, labels, found["macro_f1"], flush=True)
    return {key: found[key] for key in ("model", "n", "macro_f1", "accuracy", "ece", "interval")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs=2, metavar=("CORPUS", "FAMILY"))
    parser.add_argument("--final", action="store_true")
    given = parser.parse_args()
    for corpus in CORPORA:
        for family in FAMILIES:
            if given.only is None or given.only == [corpus, family]:
                train(given.work, corpus, family)
    if given.final:
        (HERE / "result.json").write_text(json.dumps(judge(given.work), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
