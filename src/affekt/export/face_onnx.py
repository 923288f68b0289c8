"""Writes a face network as ONNX: grey faces in, raw outputs of its heads, or features, out; in fp32, then int8.

In int8 every convolution has one scale a channel for its weights and one for what goes into it, measured on faces beforehand, so that what
is said of a face does not depend on the faces that it is read with.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from affekt.export.onnx_graph import Graph, numbers
from affekt.training.face_encoder import PLAN, Convolution, FaceEncoder, folded

Floats = NDArray[np.float32]


def export(
    model: FaceEncoder,
    path: Path,
    *,
    side: int,
    typical: Sequence[Floats] = (),
    heads: Mapping[str, nn.Linear] | None = None,
) -> None:
    """Writes the graph.

    In: `pixels` (faces, 1, side, side) in 0 … 255. Out: the raw outputs of each head under its name, (faces, labels), the mean of
    those for the face as it is and in a mirror; of a network without heads `features`, (faces, 1024), each of length one.

    Args:
        typical: batches of such pixels by which int8 is measured; without any the graph stays fp32.
        heads: label set -> its head, in place of the model's own.
    """
    graph, heads = Graph(None), _heads(model) if heads is None else heads
    x = _both_ways(graph, model) if heads else _body(graph, model)
    outputs = {name: layer.out_features for name, layer in heads.items()}
    for name, layer in heads.items():
        inputs = [x, graph.keep(f"{name}.weight", numbers(layer.weight).T), graph.keep(f"{name}.bias", numbers(layer.bias))]
        graph.add("Gemm", inputs, name)
    if not outputs:
        length = graph.add("ReduceL2", [x], "length", axes=[1], keepdims=1)
        graph.add("Div", [x, length], "features")
        outputs = {"features": PLAN[-1][0]}
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["faces", 1, side, side])
    gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["faces", count]) for name, count in outputs.items()]
    made = helper.make_graph(graph.nodes, "face", [pixels], gives, graph.weights)
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(whole, full_check=True)
    if not typical:
        onnx.save(whole, path)
        return
    with TemporaryDirectory() as folder:
        fp32 = Path(folder) / "fp32.onnx"
        onnx.save(whole, fp32)
        _quantise(fp32, path, typical)


def _heads(model: FaceEncoder) -> dict[str, nn.Linear]:
    return {name: layer for name, layer in model.heads.items() if isinstance(layer, nn.Linear)}


def _both_ways(graph: Graph, model: FaceEncoder) -> str:
    """The mean features of each face and of what it is in a mirror."""
    ends = [
        graph.keep(name, np.array([value]))
        for name, value in (("last", -1), ("before", np.iinfo(np.int64).min), ("across", 3), ("back", -1))
    ]
    mirrored = graph.add("Slice", ["pixels", *ends], "mirrored")
    x = _body(graph, model, graph.add("Concat", ["pixels", mirrored], "both", axis=0))
    pairs = graph.add("Reshape", [x, graph.keep("pairs.shape", np.array([2, -1, PLAN[-1][0]]))], "pairs")
    return graph.add("ReduceMean", [pairs], "mean", axes=[0], keepdims=0)


def _body(graph: Graph, model: FaceEncoder, x: str = "pixels") -> str:
    for at, ((weight, bias), layer) in enumerate(zip(folded(model), model.body, strict=True)):
        assert isinstance(layer, Convolution)
        left, right, top, bottom = layer.borders
        inputs = [x, graph.keep(f"conv{at}.weight", weight), graph.keep(f"conv{at}.bias", bias)]
        stride, groups = layer.conv.stride[0], layer.conv.groups
        graph.add("Conv", inputs, f"conv{at}", strides=[stride] * 2, pads=[top, left, bottom, right], group=groups)
        limits = [graph.keep(f"conv{at}.{name}", np.array(value, np.float32)) for name, value in (("low", 0), ("high", 6))]
        x = graph.add("Clip", [f"conv{at}", *limits], f"relu{at}")
    pooled = graph.add("GlobalAveragePool", [x], "pooled")
    return graph.add("Flatten", [pooled], "flat")


def _quantise(fp32: Path, path: Path, typical: Sequence[Floats]) -> None:
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

    class Batches(CalibrationDataReader):
        """Gives the runtime what it measures ranges on."""

        def __init__(self) -> None:
            self.left: Iterator[Floats] = iter(typical)

        def get_next(self) -> Mapping[str, Floats] | None:
            batch = next(self.left, None)
            return None if batch is None else {"pixels": batch}

    quantize_static(
        fp32,
        path,
        Batches(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        nodes_to_exclude=["conv0"],  # it sees 256 levels of grey, and what it loses is lost for all
        extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
    )
