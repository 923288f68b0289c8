"""The server under load, beside the same models served naively, in one run.

    python bench/server.py [--only text|files|streams|mixed|readme] [--minutes 30]

Load is made by wrk (its scripts are in bench/server_load), live streams by bench/server_streams.py, on the same cores. Writes
bench/results/server.json and the table in docs/server.md.
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from affekt.sources.audio import RATE, open_audio
from machine import machine
from readme import write_readme
from server_streams import Drive, drive

ROOT = Path(__file__).parents[1]
LOAD = Path(__file__).parent / "server_load"
RESULTS = ROOT / "bench" / "results" / "server.json"
SAMPLES = ROOT / "src" / "affekt" / "samples"
CLIENTS = 64
SECONDS = 15
ALLOWED = 200.0  # ms that 99 of 100 texts may take
LATE = 500  # ms after the end of an utterance in which 95 of 100 final readings are to come
THINKING = (1600, 800, 600, 450, 350, 300, 250, 225, 200, 175, 150, 125, 100, 75, 50, 25, 0)  # ms between two texts of a client


@contextmanager
def served(*command: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is up."""
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            time.sleep(0.2)
            try:
                body = json.dumps({"text": "so proud of you all"}).encode()
                asked = urllib.request.Request(f"http://127.0.0.1:{port}/v1/read", body, {"Content-Type": "application/json"})
                urllib.request.urlopen(asked, timeout=60).read()
                break
            except OSError:
                continue
        else:
            raise SystemExit(f"{command} does not answer")
        yield process
    finally:
        process.terminate()
        process.wait(90)


