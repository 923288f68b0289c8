"""Leaves out the doctests of modules whose optional libraries are absent; the tests themselves say what they skip."""

from importlib.util import find_spec

collect_ignore_glob = []
if not all(map(find_spec, ("torch", "onnx", "safetensors", "sklearn"))):
    collect_ignore_glob += ["src/affekt/training/*", "src/affekt/export/*"]
