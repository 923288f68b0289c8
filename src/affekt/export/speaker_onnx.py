"""Writes the speaker network of GE2E (Wan et al. 2018, arXiv:1710.10467) as ONNX: samples in, mel front-end and all, embeddings out.

In int8 it is the file that is small: each row of a matrix has one scale, and the runtime multiplies in fp32. The spectrogram is not
logarithmic, so its numbers span many orders of magnitude; eight bits for activations would flatten them, and the matrix that
the spectrogram goes into stays fp32, as its error alone outweighs that of all others together.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from affekt.export.onnx_graph import Graph
from affekt.sources.audio import RATE
from affekt.training.speech_encoder import BEND, HALF, HOP, SLOPE, STEP, WINDOW, fourier

Floats = NDArray[np.float32]
BANDS, WIDTH, LAYERS = 40, 256, 3  # mel bands; units of a layer and of the embedding; LSTM layers
GATES = (0, 3, 1, 2)  # torch stacks input, forget, cell, output; ONNX input, output, forget, cell
FAINTEST = 1e-6  # least length that an embedding is divided by; digital silence may have none at all


def mel_filters(bands: int = BANDS) -> Floats:
    """Triangles over the bins of the power spectrum, (bins, bands), each of area one on Slaney's scale."""
    edges = np.linspace(0, BEND + np.log(RATE / 2 / 1000) / STEP, bands + 2)  # mel
    edges = np.where(edges < BEND, edges * SLOPE, 1000 * np.exp(STEP * (edges - BEND)))  # Hz
    bins = np.linspace(0, RATE / 2, HALF + 1)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2]), np.float32)


def export(state: Mapping[str, Floats], path: Path, *, int8: bool = False) -> None:
    """Writes the graph.

    In: `samples` (windows, n) at 16 kHz, n at least 400; a frame begins every 160 samples, nothing is padded.
    Out: `embeddings` (windows, 256), each of length one.

    Args:
        state: the network's tensors by torch's names, `lstm.weight_ih_l0` and so on.

    Raises:
        KeyError: a tensor is absent.
    """
    graph = Graph(None)
    x = _mel(graph)
    for layer in range(LAYERS):
        x = _lstm(graph, x, state, layer, int8=int8)
    last = graph.add("Gather", [x, graph.keep("last", np.array([-1]))], "last.frame", axis=0)
    x = graph.add("Squeeze", [last, graph.keep("frames", np.array([0]))], "hidden")  # (windows, WIDTH)
    weight = _matrix(graph, state["linear.weight"], "linear.weight", int8=int8)
    x = graph.add("Gemm", [x, weight, graph.keep("linear.bias", state["linear.bias"])], "linear", transB=1)
    x = graph.add("Relu", [x], "positive")
    length = graph.add("ReduceL2", [x], "length", axes=[1], keepdims=1)
    graph.add("Div", [x, graph.add("Max", [length, graph.keep("faintest", np.array(FAINTEST, np.float32))], "safe")], "embeddings")
    _write(graph, path)


def _mel(graph: Graph) -> str:
    """The power of the mel bands, (frames, windows, BANDS)."""
    x = graph.add("Unsqueeze", ["samples", graph.keep("channel", np.array([1]))], "channels")
    x = graph.add("Conv", [x, graph.keep("fourier", fourier())], "parts", strides=[HOP], kernel_shape=[WINDOW])
    squares = graph.add("Mul", [x, x], "squares")  # (windows, 2 * bins, frames)
    squares = graph.add("Transpose", [squares], "squares.turned", perm=[2, 0, 1])
    both = np.concatenate([mel_filters(), mel_filters()])  # a bin's power is the square of its cosine part plus that of its sine part
    return graph.add("MatMul", [squares, graph.keep("filters", both)], "mel")


def _lstm(graph: Graph, x: str, state: Mapping[str, Floats], layer: int, *, int8: bool) -> str:
    """One layer: (frames, windows, in) -> (frames, windows, WIDTH)."""
    name = f"lstm{layer}"
    inputs = [
        _matrix(graph, _gates(state[f"lstm.weight_{kind}_l{layer}"])[None], f"{name}.{kind}", int8=int8 and (kind, layer) != ("ih", 0))
        for kind in ("ih", "hh")
    ]
    bias = np.concatenate([_gates(state[f"lstm.bias_{kind}_l{layer}"]) for kind in ("ih", "hh")])[None]
    x = graph.add("LSTM", [x, *inputs, graph.keep(f"{name}.bias", bias)], f"{name}.all", hidden_size=WIDTH)
    return graph.add("Squeeze", [x, graph.keep(f"{name}.direction", np.array([1]))], name)


def _gates(rows: Floats) -> Floats:
    """The rows of the four gates in ONNX's order."""
    return np.concatenate([np.split(rows, 4)[gate] for gate in GATES])


def _matrix(graph: Graph, value: Floats, name: str, *, int8: bool) -> str:
    """A matrix (…, out, in); in int8 with one scale an output."""
    if not int8:
        return graph.keep(name, value)
    scales = np.asarray(np.abs(value).max(-1) / 127.0, np.float32)
    codes = np.round(value / scales[..., None]).astype(np.int8)
    inputs = [graph.keep(f"{name}.codes", codes), graph.keep(f"{name}.scales", scales.reshape(-1))]
    return graph.add("DequantizeLinear", inputs, name, axis=value.ndim - 2)


def _write(graph: Graph, path: Path) -> None:
    samples = helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["windows", "n"])
    embeddings = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["windows", WIDTH])
    made = helper.make_graph(graph.nodes, "speaker_ge2e", [samples], [embeddings], graph.weights)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
