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

    options = exact(onnxruntime.SessionOptions())
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


def exact(options: "onnxruntime.SessionOptions") -> "onnxruntime.SessionOptions":
    """The options, by which products of eight-bit numbers are summed exactly on every processor.

    Without VNNI the sum of two such products is kept in 16 bits, which is too few for signed weights of large values: outputs of the
    text model were off by up to 0.2, and faces were read 0.7 points worse. With this onnxruntime makes such weights unsigned, there only.
    """
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options
