"""Writes the text encoder as ONNX, node by node, in onnxruntime's fused operators, in fp32 or int8.

Tracing the torch model gives a graph of some 400 small nodes that the runtime's optimiser only partly fuses; written
out, a layer is six nodes: attention, its output, add-and-norm, up, down, add-and-norm.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor, nn

from affekt.export.onnx_graph import MICROSOFT, Graph, Ranges, numbers, ranges_of
from affekt.training.multitask import Example, collate
from affekt.training.targets import SLICES
from affekt.training.text_encoder import MATRICES, OWN, Layer, TextEncoder

EPSILON = 1e-12  # of BERT's layer norms


def measure(model: TextEncoder, examples: Sequence[Example], *, batch: int = 32) -> Ranges:
    """The range of each column that goes into every matrix, on typical rows."""
    model.eval()
    ordered = sorted(examples, key=lambda example: len(example.ids))

    def run() -> None:
        for at in range(0, len(ordered), batch):
            model(*collate(ordered[at : at + batch]))

    return ranges_of(matrices_of(model), run)


def matrices_of(model: TextEncoder) -> dict[str, nn.Linear]:
    """The matrices of the layers by their names in the graph."""
    return {f"layer{at}.{part}": getattr(layer, part) for at, layer in enumerate(model.layers) for part in MATRICES}


def in_eight_bits(words: Tensor) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A table of word vectors as codes (words, width), and what each row of them is multiplied by (words, 1)."""
    table = numbers(words)
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127.0, 1e-12).astype(np.float32)
    return np.round(table / scale).astype(np.int8), scale


def _embedding(graph: Graph, model: TextEncoder) -> str:
    """Words plus positions, normed; the word table has eight bits and one scale a row in either graph, as it is only looked up."""
    codes, scale = in_eight_bits(model.words.weight)
    rows = graph.add("Gather", [graph.keep("words.codes", codes), "ids"], "words.rows")
    scales = graph.add("Gather", [graph.keep("words.scale", scale), "ids"], "words.scales")
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


def _pool(graph: Graph, x: str, counted: str) -> str:
    """The mean over the tokens that are counted: (batch, width)."""
    wide = graph.add("Cast", [counted], f"{counted}.wide", to=TensorProto.FLOAT)
    weight = graph.add("Unsqueeze", [wide, graph.keep("two", np.array([2]))], "weight")
    axis = graph.keep("tokens", np.array([1]))
    total = graph.add("ReduceSum", [graph.add("Mul", [x, weight], "weighted"), axis], "total", keepdims=0)
    return graph.add("Div", [total, graph.add("ReduceSum", [weight, axis], "count", keepdims=0)], "pooled")


def _join_ekman(graph: Graph) -> None:
    """`affekt.training.text_encoder.joined`, in the graph."""
    nothing = graph.add("ReduceSum", [graph.add("Softplus", ["ekman6"], "ekman6.softplus"), "tokens"], "ekman6.some", keepdims=1)
    against = graph.add("Softplus", [graph.add("Neg", ["ekman6"], "ekman6.neg")], "ekman6.against")
    costs = graph.add("Concat", [against, nothing], "ekman6.costs", axis=1)
    implied = graph.add("Mul", [costs, graph.keep("ekman6.share", np.array(OWN - 1, np.float32))], "ekman6.implied")
    own = graph.add("Mul", ["ekman7.own", graph.keep("ekman7.share", np.array(OWN, np.float32))], "ekman7.weighted")
    graph.add("Add", [own, implied], "ekman7")


def export(
    model: TextEncoder, path: Path, *, ranges: Ranges | None = None, heads: Mapping[str, nn.Linear] | None = None, own: bool = False
) -> None:
    """Writes the graph: ids and mask (batch, tokens) in, one output a label set; int8 where `ranges` are given, else fp32.

    Args:
        heads: label set -> its head, in place of the model's own.
        own: the graph takes one more input, `own` (batch, tokens), which says what tokens the heads see the mean of.
    """
    graph = Graph(ranges)
    graph.add("Cast", ["mask"], "mask32", to=TensorProto.INT32)
    x = _embedding(graph, model)
    for number, layer in enumerate(model.layers):
        x = _layer(graph, x, layer, f"layer{number}")
    pooled = _pool(graph, x, "own" if own else "mask")
    outputs = _own_heads(graph, model, pooled) if heads is None else _heads(graph, heads, pooled)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("ids", "mask", *(["own"] if own else []))
    ]
    made = helper.make_graph(graph.nodes, "text_affekt", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=9), path)


def _own_heads(graph: Graph, model: TextEncoder, pooled: str) -> list[onnx.ValueInfoProto]:
    outputs = []
    for name, at in SLICES.items():  # the heads stay in fp32: 55 columns, nothing to win
        weights = [graph.keep(f"head.{name}.{kind}", numbers(getattr(model.head, kind))[at].T) for kind in ("weight", "bias")]
        graph.add("Gemm", [pooled, *weights], "ekman7.own" if name == "ekman7" else name)
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", at.stop - at.start]))
    _join_ekman(graph)
    return outputs


def _heads(graph: Graph, heads: Mapping[str, nn.Linear], pooled: str) -> list[onnx.ValueInfoProto]:
    for name, head in heads.items():
        graph.add("Gemm", [pooled, *(graph.weight(head, kind, f"head.{name}") for kind in ("weight", "bias"))], name)
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", head.out_features]) for name, head in heads.items()]
