"""Speed and memory of a video that is read with face, voice and words, and how long live readings take.

    AFFEKT_DATA=/data python bench/video.py [--only batch|live|long|readme] [--minutes 30]

Writes bench/results/video.json and the tables in README. The video is d10.mp4 of AFFEKT_DATA/video, a talking head of 512 x 512 pixels at
30 frames a second with sound; words are written down by the packaged Whisper. Live its pictures are played as fast as they were recorded,
over and over, with sentences of RAVDESS, a second apart, as the sound: in that of the clip, music, hardly anybody speaks.

* batch: the median of three runs in one process, models loaded before.
* provisional: from the moment at which something is said (every 0.1 s of an utterance, from its first sound) or shown (every frame in
  which faces are read) to the first fused reading that rests on it.
* final: from the end of the utterance, or of the second in which a face was to be seen, to its first fused reading that is final; an
  utterance gets one more when its words have been written down.
* long: memory of the process every minute, and the delays of the first and the last five minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from affekt import Reader
from affekt.catalog import find
from affekt.preprocessing.speech import PAD, SECOND
from affekt.results import Reading
from affekt.sources.audio import RATE, open_audio
from affekt.sources.playback import play
from face_clips import clip, loop_video
from machine import machine
from readme import write_readme

RESULTS = Path(__file__).parents[1] / "bench" / "results" / "video.json"
QUALITY = Path(__file__).parents[1] / "bench" / "results" / "fusion.json"
TALKING = "d10.mp4"
RUNS = 3
LIVE_MINUTES = 2.0
STEP = 0.1  # seconds between two moments that are asked about
CHUNK = RATE // 25  # samples that come at once, live


def status(name: str) -> float:
    """MiB, of this process alone."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) / 1024


def batch() -> dict[str, Any]:
    """Seconds of video a second."""
    reader = Reader(transcript="packaged")
    reader.read(clip("talk_5s.mp4"))
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        timeline = reader.read(clip(TALKING))
        took.append(time.perf_counter() - began)
    modalities = {name: sum(one.modality == name for one in timeline.readings) for name in ("face", "speech", "text")}
    return {
        "video": TALKING,
        "seconds": timeline.duration,
        "readings": modalities,
        "fused": len(timeline.fused),
        "times_real_time": round(timeline.duration / statistics.median(took), 2),
        "peak_mib": round(status("VmHWM")),
    }


def film(path: Path, begins: dict[str, float]) -> Iterator[tuple[float, np.ndarray]]:
    """The frames of a video as they would be seen."""
    for at, pixels in play(path)[1]:
        begins["face"] = min(begins.get("face", np.inf), time.monotonic() - at)  # the first may come late
        yield at, pixels


def sentences(seconds: float, begins: dict[str, float]) -> Iterator[tuple[float, np.ndarray]]:
    """Recordings of RAVDESS, a second of silence after each, as they would be heard: 40 ms at once.

    Args:
        begins: gets the moment of the first sample, on the monotonic clock.
    """
    data, part = Path(os.environ["AFFEKT_DATA"]) / "speech", find("datasets", "ravdess")
    found = [one.path for split in part.splits for one in part.recordings(data, split)]
    np.random.default_rng(0).shuffle(found)
    at = 0
    begins["speech"] = time.monotonic()
    for path in cycle(found):
        samples = np.concatenate([*(block.mean(0) for block in open_audio(path).blocks()), np.zeros(RATE, np.float32)])
        for first in range(0, len(samples), CHUNK):
            piece = samples[first : first + CHUNK]
            if at + len(piece) > seconds * RATE:
                return
            time.sleep(max((at + len(piece)) / RATE - (time.monotonic() - begins["speech"]), 0))
            yield at / RATE, piece
            at += len(piece)


@dataclass(frozen=True, slots=True)
class Given:
    """A fused reading that was given out, as far as its delay needs it, so that what the bench keeps does not count as memory.

    Args:
        now: seconds on the monotonic clock.
        of: first letters of its modalities.
    """

    now: float
    start: float
    end: float
    final: bool
    of: str


class Delays:
    """What is measured of a live run.

    Args:
        begins: modality -> the moment of its first sample or frame, on the monotonic clock.
    """

    def __init__(self, begins: dict[str, float]) -> None:
        self.begins = begins
        self.given: list[Given] = []
        self.mib: list[float] = []

    def take(self, reading: Reading) -> None:
        now = time.monotonic()
        if reading.modality == "fused":
            of = "".join(sorted(name[0] for name in reading.shares or {}))
            self.given.append(Given(now, reading.start, reading.end, not reading.provisional, of))
        if now - min(self.begins.values()) >= 60 * len(self.mib):
            self.mib.append(round(status("VmRSS"), 1))

    def of(self, frames: list[float], begin: float = 0.0, end: float = np.inf) -> dict[str, Any]:
        """The delays of what happened between two moments."""
        finals = [one for one in self.given if one.final and begin <= one.start and one.end < end]
        heard = [one for one in finals if "s" in one.of]
        spoken = [one for at, one in enumerate(heard) if one.start not in {other.start for other in heard[:at]}]
        seen = [one for at, one in enumerate(finals) if "s" not in one.of and not _covered(one, finals[:at])]
        moments = [(at, "speech") for one in spoken for at in np.arange(one.start + PAD / SECOND, one.end, STEP)]
        moments += [(at, "face") for at in frames if begin <= at < end]
        early = []
        for at, modality in moments:
            resting = (one.now for one in self.given if modality[0] in one.of and one.start <= at < one.end)
            early.append(min(resting, default=np.nan) - self.begins[modality] - at)
        told = np.array(early)
        late = [one.now - self.begins["speech"] - one.end for one in spoken], [one.now - self.begins["face"] - one.end for one in seen]
        written = [one.now - self.begins["speech"] - one.end for one in heard if "t" in one.of]
        return {
            "provisional": _percentiles(told[np.isfinite(told)]),
            "not_covered": int(np.isnan(told).sum()),
            "final": _percentiles(np.concatenate(late)),
            "final_of_utterances": _percentiles(np.array(late[0])),
            "with_words": _percentiles(np.array(written)),
        }


