"""Writes a speech model as ONNX: samples in, log-mel front-end and all, features and raw scores out; matrices in fp32 or int8.

The personal baseline is an input with a default: left out, the voice is judged against the population.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from affekt.export.onnx_graph import MICROSOFT, Graph, Ranges, numbers, ranges_of
from affekt.preprocessing.personal import Population
from affekt.training.speech_encoder import HALF, HOP, AttentiveStatistics, Layer, SpeechEncoder

Floats = NDArray[np.float32]
EPSILON = 1e-5  # of Whisper's layer norms
LONGEST = 30 * 50  # frames that Whisper's positions reach


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier over features relative to a baseline, in units of the population's spread.

    Args:
        weight, bias: (d, labels) and (labels,); d is 2 * width a layer, its mean over time and its spread.
    """

    name: str  # key of the label set
    weight: Floats
    bias: Floats
    population: Population


def measure(model: SpeechEncoder, clips: Sequence[Floats]) -> Ranges:
    """The range of each column that goes into every matrix, on typical clips of samples, (n,)."""
    watched = {f"layer{at}.{part}": getattr(layer, part) for at, layer in enumerate(model.layers) for part in ("qkv", "out", "up", "down")}
    model.eval()

    def run() -> None:
        for clip in clips:
            model(model.mel(torch.from_numpy(clip)[None]))

    return ranges_of(watched, run)


def export(model: SpeechEncoder, head: Head, folder: Path, *, ranges: Ranges | None = None, longest: int = LONGEST) -> None:
    """Writes the graph, `model.onnx`, and the head with its population once more, `head.npz`.

    In: `samples` (1, n) at 16 kHz, n a multiple of 320; `baseline` (d,), by default the population's.
    Out: `features` (1, d), and raw scores (1, labels) under the name of the label set.

    Args:
        longest: frames, 50 a second, that a clip may have.
    """
    graph = Graph(ranges)
    x = _positioned(graph, model, _mel(graph, model), longest)
    said = [x]
    for number, layer in enumerate(model.layers):
        said.append(_layer(graph, said[-1], layer, f"layer{number}"))
    _statistics(graph, said[1:], model.pooling)
    baseline = graph.keep("baseline", head.population.mean)
    relative = graph.add("Sub", ["features", baseline], "relative")
    scaled = graph.add("Div", [relative, graph.keep("spread", np.sqrt(head.population.within))], "scaled")
    graph.add("Gemm", [scaled, graph.keep("head.weight", head.weight), graph.keep("head.bias", head.bias)], head.name)
    wide = len(head.population.mean)
    inputs = [
        helper.make_tensor_value_info("samples", TensorProto.FLOAT, [1, "samples"]),
        helper.make_tensor_value_info("baseline", TensorProto.FLOAT, [wide]),
    ]
    outputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, wide]),
        helper.make_tensor_value_info(head.name, TensorProto.FLOAT, [1, len(head.bias)]),
    ]
    made = helper.make_graph(graph.nodes, "speech_affekt", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=9), folder / "model.onnx")
    population = head.population
    emotions = np.zeros((len(head.bias), wide), np.float32) if population.emotions is None else population.emotions
    np.savez(
        folder / "head.npz",
        mean=population.mean,
        between=population.between,
        within=population.within,
        emotions=emotions,
        weight=head.weight,
        bias=head.bias,
    )


def _slice(graph: Graph, x: str, axis: int, begin: int, end: int, name: str) -> str:
    cut = [graph.keep(f"{name}.{part}", np.array([value])) for part, value in (("begin", begin), ("end", end), ("axis", axis))]
    return graph.add("Slice", [x, *cut], name)


def _mel(graph: Graph, model: SpeechEncoder) -> str:
    """`SpeechEncoder.mel`, in the graph: (1, bands, 2 * frames)."""
    x = graph.add("Unsqueeze", ["samples", graph.keep("channel", np.array([1]))], "channels")
    x = graph.add("Pad", [x, graph.keep("edges", np.array([0, 0, HALF, 0, 0, HALF]))], "padded", mode="reflect")
    x = graph.add("Conv", [x, graph.keep("fourier", numbers(model.fourier))], "fourier.all", strides=[HOP])
    x = _slice(graph, x, 2, 0, -1, "fourier.parts")  # (1, 2 * bins, 2 * frames)
    parts = [_slice(graph, x, 1, begin, begin + HALF + 1, f"fourier.{begin}") for begin in (0, HALF + 1)]
    squares = [graph.add("Mul", [part, part], f"{part}.square") for part in parts]
    x = graph.add("Transpose", [graph.add("Add", squares, "power")], "power.turned", perm=[0, 2, 1])
    x = graph.add("MatMul", [x, graph.keep("filters", numbers(model.filters))], "mel.power")
    x = graph.add("Log", [graph.add("Max", [x, graph.keep("faintest", np.array(1e-10, np.float32))], "mel.heard")], "mel.log")
    x = graph.add("Mul", [x, graph.keep("per_ten", np.array(1 / np.log(10), np.float32))], "mel.log10")
    loudest = graph.add("ReduceMax", [x], "mel.loudest", axes=[1, 2], keepdims=1)
    floor = graph.add("Sub", [loudest, graph.keep("depth", np.array(8, np.float32))], "mel.floor")
    x = graph.add("Add", [graph.add("Max", [x, floor], "mel.floored"), graph.keep("lift", np.array(4, np.float32))], "mel.lifted")
    x = graph.add("Mul", [x, graph.keep("quarter", np.array(0.25, np.float32))], "mel.scaled")
    return graph.add("Transpose", [x], "mel", perm=[0, 2, 1])


