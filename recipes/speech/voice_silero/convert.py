"""Makes what hears where somebody speaks ready to ship: Silero's graph for many frames at once, and a card.

python convert.py WORK_FOLDER OUT_FOLDER          (pip downloads the package)
"""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import onnxruntime

PACKAGE = "silero-vad==6.2.3"
GRAPH = "silero_vad/data/silero_vad_16k_sequence.onnx"
GIVES = ["speech_probs", "hn", "cn"]
TAKES = {"input": ["sequence_length", 576], "h": [1, 1, 128], "c": [1, 1, 128]}


def main() -> None:
    work, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    wheels = work / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, PACKAGE], check=True)
    with zipfile.ZipFile(next(wheels.glob("silero_vad-*.whl"))) as archive:
        graph = archive.read(GRAPH)
        licence = archive.read(next(name for name in archive.namelist() if name.endswith("LICENSE"))).decode()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = {one.name: one.shape for one in session.get_inputs()}
    if found != TAKES or [one.name for one in session.get_outputs()] != GIVES:
        sys.exit(f"{GRAPH} takes {found}; {TAKES} was expected: another version of the package?")
    (out / "model.onnx").write_bytes(graph)
    card = {
        "name": "voice_silero",
        "paper": "Silero Team (2024), Silero VAD: pre-trained enterprise-grade Voice Activity Detector",
        "start": f"{GRAPH} of {PACKAGE}, unchanged",
        "licence": "MIT",
        "notice": licence.strip(),
        "recipe": "recipes/speech/voice_silero",
        "sha256": hashlib.sha256(graph).hexdigest(),
    }
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
