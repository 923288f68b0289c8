"""Makes the folder that `encoders/text_llm.py` opens: picks examples, asks about held-out rows, calibrates; and labels rows for others.

Nothing is trained: the model is at its endpoint. `label_rows` lets a small model learn from what a large one says (distillation).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from affekt.batch import Progress
from affekt.calibration.apply import Floats, decide, probabilities
from affekt.calibration.fit import fit
from affekt.catalog import names
from affekt.encoders._card import write_card
from affekt.encoders._llm_asking import Asking
from affekt.encoders._llm_cache import open_cache
from affekt.encoders._llm_client import Endpoint, open_library
from affekt.encoders._llm_prompt import REVISION
from affekt.encoders._llm_settings import FACT, Example, Settings, plain_settings, read_settings, revision_of
from affekt.encoders.text_llm import TextLLM, check_settings, load
from affekt.errors import EmptyInput, InputError
from affekt.evaluation.evaluate import evaluate
from affekt.labels._matrix import matrix
from affekt.parts import Calibration, Card, LabelSet, Row
from affekt.policy.redaction import redact
from affekt.results import Clip

BATCH = 64  # texts between two reports of progress
SHORT = 200  # characters of an example: it is sent with every text
ANYTHING = ("und",)  # languages, where rows do not say (ISO 639-2: undetermined)
LIMITS = (
    "The model is its endpoint's, and may change there under the same name; then these numbers hold no more.",
    "Asked twice, it may answer twice: most endpoints are not deterministic, even at temperature 0.",
    "Not for decisions about a person's health, work, credit or liberty.",
)


def make(
    rows: Sequence[Row],
    dev: Sequence[Row],
    labels: LabelSet,
    *,
    model: str,
    out: Path,
    endpoint: str = "",
    shots: int = 0,
    seed: int = 7,
    settings: Mapping[str, Any] | None = None,
    licence: str = "the endpoint's own terms",
    commercial: bool = False,
    report: Progress | None = None,
) -> dict[str, Any]:
    """A language model as a folder, calibrated on held-out rows; written when all of them are answered.

    Args:
        rows: from which examples are taken, labelled in the words of `labels`.
        dev: on which it is calibrated and judged, labelled likewise; no example is one of them.
        model, endpoint: as the endpoint names the model, and its base URL; empty: what the environment names.
        shots: examples a label (of dimensions: three times as many in all); each is sent with every text.
        settings: more of the card's, such as {"concurrency": 2, "price": {"input": 0.15, "output": 0.6}}.
        licence, commercial: of what the model answers; the endpoint's terms say it.
        report: called with the share of `dev` that is answered, and how many.

    Returns:
        What `evaluate` says of the held-out rows, a little too good, for temperature and thresholds were fitted to them; and "asked": what
        that took, in requests, tokens, seconds and money.

    Raises:
        InputError: rows do not fit the label set, a setting cannot be, or what the model says of dimensions never changes.
        EndpointError: the endpoint fails, or leaves a row without an answer.
        MissingExtra: the library openai is not installed.
        OSError: the folder cannot be written.
    """
    if not dev:
        raise EmptyInput("there are no held-out rows to calibrate on")
    truth = _gold(dev, labels)
    given = {"model": model, "endpoint": endpoint, "prompt": REVISION, **(settings or {})}
    chosen = _settings(given, labels, choose_examples(rows, labels, shots=shots, seed=seed, avoid=dev))
    open_library()
    encoder = TextLLM(
        _card(chosen, labels, dev, licence=licence, commercial=commercial), chosen, Asking(Endpoint(chosen), labels, open_cache())
    )
    raw = np.concatenate(list(_raw(dev, encoder, labels, report)))  # (rows, labels)
    card, worth = _calibrated(encoder, raw, dev, truth)
    out.mkdir(parents=True, exist_ok=True)
    write_card(card, out)
    return worth


def choose_examples(rows: Sequence[Row], labels: LabelSet, *, shots: int, seed: int, avoid: Iterable[Row] = ()) -> tuple[Example, ...]:
    """Short rows as examples: so many of each label, where there are as many, those with few labels first; in random order.

    Args:
        seed: the same one chooses the same.
        avoid: rows whose texts are not to be chosen.

    >>> from affekt.labels import sentiment3
    >>> rows = [Row("lovely", ("positive",)), Row("awful", ("negative",)), Row("a chair", ("neutral",)), Row("great", ("positive",))]
    >>> sorted(example.labels for example in choose_examples(rows, sentiment3.PART, shots=1, seed=0))
    [('negative',), ('neutral',), ('positive',)]
    """
    held_out = {row.text for row in avoid}
    usable = [row for row in rows if 0 < len(row.text.strip()) <= SHORT and row.text not in held_out]
    order = Random(seed)
    order.shuffle(usable)
    if labels.kind == "dimensions":
        felt = sorted((row for row in usable if row.vad is not None), key=lambda row: row.vad or ())
        wanted = min(3 * shots, len(felt))  # unpleasant, neither, pleasant: evenly over the ranks of valence
        chosen = [felt[(2 * at + 1) * len(felt) // (2 * wanted)] for at in range(wanted)]
        return tuple(Example(row.text, (), row.vad) for row in order.sample(chosen, wanted))
    usable.sort(key=lambda row: len(row.labels or ()))  # stable: random among those with as many labels
    taken = dict[str, Row]()  # by text
    for name in (*labels.labels, *([labels.none] if labels.none else [])):
        fitting = [row for row in usable if _has(row, name, labels) and row.text not in taken]
        taken.update({row.text: row for row in fitting[:shots]})
    picked = order.sample(list(taken.values()), len(taken))
    return tuple(Example(row.text, tuple(one for one in row.labels or () if one != labels.none)) for row in picked)


def label_rows(rows: Iterable[Row], labels: LabelSet, *, folder: Path, report: Progress | None = None) -> Iterator[Row]:
    """The rows with what a language model says of them as soft labels, in order and in constant memory.

    `votes` are the calibrated probabilities; `labels` stay where a row has some, and else are those that the model decides on. Of
    dimensions it is `vad`.

    Args:
        folder: which `make` wrote, for this label set.
        report: called with the share that is done (0 where `rows` have no length), and how many.

    Raises:
        InputError: the model speaks another label set.
        WeightsError: the folder does not open.
        EndpointError: the endpoint fails, or leaves a row without an answer.
    """
    encoder, many = load(folder, 0), len(rows) if isinstance(rows, Sequence) else 0
    calibration = encoder.card.calibration.get(labels.name)
    if calibration is None or encoder.asking.labels != labels:
        raise InputError(f"the model in {folder} speaks {encoder.asking.labels.name!r}, not this {labels.name!r}; make one for it")
    waiting, done = iter(rows), 0
    while batch := list(islice(waiting, BATCH)):
        for row, said in zip(batch, probabilities(_ask(batch, encoder, labels), labels, calibration), strict=True):
            yield _told(row, said.tolist(), labels, calibration)
        done += len(batch)
        if report is not None:
            report(done / many if many else 0.0, done)


def _calibrated(encoder: TextLLM, raw: Floats, dev: Sequence[Row], truth: tuple[Floats, Floats]) -> tuple[Card, dict[str, Any]]:
    """The card with the calibration that held-out rows ask for, and what the model is then worth on them.

    Args:
        raw: what the model says of the rows, (rows, labels).
        truth: of `_gold`.
    """
    labels, card = encoder.asking.labels, encoder.card
    _check_spread(raw, labels)
    calibration = fit(raw, *truth, labels)
    scores = probabilities(raw, labels, calibration).astype(np.float64)
    worth = evaluate(dev, scores, labels, thresholds=calibration.thresholds or None)
    settings, asked = replace(encoder.settings, answer=encoder.asking.answer), encoder.report()
    found = {FACT: plain_settings(settings), "measured": {f"{labels.name}, held out": worth}, "asked": asked}
    facts = {**card.facts, **found}
    fitted = replace(card, revision=revision_of(settings, labels), calibration={labels.name: calibration}, facts=facts)
    return fitted, {**worth, "asked": asked}


def _told(row: Row, said: Sequence[float], labels: LabelSet, calibration: Calibration) -> Row:
    if labels.kind == "dimensions":
        valence, arousal, dominance = said
        return replace(row, vad=row.vad or (valence, arousal, dominance))
    votes = dict(zip(labels.labels, said, strict=True))
    return replace(row, votes=votes, labels=decide(votes, labels, calibration)[0] if row.labels is None else row.labels)


def _has(row: Row, name: str, labels: LabelSet) -> bool:
    if row.labels is None or (labels.kind == "single" and len(row.labels) != 1):
        return False
    return name in row.labels or (name == labels.none and not row.labels)


def _settings(given: Mapping[str, Any], labels: LabelSet, examples: Sequence[Example]) -> Settings:
    try:
        settings = read_settings(given)
        shown = examples if not settings.redact else [replace(one, text=redact(one.text)) for one in examples]
        settings = replace(settings, examples=(*settings.examples, *shown))
        check_settings(settings, labels)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"a language model cannot be asked so: {error}") from error
    return settings


def _gold(rows: Sequence[Row], labels: LabelSet) -> tuple[Floats, Floats]:
    """What is true, and where that is known, both (rows, labels)."""
    if labels.kind != "dimensions":
        gold, known = matrix(rows, labels)
        return gold.astype(np.float32), known.astype(np.float32)
    if (at := next((number for number, row in enumerate(rows, 1) if row.vad is None), None)) is not None:
        raise InputError(f"held-out row {at} has no valence, arousal and dominance")
    values = np.array([row.vad for row in rows], np.float32)
    return values, np.ones_like(values)


def _check_spread(raw: Floats, labels: LabelSet) -> None:
    """Nothing, if there is something to calibrate: a line through numbers that are all the same is none."""
    same = [name for name, column in zip(labels.labels, raw.T, strict=True) if labels.kind == "dimensions" and np.ptp(column) == 0]
    if same:
        raise InputError(f"the model says the same {' and '.join(same)} of all {len(raw)} rows; hold out more, and more different ones")


def _raw(rows: Sequence[Row], encoder: TextLLM, labels: LabelSet, report: Progress | None) -> Iterator[Floats]:
    for at in range(0, len(rows), BATCH):
        yield _ask(rows[at : at + BATCH], encoder, labels)
        if report is not None:
            done = min(at + BATCH, len(rows))
            report(done / len(rows), done)


def _ask(rows: Sequence[Row], encoder: TextLLM, labels: LabelSet) -> Floats:
    clips = [Clip("text", row.text, 0, len(row.text)) for row in rows]
    return encoder(clips, labels=[labels.name])[labels.name]


def _card(settings: Settings, labels: LabelSet, dev: Sequence[Row], *, licence: str, commercial: bool) -> Card:
    wide = len(labels.labels)
    return Card(
        name="text_llm",
        revision=revision_of(settings, labels),
        modality="text",
        languages=tuple(sorted({row.lang for row in dev if row.lang})) or ANYTHING,
        licence={"code": "Apache-2.0", "weights": licence, "data": "what the model learned from, its maker knows"},
        commercial=commercial,
        calibration={labels.name: Calibration((1.0,) * wide, (0.0,) * wide)},
        facts={
            "family": "text_llm",
            FACT: plain_settings(settings),
            "training": "affekt.training.text_llm.make",
            "calibrated_on": {labels.name: [f"{len(dev)} rows"]},
            "limits": list(LIMITS),
        },
        sets={} if labels.name in names("labels") else {labels.name: labels},
    )
