"""From a trained model to a smaller or faster one that says the same: writes it, measures it, and ships it only if it does."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, get_args

from affekt import __version__
from affekt.calibration.apply import probabilities, sets_of
from affekt.datasets._dialogues import with_turns
from affekt.datasets._labelled import read_labelled
from affekt.encoders._card import CARD, check_speaks, read_card, write_card
from affekt.encoders._tokens import GRAPH
from affekt.errors import InputError, ParityError, UnknownName
from affekt.evaluation.evaluate import evaluate
from affekt.evaluation.rows import choose_set, map_rows
from affekt.export.halves import Halves, halve
from affekt.export.measuring import Measured, measure, torch_threads
from affekt.export.parity import TOLERANCE, check
from affekt.export.pruning import check_share
from affekt.export.table import FIGURES, text_of
from affekt.export.variants import Kind, Plan, Variant, of_graph, of_torch
from affekt.parts import Card, LabelSet, Row
from affekt.training.families.text_encoder import WEIGHTS
from affekt.training.train import KEPT, said

GRAPHS = ("text_encoder", "text_decoder", "text_lstm", "text_cnn")  # families whose graph may be in fp32


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the data say what; None: found by what it is usually called."""

    text: str | None = None
    label: str | None = None
    group: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A model that has been exported.

    Args:
        folder: that `affekt read --model` takes.
        variants: all that were measured, the one that was exported among them.
        told: of the export, as the card has it.
    """

    folder: Path
    card: Card
    variants: tuple[Measured, ...]
    told: Mapping[str, Any]

    def table(self) -> str:
        """What was measured, as text."""
        return text_of(self.told)

    def as_json(self) -> dict[str, Any]:
        """What was measured, and where the model is."""
        return {"folder": str(self.folder), "model": f"{self.card.name}@{self.card.revision}", **self.told}


def export(
    folder: str | Path,
    data: Any,
    *,
    out: str | Path,
    kind: Kind | None = None,
    prune: float = 0.0,
    trim_vocabulary: bool = False,
    tolerance: float = TOLERANCE,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    columns: Columns | None = None,
    threads: int = 1,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Exported:
    """A model folder with a graph of the kind that is asked for, calibrated anew, if it says what the model says.

    Half of the rows calibrate, and ranges of int8 and what neurons do are measured on them; the other half judges. No group, and
    no text, is in both.

    Args:
        folder: that `affekt train` wrote for texts.
        data: labelled rows that the model has not learned from, as `affekt.datasets._labelled.read_labelled` takes them.
        out: the new folder; it appears when the model is whole.
        kind: None: int8 static where the model can be opened in torch, else int8 dynamic.
        prune: share of the neurons of each layer's feed-forward part that go; 0: none.
        trim_vocabulary: keep only the pieces that the rows need.
        tolerance: points of macro-F1, or hundredths of a correlation, that it may lose.
        labels: label set that the rows are labelled in; None: the model's first.
        label_map: the data's name -> ours, or None to drop the row; None: the one that the model was trained with.
        threads: that the work takes, and by which speed is measured; 0: all there are.
        overwrite: put the model in the place of what is there.
        tell: is told what is being done, and the table if nothing ships.

    Raises:
        InputError: model, data and what is asked for do not go together, or the folder is taken or cannot be written.
        ParityError: the model does not say what the trained one says.
        WeightsError: the folder's files are broken.
    """
    folder, out = Path(folder), Path(out)
    _check_free(out, folder, overwrite=overwrite)
    card = read_card(folder)
    in_torch = _opens_in_torch(folder, card)
    plan = _plan(kind, prune, trim=trim_vocabulary, threads=threads, in_torch=in_torch)
    rows, asked = _rows(data, card, labels=labels, label_map=label_map, columns=columns or Columns())
    halves = halve(rows)
    with _working(out) as work, torch_threads(threads):
        tell(f"{card.name}: writing variants")
        if in_torch:
            variants, more = of_torch(folder, card, plan, work=work, halves=halves)
        else:
            variants, more = of_graph(folder, card, plan, work=work), {}
        tell(f"{len(variants)} variants: measuring on {len(halves.judge)} rows")
        measured = measure(variants, halves, asked, sets=list(card.calibration))
        told = _told(card, plan, asked, halves, measured, in_torch) | more
        try:
            check(measured, tolerance=tolerance, rows=len(halves.judge), figure=FIGURES[told["figure"]])
        except ParityError:
            tell(text_of(told))
            raise
        made = _finished(out.name, variants, measured, halves.judge, asked, told)
        _put(variants, out)
    return Exported(out, made, tuple(measured), told)


def _opens_in_torch(folder: Path, card: Card) -> bool:
    """Whether the network itself can be opened, and not its graph alone.

    Raises:
        InputError: neither.
    """
    family = str(card.facts.get("family"))
    if family == "text_adapter":
        return True
    if family not in GRAPHS or not (folder / GRAPH).is_file():
        raise InputError(
            f"{folder} holds a model of the family {family}, which is small as it is, or lacks {GRAPH}; "
            "what can be exported is what `affekt train` wrote for texts with --family adapter, encoder, decoder, lstm or cnn"
        )
    return family == "text_encoder" and not card.facts.get("traced") and (folder / WEIGHTS).is_file()


def _plan(kind: str | None, prune: float, *, trim: bool, threads: int, in_torch: bool) -> Plan:
    """What is asked for.

    Raises:
        UnknownName: there is no such kind.
        InputError: it cannot be done.
    """
    kinds = get_args(Kind)
    if kind not in (None, *kinds):
        raise UnknownName(str(kind), "kinds of export", kinds)
    check_share(prune)
    if not in_torch and (kind not in (None, "dynamic") or prune or trim):
        raise InputError("of this model only the graph can be opened: it can be of kind dynamic, and neither pruned nor trimmed")
    return Plan(next((one for one in kinds if one == kind), "static" if in_torch else "dynamic"), prune, trim, threads)


def _rows(
    data: Any, card: Card, *, labels: str | None, label_map: Mapping[str, str | None] | None, columns: Columns
) -> tuple[list[Row], LabelSet]:
    """The rows in the words of a label set that the model speaks, and that set."""
    found = read_labelled(data, text=columns.text, label=columns.label, group=columns.group)
    rows = with_turns(found.rows, turns=turns) if (turns := int(card.facts.get("turns", 0))) else list(found.rows)
    spoken = {one.name: one for one in sets_of(card)}
    chosen = labels or next(iter(spoken), "")
    if chosen not in spoken:
        raise InputError(f"{card.name} does not speak {chosen or 'any label set that is installed'!r}; it speaks: {', '.join(spoken)}")
    asked = spoken[chosen]
    if label_map is None:
        label_map = card.facts.get("recipe", {}).get("label_map")
    mapped, _ = map_rows(rows, asked, label_map=label_map)
    judged = choose_set(mapped, asked)
    check_speaks(card, [judged.name])
    return mapped, judged


def _check_free(out: Path, source: Path, *, overwrite: bool) -> None:
    """Nothing, if a model may be put there.

    Raises:
        InputError: it is taken, or lies nowhere.
    """
    if out.exists() and (not overwrite or out.resolve() == source.resolve()):
        raise InputError(f"{out} is there already; choose another folder" + (", or say --overwrite" if not overwrite else ""))
    if not out.absolute().parent.is_dir():
        raise InputError(f"there is no folder {out.absolute().parent} to write {out.name} to; make it first")


@contextmanager
def _working(out: Path) -> Iterator[Path]:
    """A fresh folder beside `out`, which is gone afterwards.

    Raises:
        InputError: nothing can be written there.
    """
    parent = out.absolute().parent
    try:
        work = Path(mkdtemp(prefix=f".{out.name}.", dir=parent))
    except OSError as error:
        raise InputError(f"{parent} cannot be written: {error.strerror or error}; choose another folder") from error
    try:
        yield work
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}; make room, or choose another folder") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _told(card: Card, plan: Plan, labels: LabelSet, halves: Halves, measured: Sequence[Measured], in_torch: bool) -> dict[str, Any]:
    """What a card says of an export."""
    return {
        "of": f"{card.name}@{card.revision}",
        "kind": plan.kind,
        "made": datetime.now(UTC).date().isoformat(),
        "affekt": __version__,
        "labels": labels.name,
        "figure": "pearson" if labels.kind == "dimensions" else "macro_f1",
        "rows": {"calibrate": len(halves.calibrate), "judge": len(halves.judge)},
        "threads": plan.threads,
        "torch": None if in_torch else "not opened, only the graph is: what is lost is against that",
        "variants": [one.as_json() for one in measured],
    }


def _finished(
    name: str, variants: Sequence[Variant], measured: Sequence[Measured], rows: Sequence[Row], labels: LabelSet, told: Mapping[str, Any]
) -> Card:
    """The card of what ships, written into its folder."""
    variant, own = next((one, worth) for one, worth in zip(variants, measured, strict=True) if one.ships)
    assert variant.folder is not None
    card = read_card(variant.folder)
    scores = probabilities(said(variant.encoder, rows, [labels.name])[labels.name], labels, own.calibration)
    found = evaluate(rows, scores, labels, thresholds=own.calibration.thresholds or None)
    facts = {
        **card.facts,
        "sha256": {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(variant.folder.iterdir()) if file.name != CARD},
        "measured": {"export": {key: found[key] for key in KEPT if found.get(key) is not None}},
        "export": dict(told),
    }
    made = replace(card, name=name, calibration={**card.calibration, labels.name: own.calibration}, facts=facts)
    write_card(made, variant.folder)
    return made


def _put(variants: Sequence[Variant], out: Path) -> None:
    """Moves what ships to its place."""
    folder = next(one.folder for one in variants if one.ships and one.folder is not None)
    if out.exists():
        shutil.rmtree(out)
    folder.rename(out)
