"""Fits how far the turns before a turn pull its scores, and measures whether that helps.

    AFFEKT_DATA=DATA python fit.py WORK_FOLDER [--final]

Prints the table on development rows; with --final also on the splits that are reported, once everything is chosen, and writes
result.json, the README's tables and the card that ships. The scores of the texts are kept in the work folder.
"""

import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from forms import LABELS, Maker, Talk, both, context, context_of, from_flat, talk, temperature, transitions, usual_of

from affekt import Reader
from affekt.calibration.context import SHIPPED
from affekt.catalog import find
from affekt.encoders._card import write_card
from affekt.evaluation import metrics
from affekt.parts import Card

HERE = Path(__file__).parent
ONE_HOT = np.eye(len(LABELS), dtype=bool)
DECAYS = (1.0, 0.7, 0.5, 0.3)
RESAMPLES, SEED = 1000, 7
LIMITS = [
    "For talk that is cut into lines, as subtitles are: of lines that follow a line of the same person, nine in ten carry its label. "
    "Where a turn is a whole utterance, far less of an emotion is left in the next, and the pull is too strong.",
    "What is usual is what is usual in Chinese series.",
    "It makes a model surer; one that is too sure of such talk as it is becomes more so.",
]
MEASURES, NAMES = ("macro_f1", "weighted_f1", "nll", "ece"), ("macro-F1", "weighted F1", "NLL, nats", "ECE")
README, HEAD = HERE / "README.md", "## Measured\n"


def held_out(make: Maker, given: Talk, groups: np.ndarray) -> np.ndarray:
    """The scores that rules give which were not fitted on the turn's group, (n, labels)."""
    made = np.zeros(given.scores.shape)
    for group in np.unique(groups):
        mine = groups == group
        made[mine] = make(given, ~mine & (given.gold >= 0))(given)[mine]
    return made


def measured(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    top = scores.argmax(1)
    cells = metrics.count(ONE_HOT[gold], ONE_HOT[top])
    nll = -np.log(np.maximum(scores[np.arange(len(gold)), gold], 1e-12)).mean()
    return np.array([metrics.macro_f1(cells), metrics.weighted_f1(cells), nll, metrics.ece(scores.max(1), top == gold)])


def row(scores: np.ndarray, given: Talk, versus: np.ndarray | None = None) -> dict[str, Any]:
    """The measures of the labelled turns, and how they differ from those of other scores, with 95 % bootstrap over dialogues."""
    known = given.gold >= 0
    made: dict[str, Any] = {"n": int(known.sum()), **_named(measured(scores[known], given.gold[known]))}
    if versus is None:
        return made
    rng = np.random.default_rng(SEED)
    dialogues = [np.array([at for at in turns if known[at]], int) for turns in given.dialogues()]
    differences = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([dialogues[at] for at in rng.integers(len(dialogues), size=len(dialogues))])
        differences.append(measured(scores[drawn], given.gold[drawn]) - measured(versus[drawn], given.gold[drawn]))
    whole = measured(scores[known], given.gold[known]) - measured(versus[known], given.gold[known])
    low, high = np.quantile(differences, [0.025, 0.975], axis=0)
    made["difference"] = {name: [round(float(part[at]), 4) for part in (whole, low, high)] for at, name in enumerate(MEASURES)}
    return made


def _named(values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(MEASURES, values, strict=True)}


def helps(one: dict[str, Any]) -> bool:
    """Whether the scores are surely likelier, and their labels not surely worse."""
    return bool(one["difference"]["nll"][2] < 0 and one["difference"]["macro_f1"][2] >= 0)


def choose(train: Talk, shows: np.ndarray) -> tuple[float, dict[str, float]]:
    """The decay whose rules make the turns of left-out shows likeliest."""
    known = train.gold >= 0
    tried = {decay: measured(held_out(context(decay), train, shows)[known], train.gold[known])[2] for decay in DECAYS}
    return min(tried, key=tried.__getitem__), {str(decay): round(float(nll), 4) for decay, nll in tried.items()}


def table(talks: dict[str, Talk], shows: np.ndarray, decay: float) -> dict[str, dict[str, Any]]:
    """{rows: {rule: measures}}; the rules are fitted on CPED's training shows, and judged on those by leaving each out in turn.

    Differences are to the scores without context.
    """
    train = talks["cped train"]
    makers = {
        "temperature": temperature,
        "context": context(decay),
        "context, from flat": from_flat(decay),
        "transitions": transitions(decay),
    }
    rules = {name: make(train, train.gold >= 0) for name, make in makers.items()}
    made: dict[str, dict[str, Any]] = {}
    for key, given in talks.items():
        if key == "meld train":
            continue
        said = {name: held_out(makers[name], train, shows) if given is train else rule(given) for name, rule in rules.items()}
        plain = given.scores.astype(np.float64)
        made[key] = {"without": row(plain, given), **{name: row(scores, given, plain) for name, scores in said.items()}}
    return made


def fitted_at_home(talks: dict[str, Talk], decay: float) -> dict[str, dict[str, Any]]:
    """What context adds to a temperature where both are fitted on the corpus that they are judged on; differences are to the temperature.

    On CPED dev the other half of its dialogues, on MELD its training split: a ceiling, which nothing that ships has seen.
    """
    dev, own = talks["cped dev"], talks["meld train"]
    halves = np.unique(dev.dialogue, return_inverse=True)[1] % 2
    cooled, joint = held_out(temperature, dev, halves), held_out(both(decay), dev, halves)
    made = {"cped dev": {"temperature": row(cooled, dev), "temperature and context": row(joint, dev, cooled)}}
    one, other = (make(own, own.gold >= 0) for make in (temperature, both(decay)))
    for key in (key for key in ("meld dev", "meld test") if key in talks):
        cooled, joint = one(talks[key]), other(talks[key])
        made[key] = {"temperature": row(cooled, talks[key]), "temperature and context": row(joint, talks[key], cooled)}
    return made


def card(numbers: dict[str, Any], rows: dict[str, dict[str, Any]], on: bool) -> Card:
    cped = find("datasets", "cped")
    return Card(
        name="text_context",
        revision=hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:8],
        modality="text",
        languages=cped.languages,
        licence={"code": "Apache-2.0", "weights": "Apache-2.0", "data": f"cped {cped.licence}"},
        commercial=True,
        calibration={},
        facts={
            **numbers,
            "on_by_default": on,
            "model": model_name(),
            "training": "recipes/text/context: python fit.py WORK --final",
            "trained_on": {"cped": cped.paper},
            "split": "fitted on twelve series; dev and test are a series each",
            "measured": {key: {name: rows[key][name] for name in ("without", "context")} for key in rows},
            "limits": LIMITS,
        },
    )


