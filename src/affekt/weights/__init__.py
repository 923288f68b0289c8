"""The shipped models: a folder each, with ONNX in int8, tokenizer and card."""
