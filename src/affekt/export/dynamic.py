"""A graph that is there, with its matrices in int8, the range of each activation found while it runs.

Nothing needs to be known of the network, nor typical texts be shown to it. But a batch shares its ranges: what is said of a text
depends a little on the texts that are read with it, which it does not in `affekt.export.text_onnx`.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from affekt.errors import InputError

READY = {"onnx.quant.pre_process": "onnxruntime.quant"}  # else the library writes to the root logger that a step before would be useful
SCALES = "words.scales"  # of `affekt.export.text_onnx`, whose words have eight bits already
KINDS = ["MatMul", "Attention", "Gather", "LSTM"]  # onnxruntime has no kernel for a convolution with signed eight bits
ROUNDED = ("MatMulInteger", "MatMulIntegerToFloat", "QAttention", "DynamicQuantizeLSTM", "DynamicQuantizeLinear", "QuantizeLinear")


def is_rounded(graph: Path) -> bool:
    """Whether a graph computes in int8 already."""
    return any(node.op_type in ROUNDED for node in onnx.load(graph, load_external_data=False).graph.node)


def write_dynamic(graph: Path, path: Path) -> None:
    """Writes an fp32 graph with int8 matrices, one scale a column; heads stay as they are, for there is nothing to win.

    Raises:
        InputError: the graph cannot be written so.
        OSError: the file cannot be written.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(graph)
    helper.set_model_props(model, READY)
    outputs = {one.name for one in model.graph.output}
    heads = [node.name for node in model.graph.node if node.op_type in ("Gemm", "MatMul") and outputs & set(node.output)]
    kept = [SCALES, *heads, *(f"{name}_MatMul" for name in heads)]  # a Gemm is made a MatMul of that name first
    options = {"DefaultTensorType": TensorProto.FLOAT}  # it knows the types of no operator of com.microsoft
    try:
        quantize_dynamic(
            model,
            path,
            op_types_to_quantize=KINDS,
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept,
            extra_options=options,
        )
    except (RuntimeError, ValueError, KeyError, NotImplementedError) as error:
        raise InputError(f"the graph in {graph.parent} cannot be written in int8: {error}; use it as it is") from error
