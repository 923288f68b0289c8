"""An evaluation as one page that needs nothing else: no script, no font, no picture from anywhere, and none of the data's texts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from affekt.evaluation import report_figures as figures
from affekt.evaluation import report_tables as tables
from affekt.evaluation.bootstrap import RESAMPLES
from affekt.evaluation.report_style import style
from affekt.evaluation.report_words import NAMES, asked_of, called, count, decimal, name, safe, spread
from affekt.evaluation.tally import DIMENSIONAL, MAIN
from affekt.formats._cells import flat

POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # the browser itself refuses whatever would come from elsewhere
DECISIONS = {"argmax": "the likeliest label", "thresholds": "every label from its threshold on"}
FACTS = {  # what a report begins with -> what it is called
    "model": "Model",
    "labels": "Label set",
    "judged_as": "Judged as",
    "protocol": "Protocol",
    "folds": "Folds",
    "dropped": "Rows left out",
    "broken": "Broken rows",
    "too_long": "Longer than the model takes",
}


def page(numbers: Mapping[str, Any]) -> str:
    """The whole page, from what `affekt.evaluation.result.Evaluation` holds."""
    about = numbers.get("about", {})
    title = f"{numbers['model']} on {about['data']}" if "data" in about else str(numbers["model"])
    cards = "".join(_cards(numbers))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{safe(title)}</title>\n<style>{style()}</style>\n</head>\n<body>\n<main>\n"
        f"<header><p class=brand>Affekt evaluation</p><h1>{name(numbers['model'])}</h1>{_lede(numbers)}</header>\n"
        f'<section class=tiles aria-label="Main numbers">{"".join(_tiles(numbers))}</section>\n'
        f"<div class=grid>{cards}</div>\n</main>\n</body>\n</html>\n"
    )


def _lede(numbers: Mapping[str, Any]) -> str:
    data = numbers.get("about", {}).get("data")
    where = f" of <b>{name(data)}</b>" if data else ""
    how = f" An answer is {DECISIONS[numbers['decision']]}." if "decision" in numbers else ""
    compared = f" Compared with <b>{name(numbers['comparison']['second'])}</b>." if "comparison" in numbers else ""
    return f"<p class=lede><b>{count(numbers['n'])}</b> rows{where}, judged on <b>{name(numbers['judged_as'])}</b>.{how}{compared}</p>"


def _tiles(numbers: Mapping[str, Any]) -> Iterator[str]:
    if "pearson" in numbers:
        for number in DIMENSIONAL:
            known = [value for value in numbers[number].values() if value is not None]
            yield _tile(number, sum(known) / len(known) if known else None, numbers["intervals"][number])
        return
    for number in MAIN:
        yield _tile(number, numbers[number], numbers["intervals"][number], chance=numbers["ece_by_chance"] if number == "ece" else None)


def _tile(number: str, value: float | None, ends: Sequence[float | None] | None, *, chance: float | None = None) -> str:
    top = (
        1.0
        if number != "ece"
        else next(top for top in (0.1, 0.25, 0.5, 1.0) if top >= max(value or 0.0, (ends and ends[1]) or 0.0) or top == 1.0)
    )
    sure = f"<p class=range>95 %: {spread(ends)}</p>" if ends else ""
    more = f"; up to {decimal(chance)} is chance" if chance is not None else ""
    return (
        f"<div class='card tile'><h3>{safe(called(number))}</h3><p class=value>{decimal(value)}</p>{sure}"
        f"{figures.scale(value, ends or (None, None), top=top)}<p class=what>{safe(NAMES[number][1])}{more}</p></div>"
    )


def _cards(numbers: Mapping[str, Any]) -> Iterator[str]:
    if "comparison" in numbers:
        yield _card("Compared with another model", _compared(numbers["comparison"]), wide=True)
    if "pearson" in numbers:
        yield _card("Dimensions", tables.dimensions(numbers["pearson"], numbers["ccc"]), wide=True)
    else:
        yield from _answers(numbers)
        yield _card("Can its confidence be believed?", _reliability(numbers))
        yield _card("What is gained by answering less", _risk(numbers["risk_coverage"], numbers["decision"]))
    if len(numbers.get("heard", ())) > 1:
        yield _card("As the voice becomes known", tables.heard(numbers["heard"]), wide=True)
    yield from _groups(numbers)
    if numbers["gaps"]:
        yield _card("Gaps between groups", _gaps(numbers["gaps"]), wide=True)
    yield _card("What was judged", _facts(numbers), wide=True)


def _answers(numbers: Mapping[str, Any]) -> Iterator[str]:
    found = numbers["confusion"]
    wide = len(found["names"]) > tables.CROWDED
    told = "A row is what is true, a column what was said; the stronger its colour, the larger its share of the row."
    told = told if "matrix" in found else "How often each label was said and meant; labels do not exclude one another."
    yield _card("Answers beside the truth", tables.confusion(found), note=told, wide=wide)
    yield _card("Label by label", tables.per_label(numbers["per_label"], numbers["judged_as"]), wide=wide)


def _reliability(numbers: Mapping[str, Any]) -> str:
    figure = f"<figure>{figures.reliability(numbers['reliability'])}</figure>"
    told = (
        "Below the dashed line the model claims more than is true, above it less. A dot is a bin of confidence, "
        "the larger the more rows it has, with its 95 % interval."
    )
    return f"<p class=note>{told}</p>{figure}"


def _risk(curve: Mapping[str, Any], decision: str) -> str:
    error = "share of wrong answers" if decision == "argmax" else "1 − F1 of a row’s labels"
    told = f"Error ({error}) among the rows that the model is surest of. Area under the curve: {decimal(curve['aurc'])}."
    return f"<p class=note>{told}</p><figure>{figures.risk_coverage(curve)}</figure>"


def _groups(numbers: Mapping[str, Any]) -> Iterator[str]:
    if "pearson" in numbers:
        return
    found = {"language": numbers["by_lang"], **numbers.get("by_group", {})}
    shown = [(grouping, values) for grouping, values in found.items() if len(values) > 1]
    for at, (grouping, values) in enumerate(shown, 1):
        alone = at == len(shown) and at % 2 == 1  # nothing would stand beside it
        yield _card(f"By {flat(grouping)}", tables.groups(values, caption=grouping), wide=alone)


def _gaps(found: Mapping[str, Any]) -> str:
    told = (
        "The largest minus the smallest number among groups of 30 rows or more. The interval is that of the difference between these two; "
        "chance alone is what 95 % of gaps stay below where rows are dealt out to such groups at random."
    )
    return f"<p class=note>{told}</p>{tables.gaps(found)}"


def _compared(found: Mapping[str, Any]) -> str:
    drawn = "row by row" if found["units"] == "row" else f"by {safe(found['units'])}, of which there are {count(found['drawn'])}"
    test = found["mcnemar"]
    exact = ""
    if test:
        exact = (
            f" Only the first is right on {count(test['only_first'])} rows, only the second on {count(test['only_second'])}: "
            f"McNemar’s exact test has p = {test['p']:.2g}, if rows are independent."
        )
    told = (
        f"First: {name(found['first'])}. Second: {name(found['second'])}. Both on the same rows, which were resampled {drawn}. "
        f"“Not better in” is the share of resamples in which the second is not better.{exact}"
    )
    return f"<p class=note>{told}</p>{tables.comparison(found['numbers'])}"


def _facts(numbers: Mapping[str, Any]) -> str:
    about = numbers.get("about", {})
    facts = [("Data", name(about["data"]))] if "data" in about else []
    facts += [(word, name(numbers[key])) for key, word in FACTS.items() if numbers.get(key) is not None]
    facts += [(f"{called(key)}", decimal(numbers[key])) for key in ("micro_f1",) if key in numbers]
    facts += [("Brier score", decimal(numbers["brier"]))] if "brier" in numbers else []
    facts += [("Asked of its endpoint", safe(asked_of(numbers["asked"])))] if "asked" in numbers else []
    facts += [(word, safe(about[key].replace("T", " "))) for key, word in (("date", "Date"), ("affekt", "Affekt")) if key in about]
    facts += [("Command", f"<code>{safe(about['command'])}</code>")] if "command" in about else []
    listed = "".join(f"<dt>{safe(word)}</dt><dd>{value}</dd>" for word, value in facts)
    told = (
        f"Intervals hold 95 % of {RESAMPLES:,} resamples of the rows (bootstrap); those of ECE are reflected, for noise makes it larger. "
        "They tell what other rows of the same kind would show, not what rows of another kind would."
    )
    return f"<dl>{listed}</dl><p class=note style='margin-top:14px'>{told}</p>"


def _card(title: str, body: str, *, note: str = "", wide: bool = False) -> str:
    told = f"<p class=note>{note}</p>" if note else ""
    return f"<section class='card{' wide' if wide else ''}'><h2>{safe(title)}</h2>{told}{body}</section>\n"
