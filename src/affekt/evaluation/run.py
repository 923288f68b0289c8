"""A model and a labelled file in, every number out: what `affekt evaluate` and the benchmarks call."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from affekt.datasets._dialogues import with_turns
from affekt.evaluation.answers import Answers, measure
from affekt.evaluation.rows import choose_set, labelled_rows, map_rows
from affekt.models import choose_labels
from affekt.parts import OpenEncoder, Row
from affekt.pipeline import Reader
from affekt.results import Clip
from affekt.settings import resolve


@runtime_checkable
class Counting(Protocol):
    """A model that counts what it asks of an endpoint."""

    def report(self) -> dict[str, Any]:
        """What was asked since it was opened: texts, requests, tokens, seconds, and where the price is known the cost."""
        ...


def evaluate_file(
    path: Path,
    *,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    limit: int | None = None,
) -> dict[str, Any]:
    """A model judged on a JSON-lines file of labelled rows, as plain JSON.

    Args:
        model: what the settings say where None.
        labels: what the settings say where None; where they say nothing, the model's own, if its folder has one.
        limit: how many rows to take, from the first; None: all.

    Raises:
        InputError: the file, the label map or the label set do not fit together; the message says where.
    """
    rows = islice(labelled_rows(path, where=where), limit)
    return evaluate_rows(rows, model=model, labels=labels, label_map=label_map)


def evaluate_rows(
    rows: Iterable[Row], *, model: str | None = None, labels: str | None = None, label_map: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """As `evaluate_file`, on rows at hand.

    Rows with none or several labels are judged on the multi-label counterpart of a single-label set: `judged_as` names it.
    """
    return measure(answer_rows(rows, model=model, labels=labels, label_map=label_map))


def answer_rows(
    rows: Iterable[Row],
    *,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    cells: Mapping[int, Mapping[str, str]] | None = None,
    by: Sequence[str] = (),
) -> Answers:
    """What a text model says of rows at hand.

    Args:
        model, labels, label_map: as in `evaluate_file`.
        cells: line of a row -> what stands in its columns.
        by: the columns by which to count.

    Raises:
        InputError: rows, label map and label set do not fit together.
    """
    settings = resolve(labels=labels, text_model=model)
    asked = choose_labels(settings, judge="text")
    known = Reader(labels=asked.name, models={"text": settings.text_model}).encoder.card
    if turns := int(known.facts.get("turns", 0)):  # rows that will be left out were said all the same
        rows = with_turns(list(rows), turns=turns)
    mapped, dropped = map_rows(rows, asked, label_map=label_map)
    judged = choose_set(mapped, asked)
    reader = Reader(labels=judged.name, models={"text": settings.text_model})
    before = _asked(reader.encoder)
    scores, _ = reader.scores([Clip("text", row.text, 0, len(row.text), before=row.before) for row in mapped])
    card = reader.encoder.card
    calibration = card.calibration.get(judged.name)
    thresholds = calibration.thresholds if calibration is not None and judged.kind == "multi" else None
    about = {"model": f"{card.name}@{card.revision}", "labels": asked.name, "judged_as": judged.name, "dropped": dropped.rows}
    columns = [(cells or {}).get(row.line or 0, {}) for row in mapped]
    said = _asked(reader.encoder, before=before)
    after = {"asked": said} if said else {}
    return Answers(about, mapped, scores, judged, thresholds=thresholds or None, columns=columns, by=tuple(by), after=after)


def _asked(encoder: OpenEncoder, *, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a model asked of an endpoint since it had asked `before`, which another evaluation may have; nothing where it asks none."""
    told = encoder.report() if isinstance(encoder, Counting) else {}
    since = before or {}
    return {name: value if isinstance(value, str) else round(value - since.get(name, 0), 6) for name, value in told.items()}
