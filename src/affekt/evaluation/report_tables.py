"""The tables of a report: labels, answers beside the truth, languages and groups, gaps, and the comparison of two models."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from affekt.evaluation.groups import ENOUGH
from affekt.evaluation.report_figures import difference
from affekt.evaluation.report_style import STEPS
from affekt.evaluation.report_words import called, count, decimal, name, safe, spread
from affekt.evaluation.tally import LOWER_IS_BETTER
from affekt.formats._palette import colours

MANY = 12  # groups of a grouping that are shown
CROWDED = 12  # labels from which the heat map is set smaller
CELLS = {"tp": "rightly said", "fp": "wrongly said", "fn": "missed", "tn": "rightly not said"}


def per_label(labels: Mapping[str, Mapping[str, Any]], label_set: str) -> str:
    """F1, precision, recall and support of each label."""
    fills = colours(list(labels), label_set)
    rows = [
        f"<tr><th scope=row>{_chip(fills.get(label))}{name(label)}</th><td>{_bar(one['f1'])}{decimal(one['f1'])}</td>"
        f"<td>{decimal(one['precision'])}</td><td>{decimal(one['recall'])}</td><td>{count(one['support'])}</td></tr>"
        for label, one in labels.items()
    ]
    return _table(("Label", "F1", "Precision", "Recall", "Rows"), rows, caption="by label")


def confusion(found: Mapping[str, Any]) -> str:
    """What was said for what: a heat map of counts, a row a true label; or of labels that do not exclude one another four counts each."""
    if "per_label" in found:
        rows = [
            f"<tr><th scope=row>{name(label)}</th>{''.join(f'<td>{count(one[cell])}</td>' for cell in CELLS)}</tr>"
            for label, one in found["per_label"].items()
        ]
        return _table(("Label", *CELLS.values()), rows, caption="answers by label")
    matrix = found["matrix"]
    used = [at for at, row in enumerate(matrix) if any(row) or any(other[at] for other in matrix)]
    heads = "".join(f"<th scope=col><span>{name(found['names'][at])}</span></th>" for at in used)
    rows = [_heat_row(found["names"][at], matrix[at], used, at) for at in used]
    size = " many" if len(used) > CROWDED else ""
    head = f"<tr><th class=corner scope=col>truth ↓<br>answer →</th>{heads}<th scope=col class=all>all</th></tr>"
    return _scroll(f'<table class="heat{size}"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>', "confusion matrix")


def _heat_row(label: str, row: Sequence[int], used: Sequence[int], own: int) -> str:
    total = sum(row)
    cells = "".join(
        f'<td class="h{round(STEPS * row[at] / total) if total else 0}{" hit" if at == own else ""}">{count(row[at])}</td>' for at in used
    )
    return f"<tr><th scope=row>{name(label)}</th>{cells}<td class=all>{count(total)}</td></tr>"


def groups(found: Mapping[str, Mapping[str, Any]], *, caption: str) -> str:
    """The numbers of each group, the largest first."""
    largest = sorted(found.items(), key=lambda item: -item[1]["n"])
    shown = [key for key in ("macro_f1", "accuracy", "ua", "ece") if key in largest[0][1]]
    rows = []
    for group, one in largest[:MANY]:
        first, *others = [one[key] for key in shown]
        cells = f"<td>{count(one['n'])}</td><td>{_bar(first)}{decimal(first)}</td>" + "".join(
            f"<td>{decimal(value)}</td>" for value in others
        )
        rows.append(f"<tr{'' if one['n'] >= ENOUGH else ' class=few'}><th scope=row>{name(group)}</th>{cells}</tr>")
    table = _table((caption, "Rows", *map(called, shown)), rows, caption=f"by {caption}")
    more = f"The {MANY} largest of {count(len(largest))} groups. " if len(largest) > MANY else ""
    few = f"Grey: fewer than {ENOUGH} rows, which say little." if any(one["n"] < ENOUGH for _, one in largest[:MANY]) else ""
    return table + (f"<p class=note>{more}{few}</p>" if more or few else "")


def dimensions(pearson: Mapping[str, Any], ccc: Mapping[str, Any]) -> str:
    """The two correlations of each dimension."""
    rows = [
        f"<tr><th scope=row>{name(key)}</th>{''.join(f'<td>{_bar(one[key])}{decimal(one[key])}</td>' for one in (pearson, ccc))}</tr>"
        for key in pearson
    ]
    return _table(("Dimension", called("pearson"), called("ccc")), rows, caption="by dimension")


def heard(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The numbers by how many utterances of a voice were heard before."""
    keys = ("heard_mean", "ua", "accuracy", "macro_f1", "ece")
    rows = [
        f"<tr><th scope=row>{safe(level)}</th>{''.join(f'<td>{decimal(one[key])}</td>' for key in keys)}</tr>"
        for level, one in found.items()
    ]
    return _table(("Asked for", "Really heard", *map(called, keys[1:])), rows, caption="by utterances heard before")


