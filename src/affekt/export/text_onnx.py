"""Writes the text encoder as ONNX, node by node, in onnxruntime's fused operators, in fp32 or int8.

Tracing the torch model gives a graph of some 400 small nodes that the runtime's optimiser only partly fuses; written
out, a layer is six nodes: attention, its output, add-and-norm, up, down, add-and-norm.

In int8, activations are coded with ranges measured beforehand, not with each batch's own: a text's scores then do not
depend on the texts that happen to be read with it, and no pass over the numbers is spent on finding their range.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from affekt.training.multitask import Example, collate
from affekt.training.targets import SLICES
from affekt.training.text_encoder import Layer, TextEncoder

EPSILON = 1e-12  # of BERT's layer norms
SMOOTHING = {"qkv": 0.5, "out": 0.5, "up": 0.5, "down": 0.65}  # strength by matrix; the GELU before `down` has a long tail
MICROSOFT = "com.microsoft"
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
def measure(model: TextEncoder, examples: Sequence[Example], *, batch: int = 32) -> Ranges:
    """The range of each column that goes into every matrix: the mean over batches of the batch's lowest and highest number."""
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, given: seen.setdefault(name, []).append((given[0].amin((0, 1)), given[0].amax((0, 1))))

    watched = {f"layer{at}.{part}": getattr(layer, part) for at, layer in enumerate(model.layers) for part in ("qkv", "out", "up", "down")}
    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in watched.items()]
    model.eval()
    ordered = sorted(examples, key=lambda example: len(example.ids))
    for at in range(0, len(ordered), batch):
        model(*collate(ordered[at : at + batch]))
    for hook in hooks:
        hook.remove()
    return {name: tuple(numbers(torch.stack(side).mean(0)) for side in zip(*pairs, strict=True)) for name, pairs in seen.items()}  # type: ignore[misc]


def _embedding(graph: Graph, model: TextEncoder) -> str:
    """Words plus positions, normed; the word table has eight bits and one scale a row in either graph, as it is only looked up."""
    table = numbers(model.words.weight)
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127.0, 1e-12)
    rows = graph.add("Gather", [graph.keep("words.codes", np.round(table / scale).astype(np.int8)), "ids"], "words.rows")
    scales = graph.add("Gather", [graph.keep("words.scale", scale.astype(np.float32)), "ids"], "words.scales")
    words = graph.add("Mul", [graph.add("Cast", [rows], "words.wide", to=TensorProto.FLOAT), scales], "words")  # (batch, tokens, width)
    length = graph.add("Gather", [graph.add("Shape", ["ids"], "shape"), graph.keep("one", np.array([1]))], "length")
    cut = [graph.keep("zero", np.array([0])), length, graph.keep("rows", np.array([0]))]
    positions = graph.add("Slice", [graph.keep("positions", numbers(model.positions.weight)), *cut], "positions.used")
    norm = [graph.weight(model.norm, kind, "embedding.norm") for kind in ("weight", "bias")]
    return graph.add("LayerNormalization", [graph.add("Add", [words, positions], "embedding.sum"), *norm], "embedding", epsilon=EPSILON)


def _layer(graph: Graph, x: str, layer: Layer, name: str) -> str:
    mixed = _attention(graph, x, layer, name)
    x = _add_norm(graph, graph.linear(mixed, layer.out, f"{name}.out"), x, layer.norm_attention, f"{name}.norm_attention")
    bent = graph.add("Gelu", [graph.linear(x, layer.up, f"{name}.up")], f"{name}.bent", domain=MICROSOFT)
    return _add_norm(graph, graph.linear(bent, layer.down, f"{name}.down"), x, layer.norm_output, f"{name}.norm_output")


def _attention(graph: Graph, x: str, layer: Layer, name: str) -> str:
    bias = graph.weight(layer.qkv, "bias", f"{name}.qkv")
    if graph.ranges is None:
        inputs = [x, graph.weight(layer.qkv, "weight", f"{name}.qkv"), bias, "mask32"]
        return graph.add("Attention", inputs, f"{name}.mixed", domain=MICROSOFT, num_heads=layer.heads)
    coded, scale, zero, matrix, scales, zeros = graph.coded(x, layer.qkv, f"{name}.qkv")
    inputs = [coded, matrix, bias, scale, scales, "mask32", zero, zeros]
    return graph.add("QAttention", inputs, f"{name}.mixed", domain=MICROSOFT, num_heads=layer.heads)


def _add_norm(graph: Graph, x: str, skip: str, norm: nn.LayerNorm, name: str) -> str:
    weights = [graph.weight(norm, kind, name) for kind in ("weight", "bias")]
    return graph.add("SkipLayerNormalization", [x, skip, *weights], name, domain=MICROSOFT, epsilon=EPSILON)


def _pool(graph: Graph, x: str) -> str:
    """The mean over the tokens that are no padding: (batch, width)."""
    weight = graph.add(
        "Unsqueeze", [graph.add("Cast", ["mask"], "mask.wide", to=TensorProto.FLOAT), graph.keep("two", np.array([2]))], "weight"
    )
    axis = graph.keep("tokens", np.array([1]))
    total = graph.add("ReduceSum", [graph.add("Mul", [x, weight], "weighted"), axis], "total", keepdims=0)
    return graph.add("Div", [total, graph.add("ReduceSum", [weight, axis], "count", keepdims=0)], "pooled")


def _join_ekman(graph: Graph) -> None:
    """`affekt.training.text_encoder.joined`, in the graph."""
    nothing = graph.add("ReduceSum", [graph.add("Softplus", ["ekman6"], "ekman6.softplus"), "tokens"], "ekman6.some", keepdims=1)
    against = graph.add("Softplus", [graph.add("Neg", ["ekman6"], "ekman6.neg")], "ekman6.against")
    implied = graph.add("Neg", [graph.add("Concat", [against, nothing], "ekman6.costs", axis=1)], "ekman6.implied")
    graph.add("Mean", ["ekman7.own", implied], "ekman7")


def export(model: TextEncoder, path: Path, *, ranges: Ranges | None = None) -> None:
    """Writes the graph: ids and mask (batch, tokens) in, one output a label set; int8 where `ranges` are given, else fp32."""
    graph = Graph(ranges)
    graph.add("Cast", ["mask"], "mask32", to=TensorProto.INT32)
    x = _embedding(graph, model)
    for number, layer in enumerate(model.layers):
        x = _layer(graph, x, layer, f"layer{number}")
    pooled, outputs = _pool(graph, x), []
    for name, at in SLICES.items():  # the heads stay in fp32: 55 columns, nothing to win
        weights = [graph.keep(f"head.{name}.{kind}", numbers(getattr(model.head, kind))[at].T) for kind in ("weight", "bias")]
        graph.add("Gemm", [pooled, *weights], "ekman7.own" if name == "ekman7" else name)
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", at.stop - at.start]))
    _join_ekman(graph)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("ids", "mask")]
    made = helper.make_graph(graph.nodes, "text_affekt", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=9), path)
