"""A trained text encoder, or an adapter with the encoder that it belongs to, in torch, and the smaller networks that can be made of it."""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from affekt.calibration.apply import sets_of
from affekt.encoders._card import read_card
from affekt.encoders._tokens import GRAPH, MOST_TOKENS, PAD, TOKENIZER, Spelling
from affekt.encoders.text_adapter import TextAdapter
from affekt.encoders.text_adapter import load as load_adapter
from affekt.encoders.text_affekt import SHIPPED
from affekt.export.pruning import prune
from affekt.export.text_onnx import in_eight_bits
from affekt.export.vocabulary import cut_down, needed, respelt
from affekt.parts import Card, Row
from affekt.training.families.text_encoder import TYPICAL, WithHeads, open_trained
from affekt.training.networks import OverTokens
from affekt.training.text_encoder import MATRICES, TextEncoder, from_onnx


@dataclass(frozen=True, slots=True)
class Form:
    """A network, and the `tokenizer.json` that it goes with."""

    network: OverTokens
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
    """The network in a folder that `affekt train` wrote, of an encoder or adapter; its word vectors have eight bits.

    Raises:
        WeightsError: a file in it is absent or broken, or belongs to another encoder than the one that ships.
    """
    if read_card(folder).facts.get("family") == "text_adapter":
        return _adapted(load_adapter(folder, 1))
    network = open_trained(folder)
    codes, scale = in_eight_bits(network.module.body.words.weight)  # they are saved in sixteen bits, which these are exact in but for scale
    network.module.body.words.weight.data = torch.from_numpy(codes * scale)
    return Form(network, (folder / TOKENIZER).read_text(encoding="utf-8"))


def standing_alone(card: Card) -> Card:
    """The card of a network that needs no other folder: of an adapter, with the encoder that it belongs to."""
    if card.facts.get("family") != "text_adapter":
        return card
    base = read_card(SHIPPED)
    own = {name: value for name, value in card.facts.items() if name != "base"}
    window = {"most_tokens": base.facts.get("most_tokens", MOST_TOKENS), "turns": 0}
    return replace(card, facts={**own, "family": "text_encoder", "start": card.facts["base"], **window})


@torch.no_grad()
def _adapted(adapter: TextAdapter) -> Form:
    """The shipped encoder with an adapter's changes added to its matrices, and what is done to features first, to its heads."""
    body, weights = from_onnx(SHIPPED / GRAPH), {name: torch.from_numpy(value) for name, value in adapter.weights.items()}
    body.head = nn.Identity()
    for at, layer in enumerate(body.layers):
        for part in MATRICES:
            if (name := f"layer{at}.{part}.a") in weights:
                getattr(layer, part).weight += (weights[name] @ weights[f"layer{at}.{part}.b"]).T
    module = WithHeads(body, sets_of(adapter.card), dropout=0.0)
    for name, head in zip(module.heads.names, module.heads.linear, strict=True):
        matrix = weights[f"head.{name}.weight"] / weights["spread"][:, None]  # (width, labels)
        head.weight.copy_(matrix.T)
        head.bias.copy_(weights[f"head.{name}.bias"] - weights["mean"] @ matrix)
    return Form(OverTokens(module.eval(), adapter.network.spelling, PAD), (SHIPPED / TOKENIZER).read_text(encoding="utf-8"))


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
    return replace(form, network=OverTokens(module.eval(), spelling or form.network.spelling, PAD))
