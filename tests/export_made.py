"""A small text encoder, its vocabulary, and rows that it knows, for tests of export."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from torch import nn

from affekt.encoders._card import read_card, revision_of, write_card
from affekt.encoders._open import open_encoder
from affekt.encoders._tokens import GRAPH, PAD, Spelling
from affekt.export.forms import open_form
from affekt.export.variants import InTorch
from affekt.parts import Calibration, Card, LabelSet, Row
from affekt.training.families.text_encoder import WithHeads
from affekt.training.networks import OverTokens
from affekt.training.text_encoder import TextEncoder
from affekt.training.train import said

MOODS = LabelSet("moods", ("very glad", "生气", "so-so"), "single", "made up")
WORDS = {"very glad": "great lovely nice happy warm", "生气": "awful angry bad 讨厌 cold", "so-so": "table bus report meeting desk"}
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789讨厌,."
UNUSED = ["▁zebra", "zebra", "▁walking", "ing", "ly"]  # pieces that no row needs
WIDTH, INNER, LAYERS = 64, 96, 2
RIDGE = 1.0


def rows(count: int = 240) -> list[Row]:
    """Texts of four words each, three of which tell the label."""
    rng, made = np.random.default_rng(0), []
    others = " ".join(WORDS.values()).split()
    for at in range(count):
        label = MOODS.labels[at % 3]
        words = [*rng.choice(WORDS[label].split(), 3), rng.choice(others), str(rng.integers(10**4))]
        made.append(Row(" ".join(rng.permutation(words)), (label,), "en", group=f"s{at % 40}"))
    return made


def tokenizer() -> Tokenizer:
    """A Unigram vocabulary like XLM-R's, some forty words large."""
    pieces = [(f"▁{word}", -5.0) for words in WORDS.values() for word in words.split()]
    pieces += [(piece, -6.0) for piece in UNUSED]
    pieces += [(piece, -9.0) for letter in LETTERS for piece in (letter, f"▁{letter}")] + [("▁", -4.0)]
    marks = ["<s>", "<pad>", "</s>", "<unk>"]
    made = Tokenizer(models.Unigram([*((mark, 0.0) for mark in marks), *pieces], unk_id=3, byte_fallback=False))
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return made


def network(*, turns: int = 0) -> OverTokens:
    """A small encoder whose head has been fitted to the rows, by ridge regression."""
    torch.manual_seed(0)
    spelling = Spelling(tokenizer(), most=32, turns=turns)
    body = TextEncoder(spelling.tokenizer.get_vocab_size(), layers=LAYERS, width=WIDTH, inner=INNER, heads=2)
    body.head = nn.Identity()
    for layer in body.layers:
        layer.down.weight.data *= 4  # so that the neurons matter
    table = body.words.weight.data
    scale = table.abs().amax(1, keepdim=True) / 127
    body.words.weight.data = (table / scale).round() * scale  # as the shipped one's, they have eight bits
    made = OverTokens(WithHeads(body, [MOODS], dropout=0.1).eval(), spelling, PAD)
    learned = rows(300)
    with torch.no_grad():
        pooled = body.pooled(*made.collate([made.prepare(row) for row in learned]))
        gold = nn.functional.one_hot(torch.arange(len(learned)) % 3).float() * 8 - 4
        head = made.module.heads.linear[0]
        given = torch.cat([pooled, torch.ones(len(pooled), 1)], 1)
        found = torch.linalg.solve(given.T @ given + RIDGE * torch.eye(WIDTH + 1), given.T @ gold)
        head.weight.data, head.bias.data = found[:-1].T.contiguous(), found[-1]
    return made


def card_for(folder: Path, name: str, **facts: Any) -> Card:
    """A card of whatever graph is in the folder, written there."""
    plain = Calibration((1.0,) * 3, (0.0,) * 3)
    licence = {"code": "Apache-2.0", "weights": "MIT", "data": "made up"}
    made = Card(
        "tiny", revision_of(folder / GRAPH), "text", ("en",), licence, True, {"moods": plain}, {"family": name, **facts}, {"moods": MOODS}
    )
    write_card(made, folder)
    return made


def raw(folder: Path) -> np.ndarray:
    """What the model in a folder says of the rows."""
    return said(open_encoder(str(folder), 1), rows(60), ["moods"])["moods"]


def in_torch(folder: Path) -> InTorch:
    """The network in a folder."""
    return InTorch(open_form(folder).network, read_card(folder))
