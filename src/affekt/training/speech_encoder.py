"""The encoder of Whisper (Radford et al. 2022) in torch, from samples to what each of its layers says, for clips of any length.

Whisper pads every clip to 30 s; here a clip keeps its own length, as the position table can be cut.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn

from affekt.sources.audio import RATE
from affekt.training.pretrained import copy

WINDOW, HOP, BANDS = 400, 160, 80  # samples: 25 ms, 10 ms; mel bands
HEAD_WIDTH = 64  # of every Whisper
HALF = WINDOW // 2
SLOPE = 200 / 3  # Hz a mel below 1,000 Hz, as Slaney (1998, Auditory Toolbox) bends the scale there
BEND = 1000 / SLOPE  # 15 mel
STEP = math.log(6.4) / 27  # above, each mel multiplies by exp of this


def mel_filters() -> NDArray[np.float32]:
    """Triangles over the bins of the spectrum, (bins, bands), each of area one on Slaney's scale."""
    highest = BEND + math.log(RATE / 2 / 1000) / STEP
    mels = np.linspace(0, highest, BANDS + 2)
    edges = np.where(mels < BEND, mels * SLOPE, 1000 * np.exp(STEP * (mels - BEND)))  # Hz
    bins = np.linspace(0, RATE / 2, HALF + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


def fourier() -> NDArray[np.float32]:
    """The windowed Fourier transform as filters, (2 * bins, 1, WINDOW): cosines, then sines, under a Hann window."""
    angles = 2 * np.pi * np.outer(np.arange(HALF + 1), np.arange(WINDOW)) / WINDOW
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return (np.concatenate([np.cos(angles), np.sin(angles)]) * hann)[:, None].astype(np.float32)


class Layer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm_attention, self.norm_output = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Args: hidden (batch, frames, width); bias (batch, 1, 1, frames), 0 for a frame and very low for padding."""
        batch, frames, width = hidden.shape
        q, k, v = self.qkv(self.norm_attention(hidden)).view(batch, frames, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))  # (batch, heads, frames, width of a head)
        hidden = hidden + self.out(mixed.transpose(1, 2).reshape(batch, frames, width))
        return hidden + self.down(nn.functional.gelu(self.up(self.norm_output(hidden))))


class AttentiveStatistics(nn.Module):
    """Mean and spread over time of several layers, each weighted by what it attends to (Okabe et al. 2018); at first by all alike."""

    def __init__(self, width: int, layers: int, *, hidden: int = 64) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Linear(width, hidden) for _ in range(layers))
        self.score = nn.ModuleList(nn.Linear(hidden, 1, bias=False) for _ in range(layers))
        for layer in self.score:
            nn.init.zeros_(layer.weight)

    def forward(self, said: Sequence[Tensor], frames: Tensor | None = None) -> Tensor:
        """(batch, frames, width) a layer -> (batch, layers * 2 * width). Args: `frames` as in `SpeechEncoder`."""
        made = []
        for hidden, down, score in zip(said, self.down, self.score, strict=True):
            scores = score(torch.tanh(down(hidden)))[:, :, 0]
            if frames is not None:
                scores = scores.masked_fill(torch.arange(hidden.shape[1], device=hidden.device) >= frames[:, None], -1e4)
            weight = scores.softmax(1)[:, :, None]
            mean = (hidden * weight).sum(1)
            made += [mean, ((hidden - mean[:, None]) ** 2 * weight).sum(1).clamp(min=1e-8).sqrt()]
        return torch.cat(made, 1)


class SpeechEncoder(nn.Module):
    """Samples in, the hidden states of every layer out; 50 frames a second. Its features are statistics of all layers' outputs."""

    fourier: Tensor
    filters: Tensor

    def __init__(self, *, width: int = 384, layers: int = 4, heads: int = 6) -> None:
        super().__init__()
        self.register_buffer("fourier", torch.from_numpy(fourier()), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters()), persistent=False)
        self.conv1, self.conv2 = nn.Conv1d(BANDS, width, 3, padding=1), nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Embedding(1500, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.pooling = AttentiveStatistics(width, layers)

    def mel(self, samples: Tensor) -> Tensor:
        """Whisper's log-mel spectrogram: (batch, n) -> (batch, BANDS, n // HOP), each clip scaled by its own loudest moment."""
        padded = nn.functional.pad(samples[:, None], (HALF, HALF), mode="reflect")
        parts = nn.functional.conv1d(padded, self.fourier, stride=HOP)[:, :, : samples.shape[1] // HOP]  # (batch, 2 * bins, frames)
        power = parts[:, : HALF + 1] ** 2 + parts[:, HALF + 1 :] ** 2
        mel = (power.transpose(1, 2) @ self.filters).clamp(min=1e-10).log10().transpose(1, 2)
        return (torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8.0) + 4.0) / 4.0

    def forward(self, mel: Tensor, frames: Tensor | None = None) -> list[Tensor]:
        """The hidden states before the first and after every layer, each (batch, frames, width).

        Args:
            mel: (batch, BANDS, 2 * frames).
            frames: (batch,) how many frames of each clip are no padding; None: all.
        """
        hidden = nn.functional.gelu(self.conv2(nn.functional.gelu(self.conv1(mel)))).transpose(1, 2)
        hidden = hidden + self.positions.weight[: hidden.shape[1]]
        bias = hidden.new_zeros(len(hidden), 1, 1, hidden.shape[1])
        if frames is not None:
            bias = bias.masked_fill(torch.arange(hidden.shape[1], device=hidden.device) >= frames[:, None, None, None], -1e4)
        said = [hidden]
        for layer in self.layers:
            said.append(layer(said[-1], bias))
        return said

    def features(self, mel: Tensor, frames: Tensor | None = None) -> Tensor:
        """What the head sees, (batch, layers * 2 * width); arguments as of the encoder itself."""
        return self.pooling([hidden.float() for hidden in self(mel, frames)[1:]], frames)


def from_whisper(folder: Path, *, layers: int | None = None) -> SpeechEncoder:
    """An encoder with the weights of a Whisper folder in Hugging Face format, without the norm after its last layer.

    Args:
        layers: how many of its layers, from the first; None: all.
    """
    state = load_file(folder / "model.safetensors")
    state = {name.removeprefix("model.").removeprefix("encoder."): tensor for name, tensor in state.items() if "decoder" not in name}
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("layers."))
    width = state["conv1.weight"].shape[0]
    model = SpeechEncoder(width=width, layers=layers or depth, heads=width // HEAD_WIDTH)
    model.positions.weight.data = state["embed_positions.weight"]
    copy(model.conv1, state, "conv1")
    copy(model.conv2, state, "conv2")
    for at, layer in enumerate(model.layers):
        name = f"layers.{at}"
        attention = f"{name}.self_attn"
        layer.qkv.weight.data = torch.cat([state[f"{attention}.{part}_proj.weight"] for part in "qkv"])
        bias = [state.get(f"{attention}.{part}_proj.bias", torch.zeros(width)) for part in "qkv"]  # the key has none
        layer.qkv.bias.data = torch.cat(bias)
        copy(layer.out, state, f"{attention}.out_proj")
        copy(layer.norm_attention, state, f"{name}.self_attn_layer_norm")
        copy(layer.up, state, f"{name}.fc1")
        copy(layer.down, state, f"{name}.fc2")
        copy(layer.norm_output, state, f"{name}.final_layer_norm")
    return model


def from_onnx(path: Path) -> SpeechEncoder:
    """The encoder that an int8 graph of `affekt.export.speech_onnx` holds, its numbers as exact as eight bits are.

    Raises:
        OSError: the file cannot be read.
        KeyError: it holds another network.
    """
    held = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in onnx.load(path).graph.initializer}
    layers, width = sum(name.endswith(".norm_output.weight") for name in held), len(held["conv1.bias"])
    model = SpeechEncoder(width=width, layers=layers, heads=width // HEAD_WIDTH)
    for name in ("conv1", "conv2"):
        copy(getattr(model, name), held, name)
    model.positions.weight.data.zero_()[: len(held["positions"])] = held["positions"]
    for at, layer in enumerate(model.layers):
        for part in ("norm_attention", "norm_output"):
            copy(getattr(layer, part), held, f"layer{at}.{part}")
        for part in ("qkv", "out", "up", "down"):
            name, linear = f"layer{at}.{part}", getattr(layer, part)
            table = held[f"{name}.codes"].float() * held[f"{name}.scales"] * held[f"{name}.smooth"][:, None]  # (in, out)
            linear.weight.data, linear.bias.data = table.T.contiguous(), held[f"{name}.bias"]
        down, score = model.pooling.down[at], model.pooling.score[at]
        down.weight.data, down.bias.data = held[f"layer{at}.said.down"].T.contiguous(), held[f"layer{at}.said.down.bias"]
        score.weight.data = held[f"layer{at}.said.score"].T.contiguous()
    return model
