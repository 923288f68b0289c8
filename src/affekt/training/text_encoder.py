"""The text encoder in torch: BERT's layers over frozen word vectors, mean pooling, one linear head a label set.

Written out instead of taken from transformers because attention over two dozen tokens trains faster on a CPU as two
plain matrix products than through the fused attention kernel.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn

from affekt.training.pretrained import copy
from affekt.training.targets import SLICES, WIDTH

HEAD_WIDTH = 32  # of multilingual-e5-small: 384 / 12
MATRICES = ("qkv", "out", "up", "down")  # of a layer
OWN = 0.7  # weight of ekman7's own head where it is joined with what ekman6 implies


class Layer(nn.Module):
    """One post-norm transformer layer (Devlin et al. 2019)."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm_attention, self.norm_output = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Args: hidden (batch, tokens, width); bias (batch, 1, 1, tokens), 0 for a token and very low for padding."""
        batch, tokens, width = hidden.shape
        q, k, v = self.qkv(hidden).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(width // self.heads)) + bias  # (batch, heads, tokens, tokens)
        mixed = (scores.softmax(-1).to(v.dtype) @ v).transpose(1, 2).reshape(batch, tokens, width)
        hidden = self.norm_attention(hidden + self._drop(self.out(mixed)))
        return self.norm_output(hidden + self._drop(self.down(nn.functional.gelu(self.up(hidden)))))

    def _drop(self, x: Tensor) -> Tensor:
        """Dropout with one mask per row, shared by its tokens (Gal and Ghahramani 2016): drawing masks is costly."""
        if not self.training or not self.dropout:
            return x
        keep = 1 - self.dropout
        return x * (torch.empty(x.shape[0], 1, x.shape[2], dtype=x.dtype).bernoulli_(keep) / keep)


class TextEncoder(nn.Module):
    """Token ids in, the raw outputs of every head out, side by side in the order of `targets.SETS`."""

    def __init__(self, vocabulary: int, *, layers: int = 6, width: int = 384, inner: int = 1536, heads: int = 12) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(512, width)
        self.words.weight.requires_grad = False
        self.norm = nn.LayerNorm(width, 1e-12)
        self.layers = nn.ModuleList(Layer(width, heads, inner, 0.1) for _ in range(layers))
        self.head = nn.Linear(width, WIDTH)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def pooled(self, ids: Tensor, mask: Tensor, own: Tensor | None = None) -> Tensor:
        """The mean of the last layer over the tokens: (batch, width).

        Args:
            ids, mask: (batch, tokens).
            own: (batch, tokens) which tokens count in the mean; None: all that are no padding.
        """
        hidden = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])  # (batch, tokens, width)
        bias = (1.0 - mask.to(hidden.dtype))[:, None, None, :] * -1e4
        for layer in self.layers:
            hidden = layer(hidden, bias)
        weight = (mask if own is None else own).to(hidden.dtype)[:, :, None]
        return (hidden * weight).sum(1) / weight.sum(1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(batch, 55): raw outputs of all heads."""
        return self.head(self.pooled(ids, mask))


def joined(raw: Tensor) -> Tensor:
    """Raw outputs as they ship, (batch, 55): ekman7 becomes a weighted geometric mean of its own head and of what ekman6 implies.

    The two heads err differently: one learned from dialogue and comments with one label, the other from posts with any
    number. bench/choices.py measures them apart and joined.
    """
    out = raw.clone()
    out[:, SLICES["ekman7"]] = OWN * raw[:, SLICES["ekman7"]] + (1 - OWN) * implied(raw)
    return out


def implied(raw: Tensor) -> Tensor:
    """The logarithms of the chances of each of ekman6's labels, and of none of them for neutral: (batch, 7), as ekman7 has them."""
    several = raw[:, SLICES["ekman6"]]
    nothing = -nn.functional.softplus(several).sum(1, keepdim=True)
    return torch.cat([-nn.functional.softplus(-several), nothing], 1)


def from_bert(folder: Path, *, layers: Sequence[int], rows: Sequence[int] | None = None) -> TextEncoder:
    """An encoder whose layers are some of those of a BERT folder in Hugging Face format, heads fresh.

    Args:
        layers: which of its layers, by index, lowest first.
        rows: which rows of its word embeddings, in the order of the new vocabulary; None: all.
    """
    config = json.loads((folder / "config.json").read_text())
    state = load_file(folder / "model.safetensors")
    words = state["embeddings.word_embeddings.weight"]
    words = words if rows is None else words[list(rows)]
    model = TextEncoder(
        len(words), layers=len(layers), width=config["hidden_size"], inner=config["intermediate_size"], heads=config["num_attention_heads"]
    )
    model.words.weight.data = words.contiguous()
    # Every text is of token type 0, so its vector joins the positions.
    model.positions.weight.data = state["embeddings.position_embeddings.weight"] + state["embeddings.token_type_embeddings.weight"][0]
    copy(model.norm, state, "embeddings.LayerNorm")
    for layer, source in zip(model.layers, layers, strict=True):
        name = f"encoder.layer.{source}"
        for kind in ("weight", "bias"):
            parts = [state[f"{name}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            getattr(layer.qkv, kind).data = torch.cat(parts)
        copy(layer.out, state, f"{name}.attention.output.dense")
        copy(layer.norm_attention, state, f"{name}.attention.output.LayerNorm")
        copy(layer.up, state, f"{name}.intermediate.dense")
        copy(layer.down, state, f"{name}.output.dense")
        copy(layer.norm_output, state, f"{name}.output.LayerNorm")
    return model


def from_onnx(path: Path) -> TextEncoder:
    """The encoder that an int8 graph of `affekt.export.text_onnx` holds, its numbers as exact as eight bits are.

    Raises:
        OSError: the file cannot be read.
        KeyError: it holds another network.
    """
    held = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in onnx.load(path).graph.initializer}
    words = held["words.codes"].float() * held["words.scale"]
    layers = sum(name.endswith(".norm_output.weight") for name in held)
    width, inner = words.shape[1], len(held["layer0.up.bias"])
    model = TextEncoder(len(words), layers=layers, width=width, inner=inner, heads=width // HEAD_WIDTH)
    model.words.weight.data = words
    model.positions.weight.data = held["positions"]
    for module, name in [(model.norm, "embedding.norm"), *_norms(model)]:
        module.weight.data, module.bias.data = held[f"{name}.weight"], held[f"{name}.bias"]
    for at, layer in enumerate(model.layers):
        for part in MATRICES:
            name, linear = f"layer{at}.{part}", getattr(layer, part)
            table = held[f"{name}.codes"].float() * held[f"{name}.scales"] * held[f"{name}.smooth"][:, None]  # (in, out)
            linear.weight.data, linear.bias.data = table.T.contiguous(), held[f"{name}.bias"]
    for name, place in SLICES.items():
        model.head.weight.data[place] = held[f"head.{name}.weight"].T
        model.head.bias.data[place] = held[f"head.{name}.bias"]
    return model


def _norms(model: TextEncoder) -> list[tuple[nn.LayerNorm, str]]:
    kinds = ("norm_attention", "norm_output")
    return [(getattr(layer, kind), f"layer{at}.{kind}") for at, layer in enumerate(model.layers) for kind in kinds]
