"""What each preprocessing step is worth: the text model read with every step, and with each left out in turn.

    AFFEKT_DATA=/data python bench/preprocessing.py

Development splits only. Writes bench/results/preprocessing.json and the table in docs/text.md.
"""

import json
import sys
from pathlib import Path
from typing import Any

from affekt import Reader
from affekt.catalog import find
from affekt.encoders import text_affekt
from affekt.evaluation.evaluate import evaluate
from affekt.evaluation.rows import choose_set
from affekt.parts import Row
from affekt.preprocessing.text import STEPS, normalise
from affekt.results import Clip
from text import rows

ROOT = Path(__file__).parents[1]
SETS = {
    "GoEmotions dev": ("goemotions", "dev", "goemotions28"),
    "BRIGHTER tune": ("brighter", "tune", "ekman6"),
    "SMP2020 usual dev": ("smp2020_usual", "dev", "ekman7"),
    "CPED dev": ("cped", "dev", "ekman7"),
}


def macro_f1(reader: Reader, data: list[Row], texts: list[str]) -> float:
    labels = choose_set(data, reader.labels)
    scores, _ = reader.scores([Clip("text", text, 0, len(text)) for text in texts])
    thresholds = reader.encoder.card.calibration[labels.name].thresholds or None
    return float(evaluate(data, scores, labels, thresholds=thresholds)["macro_f1"])


def traditional(text: str) -> str:
    """The text in Traditional characters; OpenCC's tables."""
    from opencc import OpenCC

    return str(OpenCC("s2t").convert(text))


def main() -> None:
    made: dict[str, Any] = {"steps": {}, "changed": {}}
    for name, (corpus, split, labels) in SETS.items():
        data, reader = rows(corpus, split, labels), Reader(labels=labels)
        texts = [row.text for row in data]
        whole = macro_f1(reader, data, texts)
        made["steps"].setdefault("all", {})[name] = whole
        for step in STEPS:
            text_affekt.normalise = lambda text, *, known, without=step: normalise(
                text, steps=[s for s in STEPS if s != without], known=known
            )
            made["steps"].setdefault(step, {})[name] = macro_f1(reader, data, texts)
            without, known = [s for s in STEPS if s != step], reader.encoder.known.__contains__
            made["changed"].setdefault(step, {})[name] = sum(
                normalise(t, known=known) != normalise(t, steps=without, known=known) for t in texts
            )
        text_affekt.normalise = normalise
        if find("datasets", corpus).languages == ("zh",):
            made["steps"].setdefault("in Traditional Chinese", {})[name] = macro_f1(reader, data, [traditional(text) for text in texts])
        print(name, {step: round(100 * (one[name] - whole), 2) for step, one in made["steps"].items() if name in one}, file=sys.stderr)
    made["model"] = f"text_affekt@{Reader().encoder.card.revision}"
    (ROOT / "bench" / "results" / "preprocessing.json").write_text(json.dumps(made, indent=1) + "\n")
    lines = [f"| left out | {' | '.join(SETS)} |", f"|---|{'---|' * len(SETS)}"]
    for step, one in made["steps"].items():
        cells = [
            f"{100 * (one[name] - (made['steps']['all'][name] if step != 'all' else 0)):{'+' if step != 'all' else ''}.2f}"
            if name in one
            else ""
            for name in SETS
        ]
        lines.append(f"| {'nothing' if step == 'all' else step} | {' | '.join(cells)} |")
    page = ROOT / "docs" / "text.md"
    head, _, rest = page.read_text(encoding="utf-8").partition("<!-- bench:preprocessing -->")
    tail = rest.partition("<!-- /bench:preprocessing -->")[2]
    page.write_text(f"{head}<!-- bench:preprocessing -->\n" + "\n".join(lines) + f"\n<!-- /bench:preprocessing -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
