"""Whether what is read lately differs from what was usual: the share of each label in the last readings against others.

The others are those of the first readings of this deployment, by each model: they are kept in a file of the server's folder, so that a
restart does not take for usual what has drifted; without the file they are learned anew. And they are those that the model's card has of
held-out data, where it has them: other people's data are not like a deployment's own, but tell whether it is where the model was judged.
"""

import json
import logging
import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from affekt import catalog
from affekt.encoders._card import CARD, read_card
from affekt.errors import WeightsError
from affekt.settings import ServerSettings

FILE = "usual_labels.json"
USUAL = 1_000  # readings of which the usual is made
LATELY = 5_000  # readings that are lately at most
FEW = 1_000  # readings that are compared at least: two draws of so many of one distribution are 0.05 apart by chance, of 28 labels 0.10
log = logging.getLogger("affekt.server")
Kind = tuple[str, str, str]  # modality, label set, model


@dataclass(slots=True)
class Shares:
    """How often labels were read."""

    usual: Counter[str] = field(default_factory=Counter)
    lately: deque[str] = field(default_factory=lambda: deque(maxlen=LATELY))
    counts: Counter[str] = field(default_factory=Counter)  # of `lately`

    def add(self, label: str) -> bool:
        """Counts a label; True where the usual is known by now and was not before."""
        if len(self.lately) == LATELY:
            self.counts[self.lately[0]] -= 1
        self.lately.append(label)
        self.counts[label] += 1
        if self.usual.total() < USUAL:
            self.usual[label] += 1
            return self.usual.total() == USUAL
        return False

    @property
    def known(self) -> bool:
        """Whether there is enough to compare."""
        return self.usual.total() >= USUAL and len(self.lately) >= FEW


class Drift:
    """Counts labels, in any thread.

    Args:
        folder: where the usual is kept; None: nowhere.
        expected: the shares that cards have, by label set and model.
    """

    def __init__(self, folder: Path | None = None, *, expected: Mapping[tuple[str, str], Mapping[str, float]] | None = None) -> None:
        self.expected = expected or {}
        self.path = None if folder is None else folder / FILE
        self._kinds: dict[Kind, Shares] = {kind: Shares(usual=usual) for kind, usual in self._kept()}
        self._lock = Lock()

    def add(self, kind: Kind, label: str) -> None:
        """Counts the label of a reading."""
        with self._lock:
            if kind not in self._kinds:
                self._kinds[kind] = Shares()
            if self._kinds[kind].add(label):
                self._keep()

    def shares(self) -> Iterator[tuple[Kind, str, float]]:
        """Of each kind and label its share lately."""
        for kind, shares in self._copied():
            whole = shares.counts.total()
            yield from ((kind, label, count / whole) for label, count in shares.counts.items() if whole)

    def distances(self) -> Iterator[tuple[Kind, str, float]]:
        """Of each kind of which enough was read how far it is from the first readings, and from the card."""
        for kind, shares in self._copied():
            if shares.known:
                yield kind, "first", distance(shares.counts, shares.usual)
            if len(shares.lately) >= FEW and kind[1:] in self.expected:
                yield kind, "card", distance(shares.counts, self.expected[kind[1:]])

    def _copied(self) -> list[tuple[Kind, Shares]]:
        with self._lock:
            return [(kind, Shares(Counter(one.usual), one.lately.copy(), Counter(one.counts))) for kind, one in self._kinds.items()]

    def _kept(self) -> Iterator[tuple[Kind, Counter[str]]]:
        if self.path is None or not self.path.is_file():
            return
        try:
            for one in json.loads(self.path.read_text(encoding="utf-8")):
                yield (one["modality"], one["labels"], one["model"]), Counter({str(name): int(n) for name, n in one["counts"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s cannot be used (%s); what is usual is learned anew", self.path, type(error).__name__)

    def _keep(self) -> None:
        if self.path is None:
            return
        known = [
            {"modality": kind[0], "labels": kind[1], "model": kind[2], "counts": dict(one.usual)}
            for kind, one in self._kinds.items()
            if one.usual.total() >= USUAL
        ]
        part = self.path.with_suffix(".part")
        try:
            part.write_text(json.dumps(known, indent=1), encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self.path, error.strerror)


def expected_by_cards(settings: ServerSettings) -> dict[tuple[str, str], Mapping[str, float]]:
    """Label set and model -> the share of each label among what it read of held-out data, as the cards of a server's models have it."""
    found: dict[tuple[str, str], Mapping[str, float]] = {}
    for name in (settings.text_model, settings.speech_model, settings.face_model):
        folder = catalog.find("encoders", name).shipped if name in catalog.names("encoders") else Path(name)
        if folder is None or not (folder / CARD).is_file():
            continue
        try:
            card = read_card(folder)
        except WeightsError:  # which is told when the model is opened
            continue
        found |= {(labels, f"{card.name}@{card.revision}"): shares for labels, shares in card.facts.get("label_shares", {}).items()}
    return found


def distance(some: Mapping[str, float], others: Mapping[str, float]) -> float:
    """The Jensen-Shannon distance of two distributions, in [0, 1]: the root of the divergence to base 2 (Endres and Schindelin 2003).

    >>> distance({"joy": 5}, {"joy": 9}), distance({"joy": 5}, {"anger": 1})
    (0.0, 1.0)
    """
    names = [*{*some, *others}]
    p, q = (np.array([one.get(name, 0) for name in names], float) / sum(one.values()) for one in (some, others))
    mean = (p + q) / 2
    divergence = sum(float((one[one > 0] * np.log2(one[one > 0] / mean[one > 0])).sum()) / 2 for one in (p, q))
    return round(math.sqrt(min(1.0, max(0.0, divergence))), 6)