def _positioned(graph: Graph, model: SpeechEncoder, x: str, longest: int) -> str:
    """What goes into the first layer: (1, frames, width)."""
    for name, conv in (("conv1", model.conv1), ("conv2", model.conv2)):
        weights = [graph.keep(f"{name}.{kind}", numbers(getattr(conv, kind))) for kind in ("weight", "bias")]
        x = graph.add("Conv", [x, *weights], name, pads=[1, 1], strides=list(conv.stride))
        x = graph.add("Gelu", [x], f"{name}.bent", domain=MICROSOFT)
    x = graph.add("Transpose", [x], "frames", perm=[0, 2, 1])
    length = graph.add("Gather", [graph.add("Shape", [x], "frames.shape"), graph.keep("one", np.array([1]))], "frames.count")
    cut = [graph.keep("zero", np.array([0])), length, graph.keep("rows", np.array([0]))]
    positions = graph.add("Slice", [graph.keep("positions", numbers(model.positions.weight)[:longest]), *cut], "positions.used")
    return graph.add("Add", [x, positions], "said0")


def _layer(graph: Graph, x: str, layer: Layer, name: str) -> str:
    mixed = _attention(graph, _norm(graph, x, layer.norm_attention, f"{name}.norm_attention"), layer, name)
    x = graph.add("Add", [x, graph.linear(mixed, layer.out, f"{name}.out")], f"{name}.attended")
    bent = graph.linear(_norm(graph, x, layer.norm_output, f"{name}.norm_output"), layer.up, f"{name}.up")
    bent = graph.add("Gelu", [bent], f"{name}.bent", domain=MICROSOFT)
    return graph.add("Add", [x, graph.linear(bent, layer.down, f"{name}.down")], f"{name}.said")


def _norm(graph: Graph, x: str, norm: nn.LayerNorm, name: str) -> str:
    return graph.add("LayerNormalization", [x, *(graph.weight(norm, kind, name) for kind in ("weight", "bias"))], name, epsilon=EPSILON)


def _attention(graph: Graph, x: str, layer: Layer, name: str) -> str:
    bias = graph.weight(layer.qkv, "bias", f"{name}.qkv")
    if graph.ranges is None:
        inputs = [x, graph.weight(layer.qkv, "weight", f"{name}.qkv"), bias]
        return graph.add("Attention", inputs, f"{name}.mixed", domain=MICROSOFT, num_heads=layer.heads)
    coded, scale, zero, matrix, scales, zeros = graph.coded(x, layer.qkv, f"{name}.qkv")
    inputs = [coded, matrix, bias, scale, scales, "", zero, zeros]
    return graph.add("QAttention", inputs, f"{name}.mixed", domain=MICROSOFT, num_heads=layer.heads)


def _statistics(graph: Graph, said: Sequence[str], pooling: AttentiveStatistics) -> None:
    """`AttentiveStatistics`, in the graph, as `features`."""
    least, time = graph.keep("least", np.array(1e-8, np.float32)), graph.keep("time", np.array([1]))
    made = []
    for at, x in enumerate(said):
        down, score = pooling.down[at], pooling.score[at]
        bent = graph.add("MatMul", [x, graph.keep(f"{x}.down", numbers(down.weight).T)], f"{x}.narrow")
        bent = graph.add("Tanh", [graph.add("Add", [bent, graph.keep(f"{x}.down.bias", numbers(down.bias))], f"{x}.moved")], f"{x}.bent")
        scores = graph.add("MatMul", [bent, graph.keep(f"{x}.score", numbers(score.weight).T)], f"{x}.scores")
        weight = graph.add("Softmax", [scores], f"{x}.weight", axis=1)
        mean = graph.add("ReduceSum", [graph.add("Mul", [x, weight], f"{x}.weighted"), time], f"{x}.mean", keepdims=1)
        away = graph.add("Sub", [x, mean], f"{x}.away")
        squares = graph.add("Mul", [graph.add("Mul", [away, away], f"{x}.squares"), weight], f"{x}.squares.weighted")
        variance = graph.add("ReduceSum", [squares, time], f"{x}.variance", keepdims=1)
        made += [mean, graph.add("Sqrt", [graph.add("Max", [variance, least], f"{x}.positive")], f"{x}.spread")]
    joined = graph.add("Concat", made, "features.joined", axis=2)
    graph.add("Squeeze", [joined, time], "features")