def _covered(one: Given, before: list[Given]) -> bool:
    """Whether what a face shows was given out as final already; what an utterance leaves of a second is said once more."""
    return any(other.start <= one.start and one.end <= other.end for other in before[-30:])


def _percentiles(values: np.ndarray) -> dict[str, Any]:
    if not len(values):
        return {"n": 0}
    return {"n": len(values), **{f"p{p}_ms": round(float(np.percentile(values, p)) * 1000) for p in (50, 95, 99)}}


def live(minutes: float, *, transcript: str | None) -> dict[str, Any]:
    """A live run of so many minutes, in this process."""
    reader = Reader(transcript=transcript)
    reader.read(clip("talk_5s.mp4"))  # loads and warms the models
    with tempfile.TemporaryDirectory() as folder:
        path = loop_video(clip(TALKING), Path(folder) / "long.mp4", seconds=60 * minutes)
        begins = dict[str, float]()
        delays = Delays(begins)
        stream = reader.stream(sentences(60 * minutes, begins), pictures=film(path, begins))
        for reading in stream:
            delays.take(reading)
        frames = [one.start for one in stream.timeline().readings if one.modality == "face"]
        length = stream.timeline().duration
    made = {"minutes": round(length / 60, 1), "words": transcript is not None, **delays.of(frames), "mib_by_minute": delays.mib}
    if minutes >= 15:
        made |= {"first_5_minutes": delays.of(frames, 0, 300), "last_5_minutes": delays.of(frames, length - 300)}
    return made


def apart(*arguments: str) -> dict[str, Any]:
    """A part of this bench in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def tables(made: dict[str, Any]) -> dict[str, str]:
    """README's table."""
    batch_, live_, words, long = (made.get(name) for name in ("batch", "live", "live_with_words", "long"))
    lines = [f"| on {made['machine']['processor']}, {made['machine']['cores']} cores | |", "|---|---|"]
    if batch_:
        lines.append(f"| talking head with face, voice and words: seconds of video a second | {batch_['times_real_time']:.1f} |")
        lines.append(f"| … peak memory, three models, Whisper and all | {batch_['peak_mib']} MiB |")
    for name, run in (("face and voice", live_), ("face, voice and words", words)):
        if run:
            early, late, spoken = (run[part] for part in ("provisional", "final", "final_of_utterances"))
            lines.append(f"| live, {name}: to the provisional fused reading, p50 / p95 | {early['p50_ms']} / {early['p95_ms']} ms |")
            lines.append(f"| … to the final one, p50 / p95 | {late['p50_ms']} / {late['p95_ms']} ms |")
            lines.append(f"| … of utterances, with the pause that ends them | {spoken['p50_ms']} / {spoken['p95_ms']} ms |")
            if (said := run["with_words"])["n"]:
                lines.append(f"| … until words, which come later, are fused as well | {said['p50_ms']} / {said['p95_ms']} ms |")
    if long:
        memory, early = long["mib_by_minute"], [long[part]["provisional"]["p95_ms"] for part in ("first_5_minutes", "last_5_minutes")]
        lines.append(f"| live for {long['minutes']:.0f} minutes: memory after 5 and at the end | {memory[5]:.0f}, {memory[-1]:.0f} MiB |")
        lines.append(f"| … p95 to the provisional reading, first and last five minutes | {early[0]}, {early[1]} ms |")
    return {"fusion_live": "\n".join(lines)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("batch", "live", "live_with_words", "long", "readme"))
    parser.add_argument("--minutes", type=float, default=30, help="of the long run")
    parser.add_argument("--here", action="store_true", help="measure --only in this process, and print it")
    given = parser.parse_args()
    if given.only != "readme" and "AFFEKT_DATA" not in os.environ:
        parser.error("AFFEKT_DATA is not set; it names the folder that holds the videos")
    parts = {
        "batch": batch,
        "live": lambda: live(LIVE_MINUTES, transcript=None),
        "live_with_words": lambda: live(LIVE_MINUTES, transcript="packaged"),
        "long": lambda: live(given.minutes, transcript="packaged"),
    }
    if given.here:
        print(json.dumps(parts[given.only]()))
        return
    made = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in parts:
        if given.only in (None, name):
            made[name] = apart("--only", name, "--here", "--minutes", str(given.minutes))
            made["machine"] = machine()
            made["command"] = "python bench/video.py"
            RESULTS.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    write_readme(tables(made))


if __name__ == "__main__":
    main()
