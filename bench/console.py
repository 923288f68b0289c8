"""The console in a real browser: from an event before the glass to its visible change, an hour of Live, and a long timeline.

    python bench/console.py [--only glass|long|hour] [--minutes 60]

Chromium is fed a video of drawn faces and a recording of a machine's voice as camera and microphone; the server runs beside it, on the
same cores. Writes bench/results/console.json and the table in docs/console.md.
"""

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from affekt import console
from machine import machine
from readme import write_readme

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # whose faces are drawn, and whose browser is driven

from browsing import browser, served, visit  # noqa: E402
from console_long import long_timeline, pan_and_zoom  # noqa: E402
from drawn import on  # noqa: E402
from fed import SIZE, film, one, two, voice  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "console.json"
PAGE = ROOT / "docs" / "console.md"
GLASS = (ROOT / "bench" / "console_page" / "glass.js").read_text(encoding="utf-8")
COUNT = "window.shown = []; requestAnimationFrame(function count(at) { shown.push(at); requestAnimationFrame(count); });"
EVENTS = 40  # of each kind that are measured
LATEST = 3000.0  # ms after an event in which its visible change is looked for
SEEN = 0.1  # change of a probability that is taken for visible
READINGS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["glass", "long", "hour"])
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        if asked.only in (None, "glass"):
            results |= {"glass": {kind: glass(Path(folder), kind) for kind in ("face", "smile", "voice")}, "first_load": first_load()}
        if asked.only in (None, "long"):
            results["long"] = long(Path(folder))
        if asked.only in (None, "hour"):
            results["hour"] = hour(Path(folder), minutes=asked.minutes)
    results["machine"] = machine()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    if {"glass", "long", "hour"} <= {*results}:
        write_readme({"console": table(results)}, page=PAGE)


@contextmanager
def live(folder: Path, *, video: Path | None, sound: Path | None, script: str = "") -> Iterator[Any]:
    """The page of a live view that runs."""
    fed = {"video": video, "audio": sound}
    flags = [f"--use-file-for-fake-{kind}-capture={path}" for kind, path in fed.items() if path is not None]
    with (
        served(folder / "server") as server,
        browser("--use-fake-ui-for-media-stream", *flags) as opened,
        visit(opened, f"{server.address}/#/models") as page,
    ):
        page.add_init_script(script)
        chosen = {"microphone": sound is not None, "camera": video is not None, "words": False}
        page.evaluate("chosen => localStorage.setItem('affekt.live', JSON.stringify(chosen))", chosen)
        page.goto(f"{server.address}/#/live")
        page.reload()
        page.click("button[type=submit]")
        page.wait_for_selector("[data-live]")
        yield page


# What is measured ------------------------------------------------------------------------------------------------------------------------


def glass(folder: Path, kind: str) -> dict[str, float]:
    """From events of a kind to their visible changes, in milliseconds: a face comes, a face begins to smile, somebody begins to speak."""
    shots = {
        "face": [(1.5, on(SIZE), False), (1.5, one("flat"), True)],
        "smile": [(2.0, one("flat"), False), (2.0, one("smile"), True)],
        "voice": [],
    }[kind]
    video = film(folder / f"{kind}.mjpeg", shots) if shots else None
    sound = voice(folder / "voice.wav") if kind == "voice" else None
    with live(folder / kind, video=video, sound=sound, script=GLASS) as page:
        took: list[float] = []
        until = time.monotonic() + EVENTS * 10
        while len(took) < EVENTS and time.monotonic() < until:
            time.sleep(5)
            took = matched(page.evaluate("glass"), kind)
        print(f"{kind}: {len(took)} events, p50 {np.percentile(took, 50):.0f} ms, p95 {np.percentile(took, 95):.0f} ms", flush=True)
    return {"events": len(took), "p50": round(float(np.percentile(took, 50))), "p95": round(float(np.percentile(took, 95)))}


def matched(told: dict[str, Any], kind: str) -> list[float]:
    """Milliseconds from each event to the first change after it that it can have made; the first events, while all starts, are left out."""
    source = "microphone" if kind == "voice" else "camera"
    events = [one for one in told["events"] if one["kind"] == source and (kind != "face" or one["state"])][2:]
    shown = [one for one in told["shown"] if one["kind"] == kind]
    took = []
    for event in events:
        before = next((one["state"] for one in reversed(shown) if one["at"] <= event["at"]), None)
        changes = (one["at"] - event["at"] for one in shown if one["at"] > event["at"] and changed(before, one["state"], kind=kind))
        if (first := next(changes, LATEST)) < LATEST:
            took.append(first)
    return took


