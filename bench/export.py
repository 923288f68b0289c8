"""What a trained text model is worth in every variant that `affekt export` writes: size, speed, quality.

    python bench/export.py MODEL_FOLDER HELD_OUT.csv [--prune 0.25] [--readme]

Needs the training extra. Writes bench/results/export.json and the table in README; with --readme the table alone, from what was
measured before. Half of the rows calibrate, half judge.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

from affekt.export.export import export
from machine import machine
from readme import write_readme

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "export.json"
FIGURES = {"macro_f1": "macro-F1", "pearson": "Pearson"}


def measured(folder: Path, data: Path, *, prune: float) -> dict[str, Any]:
    """Every variant, whatever it loses: here it is to be seen."""
    with tempfile.TemporaryDirectory() as work:
        made = export(folder, data, out=Path(work) / "out", prune=prune, trim_vocabulary=True, tolerance=math.inf, tell=print)
    print(made.table())
    return {**made.told, "data": data.name, "machine": machine(), "command": f"python bench/export.py {folder.name} {data.name}"}


def table(made: dict[str, Any]) -> str:
    """README's table."""
    figure = FIGURES[made["figure"]]
    head = ("variant", "MB", "texts a second, one at a time", "32 at a time", figure, "points lost", "ECE", "raw outputs off", "scores off")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for one in made["variants"]:
        ece = "" if one["ece"] is None else f"{one['ece']:.3f}"
        cells = [one["variant"], f"{one['megabytes']:.1f}", f"{one['alone']:.0f}", f"{one['batched']:.0f}", f"{one['figure']:.3f}"]
        cells += [f"{one['lost']:.2f}", ece, f"{one['raw']:.2g}", f"{one['probability']:.2g}"]
        lines.append(f"| {' | '.join(cells)} |")
    rows, pieces = made["rows"], made["pieces"]
    said = (
        f"{made['of']} on {made['data']}: {rows['calibrate']} rows calibrate, {rows['judge']} judge; one thread of "
        f"{made['machine']['processor']}. Trimmed: {pieces['after']:,} of {pieces['before']:,} pieces, those of these rows; "
        f"by the pieces of one half alone, {pieces['respelt']:.0%} of the texts of the other would be spelt otherwise."
    )
    return "\n".join([*lines, "", said])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--prune", type=float, default=0.25)
    parser.add_argument("--readme", action="store_true")
    given = parser.parse_args()
    if not given.readme:
        if given.data is None:
            parser.error("name a model folder and held-out data")
        RESULTS.write_text(json.dumps(measured(given.folder, given.data, prune=given.prune), indent=1) + "\n", encoding="utf-8")
    write_readme({"export": table(json.loads(RESULTS.read_text(encoding="utf-8")))})


if __name__ == "__main__":
    main()
