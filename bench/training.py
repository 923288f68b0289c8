"""Puts what the recipes of training measured into docs/training.md.

python bench/training.py
"""

import json
from pathlib import Path
from typing import Any

from readme import write_readme

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "training.md"
CORPORA = {
    "smp2020_usual": "SMP2020 usual test (zh), ekman7",
    "goemotions": "GoEmotions test (en), ekman7",
    "goemotions_sentiment3": "the same, sentiment3",
}


def result(recipe: str) -> dict[str, Any] | None:
    """What a recipe wrote, if it has been run."""
    path = ROOT / "recipes" / "text" / recipe / "result.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def families(found: dict[str, Any]) -> str:
    """Macro-F1 of each family on each corpus."""
    lines = [f"| macro-F1 [95 %] | {' | '.join(CORPORA.values())} |", "|---|---|---|---|"]
    for family in found["goemotions_sentiment3"]:
        cells = []
        for corpus in CORPORA:
            one = found[corpus].get(family)
            cells.append("–" if one is None else f"{one['macro_f1']:.3f} [{one['interval'][0]:.3f}, {one['interval'][1]:.3f}]")
        lines.append(f"| {family} | {' | '.join(cells)} |")
    return "\n".join(lines)


def meld(found: dict[str, Any]) -> str:
    """With and without the turns before."""
    lines = ["| turns before | weighted F1 [95 %] | macro-F1 | accuracy | ECE |", "|---|---|---|---|---|"]
    for name, one in found.items():
        low, high = one["intervals"]["weighted_f1"]
        numbers = " | ".join(f"{one[key]:.3f}" for key in ("macro_f1", "accuracy", "ece"))
        lines.append(f"| {name} | {one['weighted_f1']:.3f} [{low:.3f}, {high:.3f}] | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    tables = {name: write(found) for name, write in (("families", families), ("meld", meld)) if (found := result(name)) is not None}
    write_readme(tables, page=PAGE)


if __name__ == "__main__":
    main()
