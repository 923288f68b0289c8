"""Fits the baseline "word vectors and an LSTM" to one corpus, calibrates it on held-out rows and writes its folder.

    AFFEKT_DATA=DATA python train.py CORPUS LABELS OUT_FOLDER

DATA/text holds the corpora; CORPUS is a key of datasets/, LABELS of labels/: `goemotions goemotions28`,
`brighter ekman6`, `xed plutchik8`, `smp2020_usual ekman7`.
"""

import json
import os
import sys
import tomllib
from pathlib import Path

from affekt.catalog import find
from affekt.training.text_baseline import held_out_split, split_rows, write_calibrated_card
from affekt.training.text_lstm import Settings, fit, save

HERE = Path(__file__).parent


def main() -> None:
    if len(sys.argv) != 4 or "AFFEKT_DATA" not in os.environ:
        sys.exit(__doc__)
    part, labels, out = find("datasets", sys.argv[1]), find("labels", sys.argv[2]), Path(sys.argv[3])
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    given = tomllib.loads((HERE / "config.toml").read_text())["model"]
    rows = split_rows(part, "train", labels, data=data)
    held_out = split_rows(part, held_out_split(part), labels, data=data)
    weights = save(fit(rows, labels, settings=Settings(**given), report=lambda line: print(line, flush=True)), out)
    worth = write_calibrated_card(out, weights, part, labels, held_out, family="text_lstm", facts={"settings": given, "rows": len(rows)})
    print(json.dumps({key: worth[key] for key in ("n", "decision", "macro_f1", "accuracy", "ece", "pearson") if key in worth}))


if __name__ == "__main__":
    main()