def gaps(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The largest minus the smallest of each number among groups."""
    bodies = []
    for grouping, one in found.items():
        reach = _reach(gap["interval"] for gap in one["numbers"].values())
        rows = [_gap(number, gap, reach) for number, gap in one["numbers"].items()]
        left = f", {one['left_out']} too small" if one["left_out"] else ""
        title = f"<b>by {name('language' if grouping == 'lang' else grouping)}</b> <span class=same>({one['groups']} groups{left})</span>"
        bodies.append(f"<tbody><tr><th scope=rowgroup colspan=7 class=left>{title}</th></tr>{''.join(rows)}</tbody>")
    heads = ("Number", "Gap", "95 % interval", "", "Chance alone, up to", "<Highest, lowest", "")
    return _scroll(f"<table>{_head(heads)}{''.join(bodies)}</table>", "gaps between groups")


def _gap(number: str, gap: Mapping[str, Any], reach: float) -> str:
    low = gap["interval"][0]
    sure = low is not None and low > 0 and gap["gap"] > gap["by_chance"]
    word = "<span class=bad>● more than chance</span>" if sure else "<span class=same>○ may be chance</span>"
    return (
        f"<tr><th scope=row>{safe(called(number))}</th><td><b>{decimal(gap['gap'])}</b></td><td>{spread(gap['interval'])}</td>"
        f"<td class=plot>{difference(gap['gap'], gap['interval'], reach=reach)}</td><td>{decimal(gap['by_chance'])}</td>"
        f"<td class=left>{name(gap['highest'])}, {name(gap['lowest'])}</td><td class=left>{word}</td></tr>"
    )


def comparison(numbers: Mapping[str, Mapping[str, Any]]) -> str:
    """Each number of two models, and how sure it is that they differ; to the right of the middle the second is better."""
    reach = _reach(one["interval"] for one in numbers.values())
    rows = []
    for number, one in numbers.items():
        value, ends = one["difference"], one["interval"]
        better, turned = verdict(number, one), number in LOWER_IS_BETTER and None not in (value, *ends)
        plot = difference(-value, [-ends[1], -ends[0]], reach=reach) if turned else difference(value, ends, reach=reach)
        rows.append(
            f"<tr><th scope=row>{safe(called(number))}</th><td>{decimal(one['first'])}</td><td>{decimal(one['second'])}</td>"
            f"<td><b>{decimal(value, signed=True)}</b></td><td>{spread(ends, signed=True)}</td><td class=plot>{plot}</td>"
            f"<td>{decimal(one['not_better'])}</td><td class=left>{WORDS[better]}</td></tr>"
        )
    heads = ("Number", "First", "Second", "Difference", "95 % interval", "← first better · second better →", "Not better in", "")
    return _table(heads, rows, caption="comparison of two models")


WORDS = {
    1: "<span class=good>▲ second better</span>",
    -1: "<span class=bad>▼ second worse</span>",
    0: "<span class=same>○ no clear difference</span>",
}


def verdict(number: str, one: Mapping[str, Any]) -> int:
    """1 where the second model is surely better, -1 where it is worse, 0 where the interval holds 0."""
    low, high = one["interval"]
    if low is None or low <= 0 <= high:
        return 0
    return 1 if (low > 0) != (number in LOWER_IS_BETTER) else -1


def _reach(intervals: Iterable[Sequence[float | None]]) -> float:
    return max((abs(end) for ends in intervals for end in ends if end is not None), default=0.0) or 1.0


def _table(heads: Sequence[str], rows: Iterable[str], *, caption: str) -> str:
    return _scroll(f"<table>{_head(heads)}<tbody>{''.join(rows)}</tbody></table>", caption)


def _head(heads: Sequence[str]) -> str:
    """The heading; one that begins with "<" stands at the left of its column."""
    cells = (
        f"<th scope=col{' class=left' * head.startswith('<')}>{safe(head.removeprefix('<'))}</th>" if head else "<td></td>"
        for head in heads
    )
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _scroll(table: str, what: str) -> str:
    """A table that scrolls by itself where the page is narrow, by keyboard as well."""
    return f'<div class=scroll role=region tabindex=0 aria-label="Table: {safe(what)}">{table}</div>'


def _bar(value: float | None) -> str:
    return f'<span class=bar style="--share:{100 * min(max(value or 0.0, 0.0), 1.0):.1f}%"></span>'


def _chip(fill: str | None) -> str:
    return f'<span class=chip style="background:{fill}"></span>' if fill else "<span class=chip></span>"
