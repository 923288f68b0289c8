"""From a trained torch model to what ships: ONNX, then int8; needs the `train` extra."""
