"""An ONNX graph, written node by node; its matrices in fp32 or int8.

In int8, activations are coded with ranges measured beforehand, not with each batch's own: a clip's scores then do not
depend on the clips that happen to be read with it, and no pass over the numbers is spent on finding their range.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from affekt.encoders._card import read_card
from affekt.errors import InputError

MICROSOFT = "com.microsoft"
SMOOTHING = {"qkv": 0.5, "out": 0.5, "up": 0.5, "down": 0.65}  # strength by matrix; the GELU before `down` has a long tail
Ranges = Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]  # matrix -> lowest and highest of each column that goes into it


class Graph:
    """Collects nodes and weights; with ranges, matrices are written in int8."""

    def __init__(self, ranges: Ranges | None) -> None:
        self.ranges = ranges
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def keep(self, name: str, value: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def weight(self, module: nn.Module, kind: str, name: str) -> str:
        value = numbers(getattr(module, kind))
        return self.keep(f"{name}.{kind}", value.T if value.ndim == 2 else value)  # (in, out)

    def linear(self, x: str, layer: nn.Linear, name: str) -> str:
        if self.ranges is None:
            product = self.add("MatMul", [x, self.weight(layer, "weight", name)], f"{name}.product")
            return self.add("Add", [product, self.weight(layer, "bias", name)], name)
        coded, scale, zero, matrix, scales, zeros = self.coded(x, layer, name)
        inputs = [coded, matrix, scale, scales, zero, zeros, self.weight(layer, "bias", name)]
        return self.add("MatMulIntegerToFloat", inputs, name, domain=MICROSOFT)

    def coded(self, x: str, layer: nn.Linear, name: str) -> tuple[str, str, str, str, str, str]:
        """Activation (unsigned eight bits, one scale) and matrix (signed, one scale a column), each with scale and zero.

        A few columns of the activation are far larger than the rest; what they are divided by, the matrix is multiplied by
        (Xiao et al. 2023, SmoothQuant); bench/choices.py measures it.
        """
        lows, highs = (self.ranges or {})[name]
        table = numbers(layer.weight).T  # (in, out)
        strength = SMOOTHING[name.rpartition(".")[2]]
        largest, heaviest = np.maximum(np.maximum(-lows, highs), 1e-3), np.maximum(np.abs(table).max(axis=1), 1e-3)
        smooth = largest**strength / heaviest ** (1 - strength)
        smooth = (smooth / np.exp(np.log(smooth).mean())).astype(np.float32)
        low, high = min(float((lows / smooth).min()), 0.0), max(float((highs / smooth).max()), 0.0)
        step = (high - low) / 255.0
        x = self.add("Mul", [x, self.keep(f"{name}.smooth", 1 / smooth)], f"{name}.smoothed")
        scale = self.keep(f"{name}.in.scale", np.array(step, np.float32))
        zero = self.keep(f"{name}.in.zero", np.array(round(-low / step), np.uint8))
        table = table * smooth[:, None]
        scales = (np.abs(table).max(axis=0) / 127.0).astype(np.float32)
        matrix = self.keep(f"{name}.codes", np.round(table / scales).astype(np.int8))
        zeros = self.keep(f"{name}.zeros", np.zeros(len(scales), np.int8))
        return self.add("QuantizeLinear", [x, scale, zero], f"{name}.in"), scale, zero, matrix, self.keep(f"{name}.scales", scales), zeros


def numbers(tensor: Tensor) -> NDArray[np.float32]:
    """The tensor as numpy."""
    return tensor.detach().float().numpy()


@torch.no_grad()
def ranges_of(watched: Mapping[str, nn.Linear], run: Callable[[], None]) -> Ranges:
    """The range of each column that goes into every matrix: the mean over batches of the batch's lowest and highest number.

    Args:
        run: puts typical clips through the model, batch by batch.
    """
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, given: seen.setdefault(name, []).append((given[0].amin((0, 1)), given[0].amax((0, 1))))

    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in watched.items()]
    run()
    for hook in hooks:
        hook.remove()
    return {name: tuple(numbers(torch.stack(side).mean(0)) for side in zip(*pairs, strict=True)) for name, pairs in seen.items()}  # type: ignore[misc]


def check_free(name: str, shipped: Path) -> None:
    """Nothing, if a label set of that name can be an output of a graph like the shipped one in a folder.

    Raises:
        InputError: such a graph calls something else so.
    """
    held = onnx.load(shipped / "model.onnx").graph
    called = {one.name for one in (*held.input, *held.initializer)} | {name for node in held.node for name in node.output}
    if name in called - set(read_card(shipped).calibration):
        raise InputError(f"a label set cannot be called {name!r} here, as a part of the network is; give it, or the folder, another name")
