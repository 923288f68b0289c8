"""A decoder like GPT (Radford et al. 2018) with heads on the last token: a small one of one's own, or one in the hub's format.

The small one learns first to go on with the texts. Then low-rank changes of the matrices (LoRA, Hu et al. 2021) and the heads learn,
or all of it.
"""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, processors
from torch import Tensor, nn

from affekt.encoders._tokens import GRAPH, Spelling
from affekt.errors import InputError
from affekt.training.job import Family, Job, Made
from affekt.training.loop import Optimiser
from affekt.training.networks import Heads, OverTokens, learn, library
from affekt.training.small_gpt import Shape, pretrain
from affekt.training.text_hub import open_body, write

ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"  # peft's names
FOLDER = "adapter"  # of both, apart from the merged model, which transformers would take for one that still needs them


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train.

    Args:
        start: a folder in the hub's format, or "hf:owner/model"; "": a small one that learns from the texts first.
        rank: of the changes to the matrices; 0: all of the model learns.
        alpha: what the changes are multiplied by, divided by the rank.
        most_tokens: of a text, with its end mark.
        dropout: of what the changes see, and of what the heads see.
        layers, width, heads: of the small one; as all that follows.
        vocabulary: tokens, at most; 257 are the bytes and the end.
        pretrain: files of more texts to go on with, one text a line.
        pretrain_epochs: times that every text is gone on with.
        pretrain_rate: of that, at its height.
    """

    start: str = ""
    rank: int = 8
    alpha: float = 16.0
    most_tokens: int = 64
    dropout: float = 0.1
    layers: int = 4
    width: int = 256
    heads: int = 4
    vocabulary: int = 8_000
    pretrain: tuple[str, ...] = ()
    pretrain_epochs: int = 2
    pretrain_rate: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 <= self.rank <= 256 or not 8 <= self.most_tokens <= 1024:
            raise InputError("rank is from 0 to 256, most_tokens from 8 to 1024")
        if min(self.layers, self.heads) < 1 or self.width < 1 or self.width % self.heads:
            raise InputError(f"width is a multiple of heads, layers at least 1; given: {self.width}, {self.heads} and {self.layers}")
        if self.vocabulary < 257 or self.pretrain_epochs < 0 or self.pretrain_rate <= 0:
            raise InputError("vocabulary is at least 257, pretrain_epochs at least 0, pretrain_rate above 0")


class OnLast(nn.Module):
    """A decoder, and heads over what it says of the last token, which has seen all before it."""

    def __init__(self, body: nn.Module, heads: Heads, *, dropout: float) -> None:
        super().__init__()
        self.body, self.heads, self.dropout = body, heads, nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """{label set: (batch, labels)}. Args: both (batch, tokens); padding stands behind."""
        states = self.body(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state  # (batch, tokens, width)
        last = (mask.sum(1) - 1)[:, None, None].expand(-1, -1, states.shape[2])
        told: dict[str, Tensor] = self.heads(self.dropout(states.gather(1, last).squeeze(1)))
        return told


def make(job: Job, folder: Path) -> Made:
    """Pretrains where there is no start, fine-tunes, and writes ONNX, the merged model in the hub's format, and the changes in peft's."""
    settings: Settings = job.settings
    start = settings.start or _pretrained(job)
    body, tokenizer, name = open_body(start, most_tokens=settings.most_tokens)
    torch.manual_seed(job.seed)
    network = network_of(body, tokenizer, job=job)
    history = learn(network, job).history
    if settings.rank:
        save_changes(network.module.body, folder / FOLDER, start=name)
        network.module.body = network.module.body.merge_and_unload()
    facts = write(network, folder, body=network.module.body, rows=job.train)
    told = {"start": name if settings.start else "pretrained on the texts of the training rows", "rank": settings.rank}
    return Made(folder / GRAPH, {**told, **facts, "history": history})


def network_of(body: Any, tokenizer: Tokenizer, *, job: Job) -> OverTokens:
    """The body with heads, ready to learn.

    Raises:
        InputError: its vocabulary has no token that ends a text.
        MissingExtra: peft is not installed.
    """
    settings: Settings = job.settings
    end = end_of(body.config, tokenizer)
    close(tokenizer, end)
    heads = Heads(body.config.hidden_size, job.sets)
    if settings.rank:
        peft = library("peft")
        dropout = settings.dropout
        config = peft.LoraConfig(r=settings.rank, lora_alpha=settings.alpha, lora_dropout=dropout, target_modules="all-linear", bias="none")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that GPT-2's matrices lie the other way, which peft sees to
            body = peft.get_peft_model(body, config)
    return OverTokens(OnLast(body, heads, dropout=settings.dropout), Spelling(tokenizer, most=settings.most_tokens), end)


def end_of(config: Any, tokenizer: Tokenizer) -> int:
    """The id of the token that ends a text.

    Raises:
        InputError: there is none.
    """
    ids = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    if ids[:1] in ([], [None]) or tokenizer.id_to_token(ids[0]) is None:
        raise InputError(f"this {config.model_type} model has no token that ends a text (eos_token_id in config.json); choose another")
    return int(ids[0])


def close(tokenizer: Tokenizer, end: int) -> None:
    """Makes the tokenizer put the end mark behind every text, so that the last token is always the same; what it puts before stays."""
    before = [token for token in tokenizer.encode("").ids if token != end]
    marks = {token: tokenizer.id_to_token(token) for token in (*before, end)}
    template = [*(marks[token] for token in before), "$A", marks[end]]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(mark, token) for token, mark in marks.items()]
    )


def save_changes(changed: Any, folder: Path, *, start: str) -> None:
    """Writes the low-rank changes as peft opens them, over the model that they belong to.

    Args:
        start: name of that model.
    """
    folder.mkdir()
    state = library("peft").get_peft_model_state_dict(changed)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, folder / ADAPTER)
    config = changed.peft_config["default"]
    held = {**config.to_dict(), "base_model_name_or_path": start, "inference_mode": True}
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in held.items()}
    (folder / ADAPTER_CONFIG).write_text(json.dumps(plain, indent=1, default=str) + "\n", encoding="utf-8")


def read_texts(files: Sequence[str]) -> list[str]:
    """The lines of some files that say anything.

    Raises:
        InputError: one cannot be read.
    """
    found = list[str]()
    for file in files:
        try:
            found += [line for line in Path(file).read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file}, of the setting pretrain, cannot be read: {error}; it is UTF-8, one text a line") from error
    return found


def _pretrained(job: Job) -> str:
    """The folder of a small decoder that has learned the texts of the training rows, and of the files beside."""
    settings: Settings = job.settings
    shape = Shape(
        layers=settings.layers,
        width=settings.width,
        heads=settings.heads,
        vocabulary=settings.vocabulary,
        tokens=settings.most_tokens,
        epochs=settings.pretrain_epochs,
        rate=settings.pretrain_rate,
    )
    texts = [row.text for row in job.train] + read_texts(settings.pretrain)
    with library("accelerate").PartialState().main_process_first():  # of several processes one trains it, the others wait and open it
        return str(pretrain(texts, job.work, shape=shape, seed=job.seed, watch=job.watch))


FAMILY = Family("text_decoder", Settings, make, Optimiser(epochs=4, batch=32, rate=1e-3, head_rate=1e-3))
