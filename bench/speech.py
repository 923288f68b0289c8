"""Quality and speed of the speech model, ours beside a classic baseline.

    AFFEKT_DATA=/data python bench/speech.py [--only quality|speed|readme] [--hours N]

Writes bench/results/speech.json and the tables in README. Quality is what the recipes' protocols measured (their result.json); here it
is only gathered. Speed is measured on recordings of EmoDB, a second apart, on one core.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from affekt import Reader
from affekt.catalog import find
from affekt.encoders._card import read_card
from affekt.encoders.speech_affekt import SHIPPED
from affekt.preprocessing.speech import PAUSE, SECOND
from affekt.sources.audio import RATE, open_audio
from readme import write_readme

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "speech.json"
RECIPES = ROOT / "recipes" / "speech"
MINUTES = 20  # of sound that live readings are timed on
CHUNK = RATE // 50  # samples that come at once, live: 20 ms
READ = """
import sys, time
from pathlib import Path
from affekt import Reader
reader = Reader(speakers=1, threads=1)
reader.read(sys.argv[2])
hearing = reader.hear(sys.argv[1])
began = time.perf_counter()
count = sum(1 for _ in hearing.readings())
took = time.perf_counter() - began
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]  # kB; of this process alone, unlike getrusage's
print(count, hearing.position, took, int(peak) / 1024)
"""


def sound(seconds: float) -> np.ndarray:
    """Recordings of EmoDB, a second of silence after each, (n,)."""
    data, pieces, length = Path(os.environ["AFFEKT_DATA"]) / "speech", [], 0.0
    part = find("datasets", "emodb")
    for one in cycle([one for split in part.splits for one in part.recordings(data, split)]):
        pieces += [*(block.mean(0) for block in open_audio(one.path).blocks()), np.zeros(RATE, np.float32)]
        length = sum(map(len, pieces)) / RATE if len(pieces) % 50 == 0 else length
        if length > seconds:
            return np.concatenate(pieces)[: int(seconds * RATE)]
    raise AssertionError


def write_flac(samples: np.ndarray, path: Path, *, times: int) -> None:
    """The samples, several times over, as one FLAC file."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        whole = (np.clip(samples, -1, 1) * 32767).astype("<i2")
        for _ in range(times):
            for begin in range(0, len(whole), RATE * 10):
                frame = av.AudioFrame.from_ndarray(whole[None, begin : begin + RATE * 10], format="s16", layout="mono")
                frame.sample_rate = RATE
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def long_file(hours: float) -> dict[str, Any]:
    """A file of so many hours, read from decoder to reading on one core in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path, short = Path(folder) / "long.flac", Path(folder) / "short.flac"
        samples = sound(1200)
        write_flac(samples[: 60 * RATE], short, times=1)
        write_flac(samples, path, times=round(hours * 3))
        command = ["taskset", "-c", "0", sys.executable, "-c", READ, str(path), str(short)]
        count, seconds, took, peak = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    return {"hours": seconds / 3600, "readings": int(count), "times_real_time": seconds / took, "peak_mib": peak}


def live() -> dict[str, float]:
    """Milliseconds from the samples that end an utterance to its reading, and from the last word on: the pause comes before."""
    reader = Reader(speakers=1)
    hearing = reader.hear(np.zeros(RATE, np.float32))
    listener, samples, took = hearing.listeners[0], sound(60 * MINUTES), []
    listener.push(samples[: 20 * RATE])
    for begin in range(20 * RATE, len(samples), CHUNK):
        began = time.perf_counter()
        if listener.push(samples[begin : begin + CHUNK]):
            took.append(1000 * (time.perf_counter() - began))
    return {
        "n": len(took),
        "p50_ms": float(np.percentile(took, 50)),
        "p95_ms": float(np.percentile(took, 95)),
        "pause_ms": 1000 * PAUSE / SECOND,
    }


def quality() -> dict[str, Any]:
    """What the recipes measured."""
    ours = json.loads((RECIPES / "speech_affekt" / "result.json").read_text())
    classic = json.loads((RECIPES / "speech_prosody" / "result.json").read_text())
    return {"speech_affekt": ours, "speech_prosody": classic}


def tables(made: dict[str, Any]) -> dict[str, str]:
    """README's tables."""
    ours, speed = made["quality"]["speech_affekt"], made["speed"]
    levels = list(next(iter(ours["ua_by_heard"].values())))
    lines = [f"| unweighted average recall after … utterances heard | {' | '.join(levels)} |", "|---|" + "---|" * len(levels)]
    lines += [f"| {name} | {' | '.join(f'{row[level]:.3f}' for level in levels)} |" for name, row in ours["ua_by_heard"].items()]
    classic = made["quality"]["speech_prosody"]["ua_by_heard"]
    lines += [
        f"| {name}: {row} | {' | '.join(f'{found[level]:.3f}' if level in found else '' for level in levels)} |"
        for name, rows in (("classic baseline", classic),)
        for row, found in rows.items()
    ]
    one, live = ours["one_emotion"], speed["live"]
    facts = [
        "| | |",
        "|---|---|",
        f"| calibration error (ECE) on speakers left out | {made['ece']:.3f} |",
        f"| recall of an emotion, nothing heard / up to forty of the same heard | {' / '.join(f'{x:.3f}' for x in one.values())} |",
        f"| seconds of sound a second, one core, from file to readings | {speed['file']['times_real_time']:.0f} |",
        f"| peak memory, a file of {speed['file']['hours']:.0f} h | {speed['file']['peak_mib']:.0f} MiB |",
        f"| live: from the end of an utterance to its reading, p50 / p95 | {live['p50_ms']:.0f} / {live['p95_ms']:.0f} ms |",
        f"| … the pause by which the end is known | {live['pause_ms']:.0f} ms |",
        f"| model file | {SHIPPED.joinpath('model.onnx').stat().st_size / 1e6:.1f} MB |",
    ]
    return {"speech": "\n".join(lines), "speech_speed": "\n".join(facts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("quality", "speed", "readme"))
    parser.add_argument("--hours", type=float, default=10, help="of the file that memory is measured on")
    given = parser.parse_args()
    made = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    card = read_card(SHIPPED)
    if given.only in (None, "quality"):
        made["quality"], made["ece"], made["quality_of"] = quality(), card.facts["ece"], f"{card.name}@{card.revision}"
    if given.only in (None, "speed"):
        if "AFFEKT_DATA" not in os.environ:
            parser.error("AFFEKT_DATA is not set; it names the folder that holds the corpora")
        made["speed"], made["speed_of"] = {"live": live(), "file": long_file(given.hours)}, f"{card.name}@{card.revision}"
    made["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
    }
    made["command"] = "python bench/speech.py"
    RESULTS.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    write_readme(tables(made))


if __name__ == "__main__":
    main()
