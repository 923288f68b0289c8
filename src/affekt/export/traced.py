"""Writes a network as the ONNX graph that its run on example inputs traces, and holds the graph to what the network says."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from affekt.errors import WeightsError

OPSET = 17  # of ONNX 1.12, the first that has LayerNormalization
TOLERANCE = 1e-4  # between raw outputs of graph and network, which are of the size of 1: both compute in fp32, in another order


class _Plain(nn.Module):
    """A network whose outputs are a tuple: accelerate puts its own `forward` on a network that it has trained, which is not traced."""

    def __init__(self, module: nn.Module, sets: Sequence[str]) -> None:
        super().__init__()
        self.module, self.sets = module, sets

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        told = type(self.module).forward(self.module, *inputs)
        return tuple(told[name] for name in self.sets)


@torch.no_grad()
def trace(module: nn.Module, path: Path, examples: Sequence[tuple[Tensor, ...]], *, inputs: Sequence[str], sets: Sequence[str]) -> float:
    """Writes the graph; returns by how much its raw outputs for the examples differ from the network's, at most.

    Args:
        module: tensors of a batch -> {label set: raw outputs (batch, labels)}.
        examples: batches of several sizes; the first, of two rows and two tokens or more, is traced.
        inputs: names of the tensors of a batch, each (batch, tokens).
        sets: the label sets, each an output of its name.

    Raises:
        WeightsError: graph and network differ.
    """
    plain = _Plain(module.eval(), sets).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of shapes that the tracer might fix: the examples of other sizes say whether it has
        torch.onnx.export(
            plain,
            tuple(examples[0]),
            path,
            input_names=list(inputs),
            output_names=list(sets),
            dynamic_axes={**{name: {0: "batch", 1: "tokens"} for name in inputs}, **{name: {0: "batch"} for name in sets}},
            opset_version=OPSET,
            dynamo=False,
        )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    differ = 0.0
    for example in examples:
        told = session.run(list(sets), {name: tensor.numpy() for name, tensor in zip(inputs, example, strict=True)})
        differ = max(differ, *(float(np.abs(one - own.numpy()).max()) for one, own in zip(told, plain(*example), strict=True)))
    if not differ <= TOLERANCE:  # NaN is no agreement
        raise WeightsError(f"the ONNX graph in {path} differs from its network by {differ:.2g}; at most {TOLERANCE:.2g} is rounding")
    return differ
