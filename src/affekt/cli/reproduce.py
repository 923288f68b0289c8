"""`affekt reproduce`: every published figure of quality that what ships can answer, measured again."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from affekt.errors import InputError
from affekt.evaluation.again import QUICK, Line, code_of, compare, measure
from affekt.evaluation.published import AREAS, Area, checkout, published, stale

ABSENT = {"left_out": "AFFEKT_DATA is not set; it names the folder that holds the corpora"}


def reproduce(
    only: Annotated[list[str] | None, typer.Option(help="text, face, speech or fusion; may be repeated")] = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"at most {QUICK} rows of a set, and only figures that so few can tell")] = False,
    work: Annotated[Path | None, typer.Option(help="folder that keeps what was judged, so that a second run is short")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure what is published again; exit code 1: a figure is worse, 3: some could not be measured."""
    if unknown := sorted({*(only or ())} - {*AREAS}):
        raise InputError(f"there is no area {', '.join(unknown)}; there are: {', '.join(AREAS)}")
    root = checkout()
    lines = [line for area in AREAS if area in (only or AREAS) for line in _again(root, area, quick=quick, work=work)]
    problems = [*stale(root), *_readme(root)]
    print(_as_json(lines, problems) if as_json else "\n".join(_table(lines, problems)))
    raise typer.Exit(code_of(lines, problems))


def _again(root: Path, area: Area, *, quick: bool, work: Path | None) -> Iterator[Line]:
    told, failed = dict[str, dict[str, object]](), dict[str, object]()
    if "AFFEKT_DATA" not in os.environ:
        failed = dict(ABSENT)
    else:
        for name, one in measure(root, area, quick=quick, work=work):
            print(f"affekt: {area}: {name or 'bench/again.py failed'}", file=sys.stderr)
            if name:
                told[name] = one
            else:
                failed = one
    for row in published(root, area):
        yield from compare(row, told.get(row.name, failed), quick=quick)


def _readme(root: Path) -> Iterator[str]:
    """Which tables of README are not what the results say; what needs a library that is absent is passed over."""
    for name, told in measure(root, "readme"):
        if "failed" in told:
            yield f"the tables of README cannot be checked: {told['failed']}"
        for table in told.get("figures", {}).get("differing", ()):
            yield f"README's table {table} is not what the results say; write it with the {name.removeprefix('tables of ')} --only readme"


def _as_json(lines: Sequence[Line], problems: Sequence[str]) -> str:
    told = {"figures": [asdict(line) for line in lines], "contradictions": list(problems), "code": code_of(lines, problems)}
    return json.dumps(told, ensure_ascii=False, indent=1)


def _table(lines: Sequence[Line], problems: Sequence[str]) -> Iterator[str]:
    compared = [line for line in lines if line.published is not None]
    wide = max((len(f"{line.row}, {line.figure}") for line in compared), default=0)
    if compared:
        yield f"{'':<7} {'':<{wide}} {'published':>9} {'measured':>9} {'allowed':>8}"
    for line in compared:
        numbers = f"{line.published:9.4f} {_number(line.measured):>9} {_number(line.allowed):>8}"
        yield f"{line.area:<7} {f'{line.row}, {line.figure}':<{wide}} {numbers} {line.verdict}{f': {line.why}' if line.why else ''}"
    for line in lines:
        if line.verdict in ("failed", "not measured") and line.published is None:
            yield f"{line.verdict}: {line.area}: {line.row}{f': {line.why}' if line.why else ''}"
    rebuilt = Counter((line.area, line.why) for line in lines if line.verdict == "needs training")
    if rebuilt:
        yield "what ships cannot answer these; each recipe's README says what its command needs:"
        yield from (f"  {area:<7} {count:>3} {'row' if count == 1 else 'rows'}  {command}" for (area, command), count in rebuilt.items())
    yield from (f"contradiction: {problem}" for problem in problems)
    counted = Counter(line.verdict for line in lines)
    yield "; ".join(f"{count} {verdict}" for verdict, count in counted.items()) + f"; {len(problems)} contradictions"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
