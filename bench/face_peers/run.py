"""Other systems that find faces and read emotion from them: set up in a folder, then run on the same frames and images as ours."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

from affekt.evaluation.pictures import evaluate_pictures
from face_clips import LOOPS, clip, frames_of, resized
from text import disk

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "recipes" / "face"))

from tfjs import fetch  # noqa: E402

FRAMES = "single_face.mp4"  # 640 x 360
SIDE = 96  # pixels that FER2013's images of 48 are brought to
FER = "fer==25.10.3"
NEEDED = (  # by fer 25.10.3, but for facenet-pytorch; OpenCV 5 has no Haar cascades
    *("tensorflow-cpu", "opencv-contrib-python-headless<5", "pandas", "matplotlib", "requests", "tqdm", "moviepy<2", "ffmpeg-python"),
    *("pillow", "setuptools<81"),
)
ONE = ("taskset", "-c", "0")  # on one core
HUMAN = "@vladmandic/human@3.3.6"
TFJS = ("@tensorflow/tfjs-core@4.22.0", "@tensorflow/tfjs-converter@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0")


def peers(folder: Path) -> dict[str, Any]:
    """Frames a second and accuracy of each, on all cores and on one.

    Args:
        folder: that the peers are installed into; what is there already is used.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found, (pixels, gold) = np.stack(frames_of(clip(FRAMES)) * LOOPS), valid()
    with tempfile.TemporaryDirectory() as work:
        frames, images = Path(work) / "frames.raw", Path(work) / "images.raw"
        found.tofile(frames)
        np.stack([resized(np.repeat(one[..., None], 3, axis=2), SIDE, SIDE) for one in pixels]).tofile(images)
        shown = [str(frames), str(found.shape[2]), str(found.shape[1])]
        made = {"affekt": ours(shown)}
        for name, (command, megabytes) in commands(folder).items():
            made[name] = {**judged([*command, *shown], [str(images), str(SIDE)], gold), "install_mb": megabytes}
            print(f"{name} {made[name]}", file=sys.stderr, flush=True)
    return made


def ours(shown: list[str]) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "ours.py")]
    result = evaluate_pictures(data(), labels="fer2013", where=["split=valid"])
    return {
        "all_cores": run([*command, "0", *shown]),
        "one_core": run([*ONE, *command, "1", *shown]),
        **{key: round(result[key], 4) for key in ("accuracy", "ua", "n")},
    }


def judged(command: list[str], images: list[str], gold: np.ndarray) -> dict[str, Any]:
    """What a peer does on all cores and on one, and how often what it says of the images is what they are called."""
    whole, alone = run([*command, *images]), run([*ONE, *command])
    hits = np.array(whole.pop("said")) == gold
    recalls = [hits[gold == label].mean() for label in np.unique(gold)]
    return {
        "versions": whole.pop("versions"),
        "all_cores": whole,
        "one_core": {key: alone[key] for key in whole},
        "accuracy": round(float(hits.mean()), 4),
        "ua": round(float(np.mean(recalls)), 4),
        "n": len(hits),
    }


def data() -> Path:
    return Path(os.environ["AFFEKT_DATA"]) / "faces" / "fer2013_ferplus.npz"


def valid() -> tuple[np.ndarray, np.ndarray]:
    """FER2013's images of the split `valid`, (n, 48, 48), and what each is called, (n,)."""
    with np.load(data()) as found:
        rows = found["split"] == "valid"
        return found["images"][rows], found["label_names"][found["label"][rows]]


def commands(folder: Path) -> dict[str, tuple[list[str], int]]:
    """What runs each peer, but for the frames; and how large it is installed, MB. One that cannot be set up here is left out."""
    made: dict[str, tuple[list[str], int]] = {}
    python, size = fer(folder / "fer")
    for kind in ("tflite", "keras"):
        made[f"fer_{kind}"] = [str(python), "-P", str(HERE / "fer.py"), kind], size
    if shutil.which("node") and shutil.which("npm"):
        size = human(folder / "human")
        made["human"] = ["node", str(HERE / "human.mjs"), str(folder / "human"), str(fetch(folder))], size
    else:
        print(f"left out: {HUMAN}: node and npm are not installed", file=sys.stderr)
    return made


def fer(folder: Path) -> tuple[Path, int]:
    """An environment of its own with fer in it: its Python, and its size in MB."""
    python = folder / "bin" / "python"
    if not python.is_file():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *NEEDED], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", FER], check=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    return python, round((disk(site) - disk(site / "pip")) / 1e6)


def human(folder: Path) -> int:
    """human and TensorFlow.js with its WebAssembly backend, the native one's binary not being on npm, in a folder of their own; MB."""
    if not (folder / "node_modules").is_dir():
        folder.mkdir(exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), HUMAN, *TFJS], check=True)
    return round(disk(folder / "node_modules") / 1e6)


def run(command: list[str]) -> dict[str, Any]:
    """The JSON on the last line that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