@contextmanager
def ours(**settings: object) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Our server, with a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        flags = [
            f"--{name}={value}" for name, value in {"folder": folder, "port": port, "access": "open", "queue": 512, **settings}.items()
        ]
        with served("-m", "affekt", "serve", *flags, port=port) as process:
            yield port, process


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def load(script: str, *args: object, port: int, clients: int, seconds: int) -> dict[str, Any]:
    """What wrk counted: requests a second, and milliseconds of latency."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as whole:
        whole.write((LOAD / script).read_text(encoding="utf-8") + (LOAD / "told.lua").read_text(encoding="utf-8"))
        whole.flush()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s", whole.name]
        told = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/v1/read", "--", *map(str, args)], capture_output=True, text=True, check=True
        )
    found = json.loads(told.stdout.strip().splitlines()[-1])
    return {"rate": round((found["requests"] - found["refused"]) / found["seconds"], 1), **found}


def texts() -> dict[str, Any]:
    """Both servers with 64 clients: all at once, and with ever shorter thinking until 99 of 100 take longer than is allowed."""
    found: dict[str, Any] = {}
    for name, server in (("affekt", ours), ("naive", naive)):
        with server() as (port, _):
            load("texts.lua", 0, port=port, clients=8, seconds=5)
            closed = load("texts.lua", 0, port=port, clients=CLIENTS, seconds=SECONDS)
            open_loop = []
            for thinks in [one for one in THINKING if one <= 2000 * CLIENTS / closed["rate"]]:
                open_loop.append({"thinks": thinks, **load("texts.lua", thinks, port=port, clients=CLIENTS, seconds=SECONDS)})
                if open_loop[-1]["p99"] > ALLOWED:
                    break
            within = [one for one in open_loop if one["p99"] <= ALLOWED and not one["refused"] and not one["broken"]]
            found[name] = {"closed": closed, "open": open_loop, "within": max((one["rate"] for one in within), default=0.0)}
            print(name, closed, found[name]["within"], flush=True)
    return found


@contextmanager
def naive() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    with served(str(LOAD / "naive.py"), str(port), port=port) as process:
        yield port, process


def files() -> dict[str, Any]:
    """Five seconds of speech, and an image with faces, from one and from eight clients."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, ours() as (port, _):
        speech = Path(folder) / "speech.wav"
        samples = np.concatenate(list(open_audio(SAMPLES / "train.ogg").blocks()), axis=1)[0, : 5 * RATE]
        with wave.open(str(speech), "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            out.writeframes((samples * 32767).astype("<i2").tobytes())
        for name, path in (("5 s of speech", speech), ("image of faces", SAMPLES / "faces.jpg")):
            for clients in (1, 8):
                load("file.lua", path, port=port, clients=clients, seconds=3)
                found[f"{name}, {clients} client{'s' * (clients > 1)}"] = load(
                    "file.lua", path, port=port, clients=clients, seconds=SECONDS
                )
    return found


def streams() -> list[dict[str, Any]]:
    """Ever more live streams of speech, until 95 of 100 final readings come later than is allowed."""
    found = []
    for count in (1, 10, 20, 30, 40, 60, 80):
        with ours(streams=128) as (port, _):
            found.append(drive(Drive(f"ws://127.0.0.1:{port}", count, seconds=60.0)))
        print(found[-1], flush=True)
        if found[-1]["after_the_end_ms"]["p95"] > 2 * LATE:
            break
    return found


def mixed(minutes: float) -> dict[str, Any]:
    """Texts, speech, images and live streams at once, for a long time: memory, refusals, and how it shuts down."""
    found: dict[str, Any] = {"minutes": minutes, "memory": [], "counts": {}}
    with ours() as (port, process):
        until = time.monotonic() + 60 * minutes
        while (left := until - time.monotonic()) > 5:
            seconds = int(min(60, left))
            jobs = [
                ("texts.lua", (300,), 8),
                ("file.lua", (SAMPLES / "train.ogg", 1000), 1),
                ("file.lua", (SAMPLES / "faces.jpg", 1000), 1),
            ]
            told = asyncio.run(_together(port, jobs, seconds))
            for one in told:
                for key in ("requests", "refused", "broken"):
                    found["counts"][key] = found["counts"].get(key, 0) + one[key]
            found["memory"].append({"minute": round(minutes - left / 60, 1), "MiB": memory(process.pid)})
            print(found["memory"][-1], found["counts"], flush=True)
        began = time.monotonic()
        process.terminate()
        found |= {"exit": process.wait(90), "shutdown": round(time.monotonic() - began, 2)}
    return found


async def _together(port: int, jobs: list[tuple[str, tuple[Any, ...], int]], seconds: int) -> list[dict[str, Any]]:
    loads = [asyncio.to_thread(load, script, *args, port=port, clients=clients, seconds=seconds) for script, args, clients in jobs]
    live = asyncio.to_thread(drive, Drive(f"ws://127.0.0.1:{port}", 2, seconds=float(seconds)))
    *told, streamed = await asyncio.gather(*loads, live)
    return [*told, {"requests": streamed["streams"], "refused": 0, "broken": len(streamed["refused"])}]


def memory(pid: int) -> int:
    """MiB of a process that are its own."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def tables(found: dict[str, Any]) -> dict[str, str]:
    """What docs/server.md shows."""
    lines = ["| load | requests a second | p50 ms | p95 ms | p99 ms |", "|---|---|---|---|---|"]
    for name, one in found.get("texts", {}).items():
        closed = one["closed"]
        what = f"texts, {CLIENTS} clients without a pause, {'naively served' if name == 'naive' else 'affekt serve'}"
        lines.append(f"| {what} | {closed['rate']:.0f} | {closed['p50']:.0f} | {closed['p95']:.0f} | {closed['p99']:.0f} |")
        lines.append(f"| the same with pauses, 99 of 100 within {ALLOWED:.0f} ms | {one['within']:.0f} | | | |")
    for name, one in found.get("files", {}).items():
        lines.append(f"| {name} | {one['rate']:.1f} | {one['p50']:.0f} | {one['p95']:.0f} | {one['p99']:.0f} |")
    for one in found.get("streams", []):
        pause = one["after_the_end_ms"]["p95"] - one["late_ms"]["p95"]  # until it is heard that an utterance has ended
        delays = " | ".join(str(one["late_ms"][name] + pause) for name in ("p50", "p95", "p99"))
        several = "s" * (one["streams"] > 1)
        lines.append(f"| {one['streams']} live stream{several} of speech: from the end of an utterance to its final reading | | {delays} |")
    if "mixed" in found:
        one = found["mixed"]
        begin, end = one["memory"][min(4, len(one["memory"]) - 1)], one["memory"][-1]
        lines.append(
            f"\n{one['minutes']:.0f} minutes of all at once: {one['counts']['requests']:,} calls, {one['counts']['broken']} broken, memory "
            f"{begin['MiB']} MiB after {begin['minute']:.0f} minutes and {end['MiB']} at the end, shut down in {one['shutdown']} s."
        )
    return {
        "server": "\n".join(
            [*lines, "", f"On {found['machine']['processor']}, {found['machine']['cores']} cores; the load is made on the same cores."]
        )
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("text", "files", "streams", "mixed", "readme"))
    parser.add_argument("--minutes", type=float, default=30)
    given = parser.parse_args()
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    found["machine"] = machine()
    parts = {
        "text": ("texts", texts),
        "files": ("files", files),
        "streams": ("streams", streams),
        "mixed": ("mixed", lambda: mixed(given.minutes)),
    }
    for name, (key, measure) in parts.items():
        if given.only in (None, name):
            found[key] = measure()
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write_readme(tables(found), page=ROOT / "docs" / "server.md")


if __name__ == "__main__":
    main()
