"""An ONNX graph, opened."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


def session(path: Path, threads: int) -> "onnxruntime.InferenceSession":
    """The graph, ready to run; the file holds it as the runtime would optimise it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3  # errors; it warns of an input with a default, which is what a baseline is
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
