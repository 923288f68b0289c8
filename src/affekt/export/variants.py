"""The variants that one model can ship as, each in a folder that its encoder opens, and the network in torch that they are held to."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from affekt import catalog
from affekt.encoders._card import revision_of, write_card
from affekt.encoders._tokens import GRAPH, TOKENIZER
from affekt.encoders._word_network import VOCABULARY
from affekt.errors import InputError
from affekt.export import text_onnx
from affekt.export.dynamic import is_rounded, write_dynamic
from affekt.export.forms import Form, open_form, pruned, spelt_otherwise, standing_alone, trim_for, trimmed
from affekt.export.halves import Halves
from affekt.parts import Card, OpenEncoder, Row
from affekt.results import Clip
from affekt.training.families.text_encoder import heads_of, measure
from affekt.training.networks import OverTokens

Kind = Literal["fp32", "dynamic", "static"]
NAMES: dict[Kind, str] = {"fp32": "fp32", "dynamic": "int8 dynamic", "static": "int8 static"}
AS_IT_STANDS = "graph as it stands"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Args:
        prune: share of the feed-forward neurons that go; 0: none.
        trim: the vocabulary keeps only what the rows need.
    """

    kind: Kind
    prune: float
    trim: bool
    threads: int


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant, opened.

    Args:
        megabytes: millions of bytes of the graph, or of the numbers in torch in fp32.
        folder: that the encoder opens; None: it cannot ship.
        twin: what computes the same in torch, whose numbers the graph must give; None: it is rounded.
        ships: it is what was asked for.
    """

    name: str
    encoder: OpenEncoder
    megabytes: float
    folder: Path | None = None
    twin: OpenEncoder | None = None
    ships: bool = False


@dataclass(slots=True)
class InTorch:
    """A network in torch, called as encoders are."""

    network: OverTokens
    card: Card

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of several label sets in one pass: {set: (clips, labels of the set)}; there is at least one clip."""
        spelt = [self.network.spelling.window(clip.data, clip.before) for clip in clips]
        with torch.inference_mode():
            told = self.network.module(*self.network.collate(spelt))
        return {name: told[name].numpy() for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip itself."""
        return [clip]


def of_torch(folder: Path, card: Card, plan: Plan, *, work: Path, halves: Halves) -> tuple[list[Variant], dict[str, Any]]:
    """The model in torch, in fp32, in int8 of two kinds, and smaller where that is asked for; and what there is to say of these.

    Args:
        work: folder to write to.
        halves: by the rows to calibrate on, ranges and neurons are measured; the vocabulary keeps what either half needs.

    Raises:
        WeightsError: the folder's files are broken.
        InputError: the model cannot be made so much smaller.
        OSError: a file cannot be written.
    """
    whole, card = open_form(folder), standing_alone(card)
    forms, told = _smaller(whole, plan, halves)
    first = InTorch(whole.network, card)
    made = [Variant("torch", first, whole.megabytes)]
    for change, form in forms.items():
        twin = InTorch(form.network, card) if change else first
        for kind in [plan.kind] if change else NAMES:
            at = work / f"variant{len(made)}"
            _write(form, kind, at, typical=halves.calibrate)
            name, ships = NAMES[kind] + change, kind == plan.kind and change == list(forms)[-1]
            made.append(_opened(at, card, plan, name=name, kind=kind, twin=twin if kind == "fp32" else None, ships=ships))
    return made, told


def of_graph(folder: Path, card: Card, plan: Plan, *, work: Path) -> list[Variant]:
    """A model of which the graph alone can be opened, as it stands and in int8.

    Args:
        work: folder to write to.

    Raises:
        InputError: the graph is in int8 already.
        OSError: a file cannot be written.
    """
    if is_rounded(folder / GRAPH):
        raise InputError(f"the graph in {folder} is in int8 already; use it as it is")
    at = work / "variant1"
    at.mkdir()
    for file in (TOKENIZER, VOCABULARY):
        if (folder / file).is_file():
            shutil.copyfile(folder / file, at / file)
    write_dynamic(folder / GRAPH, at / GRAPH)
    before = Variant(AS_IT_STANDS, _load(folder, card, plan), _megabytes(folder))
    return [before, _opened(at, card, plan, name=NAMES["dynamic"], kind="dynamic", twin=None, ships=True)]


def _smaller(whole: Form, plan: Plan, halves: Halves) -> tuple[dict[str, Form], dict[str, Any]]:
    """What is changed -> the network with that change; the last is what was asked for."""
    forms, told = {"": whole}, dict[str, Any]()
    if plan.prune:
        forms[f", {plan.prune:.0%} pruned"] = pruned(whole, halves.calibrate, share=plan.prune)
        told["prune"] = plan.prune
    if plan.trim:
        trim = trim_for(whole, [*halves.calibrate, *halves.judge])
        new = spelt_otherwise(whole, trim_for(whole, halves.calibrate), halves.judge)
        told["pieces"] = {"before": whole.pieces, "after": len(trim.rows), "respelt": new}
        forms |= {f"{change}, trimmed": trimmed(form, trim) for change, form in forms.items()}
    return forms, told


def _write(form: Form, kind: Kind, folder: Path, *, typical: Sequence[Row]) -> None:
    """Writes graph and tokenizer."""
    folder.mkdir()
    (folder / TOKENIZER).write_text(form.tokenizer, encoding="utf-8")
    network = form.network
    ranges = measure(network, typical) if kind == "static" else None
    text_onnx.export(network.module.body, folder / GRAPH, ranges=ranges, heads=heads_of(network), own=network.spelling.turns > 0)
    if kind == "dynamic":
        plain = (folder / GRAPH).rename(folder / "fp32.onnx")
        write_dynamic(plain, folder / GRAPH)
        plain.unlink()


def _opened(folder: Path, card: Card, plan: Plan, *, name: str, kind: Kind, twin: OpenEncoder | None, ships: bool) -> Variant:
    """What stands in a folder that lacks but a card."""
    traced = bool(card.facts.get("traced")) or kind == "dynamic"  # the runtime puts together what the library wrote apart
    own = replace(card, revision=revision_of(folder / GRAPH), facts={**card.facts, "traced": traced})
    write_card(own, folder)
    return Variant(name, _load(folder, own, plan), _megabytes(folder), folder, twin, ships)


def _load(folder: Path, card: Card, plan: Plan) -> OpenEncoder:
    return catalog.find("encoders", str(card.facts["family"])).load(folder, plan.threads)


def _megabytes(folder: Path) -> float:
    return (folder / GRAPH).stat().st_size / 1e6
