"""The small networks that preprocessing rests on: one folder of weights/ each, made ready by a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING

from affekt.errors import WeightsError

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = Path(__file__).parents[1] / "weights"


def opened(folder: Path, *, threads: int = 1, widened: bool = False) -> "onnxruntime.InferenceSession":
    """The graph in `folder`, ready to run.

    Args:
        threads: of one call; 0: as many as there are cores.
        widened: its eight-bit matrices are widened once, else with every call, which takes less memory and five times as long.

    Raises:
        WeightsError: the file is absent or damaged.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if widened:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    path = folder / "model.onnx"
    if not path.is_file():
        raise WeightsError(f"no model.onnx in {folder}; install the package again")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own types, and bare ones
        raise WeightsError(f"{path} is damaged: {error}; install the package again") from error
