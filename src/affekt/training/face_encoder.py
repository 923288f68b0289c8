"""MobileNet (Howard et al. 2017, arXiv:1704.04861) over grey faces, from pixels to two heads, in torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

Floats = NDArray[np.float32]
PLAN = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))  # width, stride
FIRST = 32  # width of the first convolution
EPSILON = 1e-3  # of the batch norms
MEANS = (103.939, 116.779, 123.68)  # of the channels, blue first, that FaceRes' pixels are taken off


class Convolution(nn.Module):
    """A convolution, a batch norm and a rectifier that ends at 6; borders are padded as TensorFlow does."""

    def __init__(self, inward: int, outward: int, kernel: int, stride: int = 1, *, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inward, outward, kernel, stride, groups=groups)
        self.norm = nn.BatchNorm2d(outward, eps=EPSILON, momentum=0.01)
        self.borders = (0, 0, 0, 0) if kernel == 1 else (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, self.borders) if any(self.borders) else x
        return nn.functional.relu6(self.norm(self.conv(x)))


class FaceEncoder(nn.Module):
    """Grey faces in, raw outputs of every head out.

    Args:
        heads: name -> how many labels.
    """

    def __init__(self, heads: Mapping[str, int], *, dropout: float = 0.0) -> None:
        super().__init__()
        layers, width = [Convolution(1, FIRST, 3, 2)], FIRST
        for outward, stride in PLAN:
            layers += [Convolution(width, width, 3, stride, groups=width), Convolution(width, outward, 1)]
            width = outward
        self.body = nn.Sequential(*layers)
        self.drop = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(width, labels) for name, labels in heads.items()})

    def features(self, pixels: Tensor) -> Tensor:
        """(batch, 1, height, width) in 0 … 255 -> (batch, 1024)."""
        return self.body(pixels).mean((2, 3))

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """(batch, 1, height, width) in 0 … 255 -> {head: (batch, labels)}."""
        features = self.drop(self.features(pixels).float())
        return {name: head(features) for name, head in self.heads.items()}


def from_faceres(tensors: Mapping[str, Floats], heads: Mapping[str, int], *, dropout: float = 0.0) -> FaceEncoder:
    """A network that sees grey faces as FaceRes (Savchenko 2019, arXiv:1807.07718) sees them.

    Args:
        tensors: of the graph by TensorFlow's names; its own norms are partly folded into its convolutions.
    """
    model = FaceEncoder(heads, dropout=dropout)
    first = tensors["conv1/convolution/merged_input"]  # (3, 3, 3, 32)
    grey = first.sum(2, keepdims=True)
    bias = tensors["conv1_bn/batchnorm_1/sub"].reshape(-1) - np.einsum("hwco,c->o", first, np.array(MEANS, np.float32))
    _fill(model.body[0], grey.transpose(3, 2, 0, 1), bias)
    for at in range(1, len(PLAN) + 1):
        scale = tensors[f"conv_dw_{at}_bn/batchnorm_1/mul"].reshape(1, 1, -1, 1)
        deep = tensors[f"conv_dw_{at}/depthwise_kernel"] * scale
        _fill(model.body[2 * at - 1], deep.transpose(2, 3, 0, 1), tensors[f"conv_dw_{at}_bn/batchnorm_1/sub"])
        point = tensors[f"conv_pw_{at}/convolution/merged_input"]
        _fill(model.body[2 * at], point.transpose(3, 2, 0, 1), tensors[f"conv_pw_{at}_bn/batchnorm_1/sub"])
    return model


def from_onnx(path: Path) -> FaceEncoder:
    """The body that an int8 graph of `affekt.export.face_onnx` holds, without heads, its numbers as exact as eight bits are.

    Its norms are inside its convolutions: let `settle` measure what they would be before it learns.

    Raises:
        OSError: the file cannot be read.
        KeyError: it holds another network.
    """
    held = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    model = FaceEncoder({})
    for at, layer in enumerate(model.body):
        name, whole = f"conv{at}", f"conv{at}.weight" in held  # the first one stays in fp32
        weight = held[f"{name}.weight"] if whole else _widened(held, f"{name}.weight_quantized", f"{name}.weight_scale")
        bias = held[f"{name}.bias"] if whole else _widened(held, f"{name}.bias_quantized", f"{name}.bias_quantized_scale")
        _fill(layer, weight, bias)
        layer.norm.running_var.fill_(1 - EPSILON)  # so that it divides by one
    return model


def _widened(held: Mapping[str, NDArray[Any]], codes: str, scales: str) -> Floats:
    """Eight bits, or the 32 of a bias, as floats; one scale for each channel that comes out."""
    wide = held[codes].astype(np.float32)
    return np.asarray(wide * held[scales].reshape(-1, *[1] * (wide.ndim - 1)), np.float32)


def _fill(layer: nn.Module, weight: Floats, bias: Floats) -> None:
    assert isinstance(layer, Convolution)
    layer.conv.weight.data = torch.from_numpy(np.array(weight))
    assert layer.conv.bias is not None
    layer.conv.bias.data = torch.from_numpy(bias.reshape(-1).copy())


@torch.no_grad()
def settle(model: FaceEncoder, pixels: Tensor) -> None:
    """Makes each norm measure what comes into it and give it back unchanged, layer after layer.

    Args:
        pixels: (n, 1, height, width), some hundred typical faces.
    """
    x = pixels
    for layer in model.body:
        assert isinstance(layer, Convolution)
        raw = layer.conv(nn.functional.pad(x, layer.borders) if any(layer.borders) else x)
        mean, spread = raw.mean((0, 2, 3)), raw.var((0, 2, 3))
        layer.norm.running_mean, layer.norm.running_var = mean.clone(), spread.clone()
        layer.norm.weight.data, layer.norm.bias.data = (spread + EPSILON).sqrt(), mean.clone()
        x = nn.functional.relu6(raw)


@torch.no_grad()
def folded(model: FaceEncoder) -> list[tuple[Floats, Floats]]:
    """Weight and bias of every convolution of the body with its norm inside."""
    made = []
    for layer in model.body:
        assert isinstance(layer, Convolution)
        norm = layer.norm
        assert norm.running_mean is not None and norm.running_var is not None and layer.conv.bias is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        bias = (layer.conv.bias - norm.running_mean) * scale + norm.bias
        made.append(((layer.conv.weight * scale[:, None, None, None]).numpy(), bias.numpy()))
    return made
