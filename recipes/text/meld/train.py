"""Whether turns before a turn help to read it: the shipped encoder fine-tuned on MELD's training split with and without them; measured,
never shipped.

    python train.py WORK_FOLDER [--final]

Prints figures of dev, by which rate, epochs and number of turns were chosen; with --final judges both on test, and writes result.json.
"""

import argparse
import json
import os
from pathlib import Path

from affekt.datasets import meld
from affekt.datasets._dialogues import with_turns
from affekt.evaluation.run import evaluate_rows
from affekt.labels import ekman7
from affekt.parts import Row
from affekt.training.loop import Watch
from affekt.training.recipe import recipe_of
from affekt.training.train import train_rows

HERE = Path(__file__).parent
TURNS = {"without": 0, "with": 4}
RECIPE = {
    "family": "encoder",
    "licence": "GPL-3.0 data; measured only",
    "commercial": False,
    "optimiser": {"epochs": 3, "rate": 1.5e-4, "head_rate": 1e-3, "batch": 32},
}


def rows(split: str, turns: int) -> list[Row]:
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    return with_turns(list(meld.PART.rows(data, split)), turns=turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--final", action="store_true")
    given = parser.parse_args()
    for name, turns in TURNS.items():
        out = given.work / name
        if not out.is_dir():
            recipe = recipe_of({**RECIPE, "model": {"turns": turns, "most_tokens": 56, "layers": 3}})
            watch = Watch(lambda line: print(line, flush=True))
            made = train_rows(rows("train", turns), rows("dev", turns), [], ekman7.PART, recipe=recipe, out=out, resume=True, watch=watch)
            print(name, made.measured["dev"], flush=True)
    if given.final:
        found = {name: evaluate_rows(rows("test", turns), model=str(given.work / name), labels="ekman7") for name, turns in TURNS.items()}
        kept = ("model", "n", "weighted_f1", "macro_f1", "accuracy", "ece", "intervals", "per_label")
        result = {name: {key: one[key] for key in kept if key in one} for name, one in found.items()}
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print({name: one["weighted_f1"] for name, one in found.items()})


if __name__ == "__main__":
    main()
