"""A trained text encoder in torch, and the smaller networks that can be made of it."""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from affekt.encoders._tokens import TOKENIZER, Spelling
from affekt.export.pruning import prune
from affekt.export.text_onnx import in_eight_bits
from affekt.export.vocabulary import cut_down, needed, respelt
from affekt.parts import Row
from affekt.training.families.text_encoder import TYPICAL, Network, WithHeads, open_trained
from affekt.training.text_encoder import TextEncoder


@dataclass(frozen=True, slots=True)
class Form:
    """A network, and the `tokenizer.json` that it goes with."""

    network: Network
    tokenizer: str

    @property
    def megabytes(self) -> float:
        """What its numbers take in fp32, in millions of bytes."""
        return 4 * sum(one.numel() for one in self.network.module.parameters()) / 1e6

    @property
    def pieces(self) -> int:
        """Of its vocabulary."""
        return len(self.network.module.body.words.weight)


@dataclass(frozen=True, slots=True)
class Trim:
    """What is left of a vocabulary.

    Args:
        tokenizer: a `tokenizer.json`.
        rows: of the table of word vectors.
    """

    tokenizer: str
    rows: tuple[int, ...]


def open_form(folder: Path) -> Form:
    """The network in a folder that `affekt train --family encoder` wrote, its word vectors in eight bits, as they were in training.

    Raises:
        WeightsError: a file in it is absent or broken.
    """
    network = open_trained(folder)
    codes, scale = in_eight_bits(network.module.body.words.weight)  # they are saved in sixteen bits, which these are exact in but for scale
    network.module.body.words.weight.data = torch.from_numpy(codes * scale)
    return Form(network, (folder / TOKENIZER).read_text(encoding="utf-8"))


def pruned(form: Form, typical: Sequence[Row], *, share: float) -> Form:
    """With fewer neurons.

    Args:
        typical: rows on which it is measured what a neuron adds.
        share: of the neurons of each layer, that go.

    Raises:
        InputError: it is no share.
    """
    network = form.network
    shown = [network.prepare(row) for row in typical[:: max(1, len(typical) // TYPICAL)]]

    def run() -> None:
        for one in shown:
            network.module(*network.collate([one]))

    return _with_body(form, prune(network.module.body, share=share, run=run))


def trim_for(form: Form, rows: Sequence[Row]) -> Trim:
    """What of its vocabulary the rows need.

    Raises:
        InputError: it is of a kind that cannot be trimmed.
    """
    whole = json.loads(form.tokenizer)
    kept = needed(whole, form.network.spelling.tokenizer, _texts(form, rows))
    return Trim(json.dumps(cut_down(whole, kept), ensure_ascii=False), tuple(kept))


def trimmed(form: Form, trim: Trim) -> Form:
    """With fewer pieces."""
    body = deepcopy(form.network.module.body)
    words = body.words.weight[list(trim.rows)].detach().clone()
    body.words = nn.Embedding.from_pretrained(words)
    return _with_body(replace(form, tokenizer=trim.tokenizer), body, spelling=_spelling(form, trim))


def spelt_otherwise(form: Form, trim: Trim, rows: Sequence[Row]) -> float:
    """The share of texts that the vocabulary spells otherwise when it is trimmed."""
    return respelt(form.network.spelling.tokenizer, _spelling(form, trim).tokenizer, _texts(form, rows))


def _texts(form: Form, rows: Sequence[Row]) -> list[str]:
    """All texts in the rows, as the network is shown them."""
    clean = form.network.spelling.clean
    return [clean(text) for row in rows for text in (*row.before, row.text)]


def _spelling(form: Form, trim: Trim) -> Spelling:
    before = form.network.spelling
    return Spelling(Tokenizer.from_str(trim.tokenizer), most=before.most, turns=before.turns)


def _with_body(form: Form, body: TextEncoder, *, spelling: Spelling | None = None) -> Form:
    module = WithHeads(body, [], dropout=0.0)
    module.heads = form.network.module.heads
    return replace(form, network=Network(module.eval(), spelling or form.network.spelling))
