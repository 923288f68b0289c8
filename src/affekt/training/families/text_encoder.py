"""An encoder like BERT, fine-tuned whole or in its upper layers: the shipped one, one of the hub, or one in a folder."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from affekt.calibration.apply import sets_of
from affekt.encoders._card import read_card
from affekt.encoders._tokens import GRAPH, MOST_TOKENS, PAD, TOKENIZER, Spelling
from affekt.encoders.text_affekt import SHIPPED
from affekt.errors import InputError, WeightsError
from affekt.export.onnx_graph import Ranges, ranges_of
from affekt.export.text_onnx import export, matrices_of
from affekt.parts import LabelSet, Row
from affekt.training.job import Family, Job, Made
from affekt.training.loop import Optimiser
from affekt.training.networks import Heads, OverTokens, learn
from affekt.training.text_encoder import HEAD_WIDTH, TextEncoder, from_onnx

WEIGHTS, CONFIG = "model.safetensors", "config.json"
TYPICAL = 512  # rows by which the ranges of int8 are measured


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        start: "shipped", a folder in the hub's format, or "hf:owner/model".
        layers: how many of its layers learn, from the last down; 0: all. Fewer are faster.
        most_tokens: of a text, with what comes before it.
        turns: of a conversation that come before a text; the data must say dialogue and turn.
        dropout: of what the heads see.
    """

    start: str = "shipped"
    layers: int = 0
    most_tokens: int = MOST_TOKENS
    turns: int = 0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not 8 <= self.most_tokens <= 512 or self.turns < 0 or self.layers < 0:
            raise InputError("most_tokens is from 8 to 512, turns and layers are at least 0")


class WithHeads(nn.Module):
    """The shipped encoder with a head for each of some label sets."""

    def __init__(self, body: TextEncoder, label_sets: Sequence[LabelSet], *, dropout: float) -> None:
        super().__init__()
        self.body, self.dropout = body, nn.Dropout(dropout)
        self.heads = Heads(body.words.weight.shape[1], label_sets)

    def forward(self, ids: Tensor, mask: Tensor, own: Tensor | None = None) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: all (batch, tokens)."""
        told: dict[str, Tensor] = self.heads(self.dropout(self.body.pooled(ids, mask, own)))
        return told


def begin(label_sets: Sequence[LabelSet], settings: Settings, *, seed: int) -> OverTokens:
    """The shipped encoder with fresh heads; of its layers, those that shall learn do."""
    torch.manual_seed(seed)
    body = from_onnx(SHIPPED / GRAPH)
    body.head = nn.Identity()
    if settings.layers:
        for part in (body.positions, body.norm, *body.layers[: -settings.layers]):
            part.requires_grad_(False)
    spelling = Spelling(Tokenizer.from_file(str(SHIPPED / TOKENIZER)), most=settings.most_tokens, turns=settings.turns)
    return OverTokens(WithHeads(body, label_sets, dropout=settings.dropout), spelling, PAD)


def make(job: Job, folder: Path) -> Made:
    """Fine-tunes, and writes the graph in int8, the tokenizer, and the weights in fp32."""
    settings: Settings = job.settings
    if settings.start != "shipped":
        from affekt.training.text_hub import make_encoder

        return make_encoder(job, folder)
    network = begin(job.sets, settings, seed=job.seed)
    progress = learn(network, job)
    base = read_card(SHIPPED)
    write(network, folder, typical=job.train)
    facts = {"start": f"{base.name}@{base.revision}", "most_tokens": settings.most_tokens, "turns": settings.turns}
    return Made(folder / GRAPH, {**facts, "history": progress.history})


def write(network: OverTokens, folder: Path, *, typical: Sequence[Row]) -> None:
    """Writes the model's files.

    Args:
        typical: rows by which the ranges of int8 are measured.
    """
    module, heads = network.module, heads_of(network)
    shutil.copy(SHIPPED / TOKENIZER, folder / TOKENIZER)
    export(module.body, folder / GRAPH, ranges=measure(network, typical), heads=heads, own=network.spelling.turns > 0)
    state = {f"body.{name}": tensor for name, tensor in module.body.state_dict().items()}
    state |= {f"heads.{name}.{kind}": tensor for name, head in heads.items() for kind, tensor in head.state_dict().items()}
    state["body.words.weight"] = state["body.words.weight"].half()  # they come from eight bits a number
    save_file({name: tensor.detach().contiguous() for name, tensor in state.items()}, folder / WEIGHTS)
    config = {"model_type": "affekt_text_encoder", "heads": {name: head.out_features for name, head in heads.items()}}
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def measure(network: OverTokens, typical: Sequence[Row]) -> Ranges:
    """The range of each column that goes into every matrix, on typical rows."""
    shown = sorted((network.prepare(row) for row in typical[:: max(1, len(typical) // TYPICAL)]), key=network.size)
    network.module.eval()

    def run() -> None:
        for at in range(0, len(shown), 32):
            network.module(*network.collate(shown[at : at + 32]))

    return ranges_of(matrices_of(network.module.body), run)


def heads_of(network: OverTokens) -> Mapping[str, nn.Linear]:
    """Label set -> its head."""
    heads = network.module.heads
    return dict(zip(heads.names, heads.linear, strict=True))


def open_trained(folder: Path) -> OverTokens:
    """The network in a folder that `write` filled, as it was saved: the vectors of the words in sixteen bits, the rest in fp32.

    Raises:
        WeightsError: a file is absent or broken, or they do not belong together.
    """
    card = read_card(folder)
    try:
        state = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS).items()}
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # the libraries raise types of their own, and bare ones
        raise WeightsError(f"{WEIGHTS} or {TOKENIZER} in {folder} is absent or broken: {error}; train the model again") from error
    try:
        for at, labels in enumerate(label_sets := sets_of(card)):
            state |= {f"heads.linear.{at}.{kind}": state.pop(f"heads.{labels.name}.{kind}") for kind in ("weight", "bias")}
        module = _shaped(state, label_sets)
        module.load_state_dict(state, assign=True)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{WEIGHTS} in {folder} holds another network than its card tells of: {error}; train the model again") from error
    facts = card.facts
    spelling = Spelling(tokenizer, most=int(facts.get("most_tokens", MOST_TOKENS)), turns=int(facts.get("turns", 0)))
    return OverTokens(module.eval(), spelling, PAD)


def _shaped(state: Mapping[str, Tensor], label_sets: Sequence[LabelSet]) -> WithHeads:
    """A network for these numbers that has none yet."""
    vocabulary, width = state["body.words.weight"].shape
    layers = sum(name.endswith(".norm_output.weight") for name in state)
    with torch.device("meta"):
        body = TextEncoder(vocabulary, layers=layers, width=width, inner=len(state["body.layers.0.up.bias"]), heads=width // HEAD_WIDTH)
        body.head = nn.Identity()
        return WithHeads(body, label_sets, dropout=0.0)


FAMILY = Family(
    "text_encoder",
    Settings,
    make,
    Optimiser(epochs=3, batch=32, rate=1.5e-4, head_rate=1e-3),
    space={
        "optimiser.rate": (3e-5, 3e-4),
        "optimiser.batch": [16, 32],
        "loss.smoothing": [0.0, 0.1],
        "loss.balance": ["none", "effective"],
    },
)
