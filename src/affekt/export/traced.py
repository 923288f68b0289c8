"""Writes a network as the ONNX graph that its run on example inputs traces, and holds the graph to what the network says."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from affekt.errors import ParityError

OPSET = 17  # of ONNX 1.12, the first that has LayerNormalization
TOLERANCE = 1e-4  # of the largest raw output, or of 1: what graph and network may differ by, that compute in fp32 in another order


class _Plain(nn.Module):
    """A network whose outputs are a tuple: accelerate puts its own `forward` on a network that it has trained, which is not traced."""

    def __init__(self, module: nn.Module, sets: Sequence[str]) -> None:
        super().__init__()
        self.module, self.sets = module, sets

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        told = type(self.module).forward(self.module, *inputs)
        return tuple(told[name] for name in self.sets)


@torch.no_grad()
def trace(module: nn.Module, path: Path, *, examples: Sequence[tuple[Tensor, ...]], inputs: Sequence[str], sets: Sequence[str]) -> None:
    """Writes the graph, in fp32: in onnxruntime's dynamic int8 a text's scores depend on those that are read with it.

    Args:
        module: tensors of a batch -> {label set: raw outputs (batch, labels)}.
        examples: batches of several sizes; the first, of two rows and two tokens or more, is traced.
        inputs: names of the tensors of a batch, each (batch, tokens).
        sets: the label sets, each an output of its name.

    Raises:
        ParityError: graph and network differ.
    """
    plain = _Plain(module.cpu(), sets).eval()
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
    for example in examples:
        told = session.run(list(sets), {name: tensor.numpy() for name, tensor in zip(inputs, example, strict=True)})
        for one, own in zip(told, plain(*example), strict=True):
            differ, allowed = float(np.abs(one - own.numpy()).max()), TOLERANCE * max(1.0, float(own.abs().max()))
            if not differ <= allowed:  # NaN is no agreement
                raise ParityError(f"the ONNX graph in {path} differs from its network by {differ:.2g}, and {allowed:.2g} is rounding")
