"""An evaluation in plain text, for a terminal."""

from collections.abc import Mapping
from typing import Any

from affekt.evaluation.report_words import asked_of
from affekt.formats._cells import fit, flat

NAMES = (
    *("model", "labels", "judged_as", "protocol", "folds", "decision", "n", "dropped", "broken", "too_long"),
    *("accuracy", "macro_f1", "micro_f1", "weighted_f1", "ua", "ece", "brier"),
)
MANY = 20  # groups of a grouping that are listed


def table(numbers: Mapping[str, Any]) -> str:
    """The main numbers, with their 95 % intervals, by label, language and group, and the comparison."""
    sure = numbers.get("intervals", {})
    lines = [f"{name:<12}{shown(numbers[name])}{_interval(sure.get(name))}" for name in NAMES if numbers.get(name) is not None]
    for name in ("pearson", "ccc"):
        lines += [f"{name:<12}" + _pairs(numbers[name])] if name in numbers else []
    if "pearson" in numbers:
        lines.append(f"{'mean pearson':<12}{_interval(numbers['interval'])}")
    for name, one in numbers.get("per_label", {}).items():
        line = f"f1 {shown(one['f1'])}  precision {shown(one['precision'])}  recall {shown(one['recall'])}  n {one['support']}"
        lines.append(f"  {fit(flat(name), 18)}{line}")
    parts = (_languages(numbers), _groups(numbers), _gaps(numbers), _comparison(numbers.get("comparison")), _asked(numbers))
    return "\n".join([*lines, *(line for part in parts for line in part)])


def shown(value: Any) -> str:
    """A number with three digits, anything else as it is; "-" for None."""
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else flat(str(value))


def _languages(numbers: Mapping[str, Any]) -> list[str]:
    by_lang = numbers["by_lang"]
    return [f"  {fit(flat(lang), 18)}{_pairs(one)}" for lang, one in by_lang.items()] if len(by_lang) > 1 else []


def _groups(numbers: Mapping[str, Any]) -> list[str]:
    lines = []
    for group, values in numbers.get("by_group", {}).items():
        if len(values) > 1:
            largest = sorted(values.items(), key=lambda item: -item[1]["n"])[:MANY]
            lines += [f"{fit(flat(group), 11)} {fit(flat(value), 17)} {_pairs(one)}" for value, one in largest]
            lines += [f"{'':<12}and {len(values) - MANY} smaller groups; --json has them"] if len(values) > MANY else []
    heard = numbers.get("heard", {})
    return [*lines, *(f"{'heard':<12}{level:<18}{_pairs(one)}" for level, one in heard.items() if len(heard) > 1)]


def _gaps(numbers: Mapping[str, Any]) -> list[str]:
    lines = []
    for group, one in numbers.get("gaps", {}).items():
        for name, gap in one["numbers"].items():
            ends = f"{_interval(gap['interval'])}, by chance up to {shown(gap['by_chance'])}"
            lines.append(f"gap of {name} by {flat(group)}: {shown(gap['gap'])}{ends}, {flat(gap['highest'])} above {flat(gap['lowest'])}")
    return lines


def _comparison(compared: Mapping[str, Any] | None) -> list[str]:
    if compared is None:
        return []
    lines = [f"{flat(compared['second'])} minus {flat(compared['first'])}, {compared['drawn']} {compared['units']}s resampled"]
    for name, one in compared["numbers"].items():
        pair = f"{shown(one['first'])} -> {shown(one['second'])}"
        signed = "-" if one["difference"] is None else f"{one['difference']:+.3f}"
        lines.append(f"  {name:<12}{pair}  {signed}{_interval(one['interval'])}  not better in {shown(one['not_better'])} of resamples")
    test = compared["mcnemar"]
    if test:
        lines.append(f"  only one right: {test['only_first']} and {test['only_second']} rows; McNemar's exact p {test['p']:.2g}")
    return lines


def _asked(numbers: Mapping[str, Any]) -> list[str]:
    """What was asked of endpoints, the model's and that of the other."""
    return [f"{'asked':<12}{flat(asked_of(one['asked']))}" for one in (numbers, numbers.get("comparison") or {}) if "asked" in one]


def _interval(ends: Any) -> str:
    return f"  [{shown(ends[0])}, {shown(ends[1])}]" if ends else ""


def _pairs(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {shown(value)}" for name, value in values.items() if not isinstance(value, dict))
