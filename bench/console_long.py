"""A timeline of as many readings as are asked for, opened in the console, and moved with the mouse while its frames are counted."""

import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from affekt.results import Reading, Timeline

LABELS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
PEOPLE, TURN = 4, 2.0  # seconds, of each person ten readings of a face, one of a voice and a fused one
MOVES = 120
COUNT = """() => {
  const frames = [];
  let on = true;
  requestAnimationFrame(function count(at) { frames.push(at); if (on) requestAnimationFrame(count); });
  window.stopped = () => { on = false; return frames; };
}"""


def long_timeline(readings: int) -> dict[str, Any]:
    """A timeline of people whose labels follow one another without a pattern."""
    rng = random.Random(1)
    single, fused = [], []
    for at in range(readings // (12 * PEOPLE)):
        start = at * TURN
        for who in (f"person {number + 1}" for number in range(PEOPLE)):
            single += [_reading(rng, "face", who, start + 0.2 * part, start + 0.2 * part + 0.2) for part in range(10)]
            single.append(_reading(rng, "speech", who, start, start + 1.9))
            fused.append(_reading(rng, "fused", who, start, start + TURN))
    end = readings // (12 * PEOPLE) * TURN
    return Timeline("made", end, "seconds", "ekman7", tuple(single), fused=tuple(fused)).to_dict()


def _reading(rng: random.Random, modality: Any, who: str, start: float, end: float) -> Reading:
    raw = np.array([rng.random() ** 4 + 1e-3 for _ in LABELS])
    scores = {label: float(score) for label, score in zip(LABELS, (raw / raw.sum()).round(4), strict=True)}
    top = max(scores, key=lambda label: scores[label])
    return Reading(
        modality=modality,
        labels="ekman7",
        scores=scores,
        start=round(start, 3),
        end=round(end, 3),
        model=f"{modality}_made@1",
        present=(top,),
        who=who,
        abstained=scores[top] < 0.4,
        valence=round(rng.uniform(-1, 1), 4),
        arousal=round(rng.uniform(-1, 1), 4),
    )


def pan_and_zoom(page: Any, path: Path) -> dict[str, float]:
    """Frames a second over all that is done, and the time of 95 of 100 frames, in milliseconds; seconds until it is opened."""
    began = time.perf_counter()
    page.set_input_files("input[type=file][multiple]", str(path))
    page.wait_for_selector("[role=slider] canvas")
    page.evaluate("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
    opened = time.perf_counter() - began
    box = page.locator("[role=slider]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 60
    page.mouse.move(x, y)
    times: list[float] = []

    def counted(work: Any) -> None:
        page.evaluate(COUNT)
        work()
        times.extend(np.diff(page.evaluate("stopped()")))

    def wheel(step: int, turns: int) -> None:
        for _ in range(turns):
            page.mouse.wheel(0, step)
            page.wait_for_timeout(8)

    def drag() -> None:
        page.mouse.down()
        for at in range(MOVES):
            page.mouse.move(x + 300 * ((at % 40) / 20 - 1), y)
            page.wait_for_timeout(8)
        page.mouse.up()

    counted(lambda: wheel(-60, 90))
    counted(lambda: wheel(60, 90))
    for closer in (6, 20, 26):  # nearly all of it, a tenth, a hundredth
        wheel(-60, closer)
        counted(drag)
    return {
        "fps": round(1000 / float(np.mean(times)), 1),
        "p95_frame_ms": round(float(np.percentile(times, 95)), 1),
        "opened_s": round(opened, 2),
    }
