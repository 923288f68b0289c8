"""What 200 rows of a new label set are worth: stress in posts (Dreaddit), a head or LoRA over the shipped encoder, several draws.

    python bench/few_rows.py [--only readme] [--kind head]

Each draw learns from 200 posts and is judged on 500 others. Writes bench/results/few_rows.json and README's table.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from affekt.datasets import read_rows
from affekt.evaluation.run import evaluate_rows
from affekt.parts import LabelSet, Row
from affekt.training.recipe import recipe_of
from affekt.training.train import train_rows
from machine import machine
from readme import write_readme

RESULTS = Path(__file__).parent / "results" / "few_rows.json"
LABELS = LabelSet("stress", ("stress", "no_stress"), "single", "Turcan and McKeown (2019), Dreaddit, LOUHI")
ROWS, JUDGED, DRAWS = 200, 500, 5
KINDS = {
    "head": {"family": "adapter"},
    "LoRA, rank 4": {"family": "adapter", "model": {"rank": 4}, "optimiser": {"epochs": 3, "batch": 16, "rate": 5e-4, "head_rate": 5e-4}},
}


def once(rows: list[Row], kind: str, seed: int, folder: Path) -> dict[str, float]:
    """One draw: seconds, F1 of stress and macro-F1 on rows that were not drawn."""
    order = np.random.default_rng(seed).permutation(len(rows))
    drawn, left = [rows[at] for at in order[:ROWS]], [rows[at] for at in order[ROWS : ROWS + JUDGED]]
    dev = ROWS // 5 if kind != "head" else 0  # a head is calibrated on folds of its own rows
    began = time.monotonic()
    train_rows(drawn[dev:], drawn[:dev], [], LABELS, recipe=recipe_of({**KINDS[kind], "seed": seed}), out=folder)
    took = time.monotonic() - began
    found = evaluate_rows(left, model=str(folder))
    per = found["per_label"]["stress"]
    return {"seconds": round(took, 1), "f1": per["f1"], "macro_f1": found["macro_f1"], "ece": found["ece"]}


def table(made: dict) -> str:
    lines = [
        f"| {ROWS} posts, {DRAWS} draws, on {made['machine']['processor']}, {made['machine']['cores']} cores | F1 of stress, mean (worst) "
        "| macro-F1 | ECE | seconds |",
        "|---|---|---|---|---|",
    ]
    for kind, draws in made["kinds"].items():
        mean = {key: statistics.mean(draw[key] for draw in draws) for key in draws[0]}
        worst = min(draw["f1"] for draw in draws)
        lines.append(f"| {kind} | {mean['f1']:.3f} ({worst:.3f}) | {mean['macro_f1']:.3f} | {mean['ece']:.3f} | {mean['seconds']:.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("readme",))
    parser.add_argument("--kind", choices=tuple(KINDS), help="measure this one alone; what was measured of others stays")
    given = parser.parse_args()
    if given.only is None:
        rows = list(read_rows(Path(os.environ["AFFEKT_DATA"]) / "text" / "dreaddit" / "train.jsonl.gz"))
        held = json.loads(RESULTS.read_text())["kinds"] if given.kind and RESULTS.is_file() else {}
        made: dict = {"kinds": held, "machine": machine(), "rows": len(rows), "command": "python bench/few_rows.py"}
        for kind in KINDS if given.kind is None else [given.kind]:
            with tempfile.TemporaryDirectory() as folder:
                made["kinds"][kind] = [once(rows, kind, seed, Path(folder) / str(seed)) for seed in range(DRAWS)]
            print(kind, made["kinds"][kind], flush=True)
        RESULTS.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    write_readme({"few_rows": table(json.loads(RESULTS.read_text()))})


if __name__ == "__main__":
    main()