def model_name() -> str:
    found = Reader(labels="ekman7").encoder.card
    return f"{found.name}@{found.revision}"


def lasting(given: Talk) -> dict[str, float]:
    """The share of turns that carry the label of the speaker's last turn: where that was the turn before, and where others spoke since."""
    same: dict[str, list[bool]] = {"in a row": [], "others between": []}
    for turns in given.dialogues():
        last: dict[str | None, int] = {}
        for at in turns:
            before = last.get(given.who[at]) if given.who[at] else None
            if before is not None and given.gold[at] >= 0 <= given.gold[before]:
                same["in a row" if before == at - 1 else "others between"].append(given.gold[at] == given.gold[before])
            last[given.who[at]] = at
    return {kind: round(float(np.mean(found)), 3) for kind, found in same.items()}


def shown(made: dict[str, Any]) -> str:
    """The tables in Markdown: the measures, and in brackets by how much they differ, with 95 %."""
    lines = []
    for part, head in (("rows", "fitted on CPED train"), ("fitted_at_home", "fitted where it is judged")):
        lines += [f"| {head} | {' | '.join(NAMES)} |", "|---" * (len(NAMES) + 1) + "|"]
        for key, rules in made[part].items():
            lines += [f"| {key}, {name} | {' | '.join(_cell(one, measure) for measure in MEASURES)} |" for name, one in rules.items()]
        lines.append("")
    return "\n".join(lines)


def _cell(one: dict[str, Any], measure: str) -> str:
    if "difference" not in one:
        return f"{one[measure]:.3f}"
    difference, low, high = one["difference"][measure]
    return f"{one[measure]:.3f} ({difference:+.3f}: {low:+.3f} to {high:+.3f})"


def main() -> None:
    work, final = Path(sys.argv[1]), "--final" in sys.argv
    work.mkdir(parents=True, exist_ok=True)
    splits = ["cped train", "cped dev", "meld train", "meld dev", *(["cped test", "meld test"] if final else [])]
    talks = {key: talk(*key.split(), work) for key in splits}
    train = talks["cped train"]
    decay, tried = choose(train, shows := np.array([name.partition("_")[0] for name in train.dialogue]))
    numbers = asdict(context_of(train, train.gold >= 0, decay, usual_of(train, train.gold >= 0)))
    rows = table(talks, shows, decay)
    made = {"command": "python fit.py WORK --final", "model": model_name(), "numbers": numbers, "nll_by_decay": tried}
    made |= {"rows": rows, "fitted_at_home": fitted_at_home(talks, decay)}
    made["same_label"] = {key: lasting(given) for key, given in talks.items()}
    print(numbers, tried, made["same_label"], shown(made), sep="\n")
    if not final:
        return
    on = helps(rows["cped test"]["context"]) and helps(rows["meld dev"]["context"])
    (HERE / "result.json").write_text(json.dumps(made | {"on_by_default": on}, indent=1) + "\n")
    README.write_text(README.read_text().partition(HEAD)[0] + HEAD + "\n" + shown(made))
    SHIPPED.mkdir(exist_ok=True)
    write_card(card(numbers, rows, on), SHIPPED)


if __name__ == "__main__":
    main()
