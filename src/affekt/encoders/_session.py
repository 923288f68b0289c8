"""An ONNX graph, opened."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from affekt.preprocessing._network import exact

if TYPE_CHECKING:
    import onnxruntime


def session(
    graph: Path | bytes, threads: int, *, traced: bool = False, put: "Mapping[str, onnxruntime.OrtValue] | None" = None
) -> "onnxruntime.InferenceSession":
    """The graph, ready to run.

    Args:
        graph: its file, or what is in it.
        traced: it was traced from a network, and the runtime may optimise it; else it was written as the runtime would have it.
        put: initialisers that take the place of its own; they must live as long as the session.
    """
    import onnxruntime

    options = exact(onnxruntime.SessionOptions())
    options.intra_op_num_threads = threads
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if traced else level.ORT_ENABLE_EXTENDED  # the least that `exact` needs
    options.log_severity_level = 3  # errors; it warns of an input with a default, which is what a baseline is
    for name, value in (put or {}).items():
        options.add_initializer(name, value)
    given = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def outputs_of(names: Sequence[str]) -> bytes:
    """What makes tensors of a serialised ONNX graph its outputs, when it stands behind it.

    Two protocol buffers one behind the other are one, in which lists of both are joined (protobuf.dev, Encoding, "Last One Wins"):
    so onnx, which only training needs, is not needed to change a graph in this way.
    """
    outputs = b"".join(_field(12, _field(1, name.encode())) for name in names)  # GraphProto.output, ValueInfoProto.name
    return _field(7, outputs)  # ModelProto.graph


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes: its number and type, its length as a varint, itself."""
    length, size = len(value), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + value
