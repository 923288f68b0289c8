"""Whether what is read lately differs from what was usual: the share of each label in the last readings against that in the first.

No shipped model's card holds how often each label was read in held-out data, and no such data would be like a deployment's own. So the
usual is what this deployment's own first readings were, by each model. It is kept in a file of the server's folder, so that a restart
does not take for usual what has drifted; without the file it is learned anew.
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
    """

    def __init__(self, folder: Path | None = None) -> None:
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

    def distances(self) -> Iterator[tuple[Kind, float]]:
        """Of each kind of which enough was read how far it is from the usual."""
        for kind, shares in self._copied():
            if shares.known:
                yield kind, distance(shares.counts, shares.usual)

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


def distance(some: Mapping[str, int], others: Mapping[str, int]) -> float:
    """The Jensen-Shannon distance of two distributions, in [0, 1]: the root of the divergence to base 2 (Endres and Schindelin 2003).

    >>> distance({"joy": 5}, {"joy": 9}), distance({"joy": 5}, {"anger": 1})
    (0.0, 1.0)
    """
    names = [*{*some, *others}]
    p, q = (np.array([one.get(name, 0) for name in names], float) / sum(one.values()) for one in (some, others))
    mean = (p + q) / 2
    divergence = sum(float((one[one > 0] * np.log2(one[one > 0] / mean[one > 0])).sum()) / 2 for one in (p, q))
    return round(math.sqrt(min(1.0, max(0.0, divergence))), 6)