def changed(before: Any, now: Any, *, kind: str) -> bool:
    """Whether one sees a change: of an expression, that it has another label, or the same with a probability that is a tenth away."""
    if kind != "smile":
        return bool(now) if kind == "face" else now != before
    (label, score), (other, its) = (str(one).split() if one else ("", "0") for one in (before, now))
    return label != other or abs(float(score) - float(its)) >= SEEN


def first_load() -> dict[str, int]:
    """Bytes, compressed, that a first visit loads."""
    built = Path(console.__file__).parent / "built"
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as server,
        browser() as opened,
        visit(opened, server.address) as page,
    ):
        page.wait_for_load_state("networkidle")
        names = page.evaluate("performance.getEntriesByType('resource').map(one => new URL(one.name).pathname)")
    files = [built / "index.html", *(path for name in names if (path := built / name.lstrip("/")).is_file())]
    return {"bytes": sum(len(gzip.compress(path.read_bytes(), 9)) for path in files), "files": len(files)}


def long(folder: Path) -> dict[str, float]:
    """Frames a second while a timeline of many readings is panned and zoomed."""
    path = folder / "long.json"
    path.write_text(json.dumps(long_timeline(READINGS)))
    with served(folder / "server") as server, browser() as opened, visit(opened, f"{server.address}/#/analyse") as page:
        told = pan_and_zoom(page, path)
    print(f"{READINGS} readings: {told}", flush=True)
    return {"readings": READINGS, **told}


def hour(folder: Path, *, minutes: float) -> dict[str, Any]:
    """Memory of the page and frames a second, minute by minute, with two faces that smile now and then and somebody who speaks."""
    shots = [(3.0, two("flat", "smile"), False), (3.0, two("smile", "flat"), True), (3.0, two("smile", "smile"), False)]
    video, sound = film(folder / "two.mjpeg", shots), voice(folder / "voice.wav")
    rows: list[dict[str, float]] = []
    with live(folder / "hour", video=video, sound=sound, script=COUNT) as page:
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        for minute in range(1, round(minutes) + 1):
            page.evaluate("shown.length = 0")
            page.wait_for_timeout(60_000)
            took = np.diff(page.evaluate("shown"))
            devtools.send("HeapProfiler.collectGarbage")
            told = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
            row = {
                "minute": minute,
                "fps": 1000 / took.mean(),
                "p95_frame_ms": np.percentile(took, 95),
                "heap_mb": told["JSHeapUsedSize"] / 1e6,
            }
            row |= {"nodes": told["Nodes"], "faces": page.locator("[data-face]").count()}
            rows.append({name: round(float(value), 1) for name, value in row.items()})
            print(rows[-1], flush=True)
    return {"minutes": minutes, "rows": rows}


def table(results: dict[str, Any]) -> str:
    told = {
        "a face comes → its box": delay(results["glass"]["face"]),
        "a face begins or ceases to smile → its label, or its probability by a tenth": delay(results["glass"]["smile"]),
        "somebody begins to speak → a first reading": delay(results["glass"]["voice"]),
        "first load, compressed": f"{results['first_load']['bytes'] / 1000:.0f} kB in {results['first_load']['files']} files",
        f"{results['long']['readings']:,} readings, panned and zoomed": frames(results["long"]),
    }
    rows = results["hour"]["rows"]
    early, late = rows[min(4, len(rows) - 1)], rows[-1]
    middle = {name: np.median([row[name] for row in rows]) for name in ("fps", "p95_frame_ms")}
    told[f"{results['hour']['minutes']:.0f} minutes of Live, two faces and a voice"] = (
        f"{frames(middle)}, in the slowest minute {min(row['fps'] for row in rows):.0f}; "
        f"{early['heap_mb']:.1f} MB after {early['minute']:.0f} minutes, {late['heap_mb']:.1f} MB at the end"
    )
    found = results["machine"]
    below = f"On {found['processor']}, {found['cores']} cores, which server and browser share, without a graphics processor."
    return "\n".join(["| what | measured |", "|---|---|", *(f"| {what} | {much} |" for what, much in told.items()), "", below])


def delay(told: dict[str, float]) -> str:
    return f"p50 {told['p50']} ms, p95 {told['p95']} ms ({told['events']} events)"


def frames(told: dict[str, float]) -> str:
    return f"{told['fps']:.0f} frames a second, 95 of 100 within {told['p95_frame_ms']:.0f} ms"


if __name__ == "__main__":
    main()
