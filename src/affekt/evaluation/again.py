"""What is published, measured again and compared: `affekt reproduce`.

Bench/again.py measures, in a process of its own, by the functions that published; here its figures are put beside those that stand there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, Literal

from affekt.evaluation.published import Area, Figure, Row, figures

QUICK = 500  # rows of a set
SAME = 0.01  # a point: eight-bit sums are exact everywhere, but floating point between them differs from processor to processor
FLIPPED = 2  # answers that may turn out otherwise where few are judged
SURE = 1.96  # standard deviations of 95 %
LESS = {"ece", "nll", "wrong", "false"}  # what is better where there is less of it
Verdict = Literal["held", "better", "worse", "failed", "not measured", "left out of --quick", "needs training"]


@dataclass(frozen=True, slots=True)
class Line:
    """A published figure beside what was measured.

    Args:
        allowed: how much worse it may be.
        why: it was not measured, or what measures it.
    """

    area: Area
    row: str
    figure: str
    published: float | None
    measured: float | None
    allowed: float | None
    verdict: Verdict
    why: str = ""


def measure(root: Path, what: Area | Literal["readme"], *, quick: bool = False, work: Path | None = None) -> Iterator[tuple[str, Any]]:
    """What bench/again.py says of each row, as it comes: its name, and {"figures": …}, {"left_out": why}, or at last {"failed": why}.

    Args:
        work: folder that keeps what was judged.
    """
    command = [sys.executable, str(root / "bench" / "again.py"), what]
    command += ["--rows", str(QUICK)] if quick else []
    command += ["--work", str(work.absolute())] if work else []
    paths = os.pathsep.join([str(root / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": paths}
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            told = json.loads(line)
            yield told.pop("row"), told
        said = process.stderr.read().strip().splitlines()
    if process.returncode:
        yield "", {"failed": said[-1] if said else f"bench/again.py ended with {process.returncode}"}


def compare(row: Row, told: Mapping[str, Any], *, quick: bool = False) -> list[Line]:
    """The figures of a row beside those measured; with quick those that few rows can say something of.

    Args:
        told: what `measure` gives for it; empty: nothing.
    """
    if row.rebuild:
        return [Line(row.area, row.name, "", None, None, None, "needs training", row.rebuild)]
    if "figures" not in told:
        verdict: Verdict = "failed" if "failed" in told else "not measured" if told or not quick else "left out of --quick"
        return [Line(row.area, row.name, "", None, None, None, verdict, told.get("failed") or told.get("left_out") or "")]
    found = figures(told["figures"])
    made = [_compared(row, name, one, found.get(name), quick=quick) for name, one in row.figures.items()]
    return [line for line in made if line is not None]


def code_of(lines: Sequence[Line], problems: Sequence[str]) -> int:
    """The exit code: 1 where a figure is worse, or what is published contradicts itself; 3 where some were not measured; else 0."""
    verdicts = {line.verdict for line in lines}
    if problems or verdicts & {"worse", "failed"}:
        return 1
    return 3 if "not measured" in verdicts else 0


def _compared(row: Row, name: str, published: Figure, measured: Figure | None, *, quick: bool) -> Line | None:
    """None: what was measured says nothing of it."""
    if measured is None:  # of some rows a figure may not be defined
        why = "it is published, and bench/again.py does not measure it"
        return None if quick else Line(row.area, row.name, name, published.value, None, None, "failed", why)
    few = quick and 0 < measured.n < published.n
    if not few and published.n and measured.n not in (0, published.n):
        why = f"measured on {measured.n} rows, published of {published.n}: these are other data"
        return Line(row.area, row.name, name, published.value, measured.value, None, "failed", why)
    allowed = _allowed_of_few(name, published, measured.n) if few else _allowed(published, exact=row.exact)
    if allowed is None:
        return None
    gain = (published.value - measured.value) * (1 if name.rpartition(", ")[2] in LESS else -1)
    off = abs(gain) if row.exact else -gain
    verdict: Verdict = "worse" if off > allowed + 1e-9 else "better" if gain > allowed else "held"
    return Line(row.area, row.name, name, published.value, measured.value, allowed, verdict)


def _allowed(published: Figure, *, exact: bool) -> float:
    if exact:
        return 0.0
    return max(SAME, FLIPPED / published.n if published.n else 0.0)


def _allowed_of_few(name: str, published: Figure, count: int) -> float | None:
    """Half the width of an interval of 95 % on so many rows; None: nobody knows."""
    if published.interval is not None:
        low, high = published.interval
        return (high - low) / 2 * sqrt(published.n / count)
    if name == "accuracy":
        return SURE * sqrt(published.value * (1 - published.value) / count)
    return None
