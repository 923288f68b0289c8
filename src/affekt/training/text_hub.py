"""Models in the hub's format as what training starts from, and encoders like BERT among them, fine-tuned."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file, save_model
from tokenizers import Tokenizer
from torch import Tensor, nn

from affekt.encoders._card import revision_of
from affekt.encoders._hub import HUB, find
from affekt.encoders._tokens import GRAPH, TOKENIZER, Spelling
from affekt.errors import InputError, WeightsError
from affekt.parts import Row
from affekt.training.job import Job, Made
from affekt.training.networks import Heads, OverTokens, learn, library

WEIGHTS = "model.safetensors"
HEADS = "heads.safetensors"  # beside the body, which is in the hub's format
TYPICAL = 16  # rows that graph and network are compared on


def open_body(start: str, *, most_tokens: int) -> tuple[Any, Tokenizer, str]:
    """A pretrained model without its heads, in fp32, its tokenizer, and its name with its revision.

    Args:
        start: a folder in the hub's format, or "hf:owner/model".
        most_tokens: that it will be asked to take.

    Raises:
        InputError: it takes fewer tokens, or is no model of one stretch of text.
        MissingExtra: transformers is not installed.
        WeightsError: it cannot be fetched, is not in safetensors, is broken, or has no fast tokenizer.
    """
    found = find(start)
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True, "output_loading_info": True}
    try:
        with _quiet():
            body, told = library("transformers").AutoModel.from_pretrained(found.folder, **options)
        tokenizer = Tokenizer.from_file(str(found.folder / TOKENIZER))
    except Exception as error:  # the libraries raise types of their own, and bare ones
        raise WeightsError(f"{start} holds no model of text with a {TOKENIZER} that can be opened: {error}") from error
    if absent := sorted(key for key in told["missing_keys"] if "pooler" not in key):  # they would be random numbers
        raise WeightsError(f"{start} lacks the weights {', '.join(absent[:5])}; choose a model that has all of them")
    config = found.config
    if config.is_encoder_decoder or not hasattr(config, "vocab_size"):
        raise InputError(f"{start} is a {config.model_type} model, which does not take one stretch of text; choose an encoder or a decoder")
    if most_tokens > (most := getattr(config, "max_position_embeddings", most_tokens)):
        raise InputError(f"{start} takes {most} tokens at most, and most_tokens is {most_tokens}; lower it")
    if getattr(body, "pooler", None) is not None:
        body.pooler = None  # heads of ours see all tokens, or the last
    name = start if start.startswith(HUB) else found.folder.resolve().name
    return body.float(), tokenizer, f"{name}@{revision_of(found.weights[0])}"


class Averaged(nn.Module):
    """A body, and heads over the mean of what it says of the tokens of a text."""

    def __init__(self, body: nn.Module, heads: Heads, *, dropout: float) -> None:
        super().__init__()
        self.body, self.heads, self.dropout = body, heads, nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor, own: Tensor | None = None) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: all (batch, tokens)."""
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state  # (batch, tokens, width)
        counted = (mask if own is None else own).unsqueeze(2).to(states.dtype)
        told: dict[str, Tensor] = self.heads(self.dropout((states * counted).sum(1) / counted.sum(1)))
        return told


def make_encoder(job: Job, folder: Path) -> Made:
    """Fine-tunes an encoder whole or in its upper layers, and writes it as ONNX and in the hub's format.

    Raises:
        InputError: rows, settings and encoder do not go together.
        ParityError: the graph says something else than it.
        WeightsError: the encoder cannot be opened.
    """
    torch.manual_seed(job.seed)
    settings = job.settings
    body, tokenizer, name = open_body(settings.start, most_tokens=settings.most_tokens)
    if not tokenizer.encode("").ids:
        raise InputError(f"the tokenizer of {settings.start} puts no mark before or behind a text, as those of encoders do")
    if settings.layers:
        free_upper(body, settings.layers)
    body.get_input_embeddings().requires_grad_(False)
    spelling = Spelling(tokenizer, most=settings.most_tokens, turns=settings.turns)
    module = Averaged(body, Heads(body.config.hidden_size, job.sets), dropout=settings.dropout)
    network = OverTokens(module, spelling, body.config.pad_token_id or 0)
    history = learn(network, job).history
    facts = write(network, folder, body=body, rows=job.train)
    return Made(folder / GRAPH, {"start": name, **facts, "history": history})


def free_upper(body: Any, count: int) -> None:
    """Lets only the last layers of a body learn.

    Raises:
        InputError: it does not say which part of it is a layer.
    """
    deep = body.config.num_hidden_layers
    found = [part for part in body.modules() if isinstance(part, nn.ModuleList) and len(part) == deep]
    if not found:
        raise InputError(f"the layers of a {body.config.model_type} model cannot be told apart; say layers = 0, so that all of it learns")
    body.requires_grad_(False)
    for layer in found[0][-count:]:
        layer.requires_grad_(True)


def write(network: OverTokens, folder: Path, *, body: Any, rows: Sequence[Row]) -> dict[str, Any]:
    """Writes graph and tokenizer, the body in the hub's format, and the heads; returns what the card must say.

    Args:
        body: of the network, as it is to be saved.
        rows: of the training split.

    Raises:
        ParityError: the graph says something else than the network.
    """
    heads = network.module.heads
    facts = network.write(folder, rows=rows[:TYPICAL], sets=heads.names)
    save_body(body, folder)
    shapes = zip(heads.names, heads.linear, strict=True)
    save_file({f"{name}.{kind}": getattr(head, kind).detach() for name, head in shapes for kind in ("weight", "bias")}, folder / HEADS)
    return facts


def save_body(body: Any, folder: Path) -> None:
    """Writes a body in the hub's format: config.json and model.safetensors."""
    body.config.architectures = [type(body).__name__]
    body.config.save_pretrained(folder)
    save_model(body.cpu(), str(folder / WEIGHTS), metadata={"format": "pt"})


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of transformers; whoever trains has their own."""
    logging = library("transformers").utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
