"""How often the shipped text model reads each label in held-out texts, into its card: a server tells drift by it.

    AFFEKT_DATA=/data python bench/label_shares.py

The texts are those of the dev splits that it was calibrated on, where these are at hand as a split; no weights saw them.
"""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from affekt import Reader
from affekt.catalog import find
from affekt.encoders._card import CARD, read_card, write_card
from affekt.encoders.text_affekt import SHIPPED

SPLITS = {
    "goemotions28": ("goemotions",),
    "ekman7": ("goemotions", "cped", "xed"),
    "plutchik8": ("xed",),
    "sentiment3": ("goemotions", "cped"),
}
MOST = 1500  # texts of a corpus, evenly over it


def texts(corpus: str) -> list[str]:
    found = [row.text for row in find("datasets", corpus).rows(Path(os.environ["AFFEKT_DATA"]) / "text", "dev")]
    return found[:: max(1, len(found) // MOST)]


def main() -> None:
    card = read_card(SHIPPED)
    shares = {}
    for labels, corpora in SPLITS.items():
        readings = Reader(labels=labels).read_texts([text for corpus in corpora for text in texts(corpus)])
        counts = Counter(reading.top[0] for reading in readings if reading.top)
        shares[labels] = {name: round(counts[name] / counts.total(), 4) for name in find("labels", labels).labels}
        print(labels, len(readings), shares[labels], flush=True)
    write_card(replace(card, facts={**card.facts, "label_shares": shares}), SHIPPED / CARD)


if __name__ == "__main__":
    main()
