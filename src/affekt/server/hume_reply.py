"""Readings in the shape of Hume's predictions."""

from pathlib import Path
from typing import Any

from affekt.results import Modality, Reading, Timeline
from affekt.sources.pictures import open_pictures

FOUND: dict[str, Modality] = {"face": "face", "prosody": "speech", "language": "text"}
NOTHING = {  # code and words of a warning
    "face": ("W0103", "No faces detected."),
    "prosody": ("W0105", "No speech detected."),
    "language": ("W0104", "No emotional language detected."),
}


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture, or of a video's first, in pixels, as it is looked at."""
    frame = next(iter(open_pictures(path).frames()))
    return frame.pixels.shape[1], frame.pixels.shape[0]


def made_of(
    name: str, timeline: Timeline, *, size: tuple[int, int] = (0, 0), face: dict[str, Any] | None = None, text: str = ""
) -> list[Any]:
    """The predictions of one model.

    Args:
        size: of the picture, in pixels.
        face: what is asked for of faces.
        text: that was read.
    """
    readings = [one for one in timeline.readings if one.modality == FOUND[name]]
    if name == "face":
        return _faces(readings, size, face or {})
    if name == "prosody":
        return [{"time": {"begin": one.start, "end": one.end}, "emotions": _emotions(one)} for one in readings]
    return [_line(one, text or timeline.transcript or "") for one in readings]


def _faces(readings: list[Reading], size: tuple[int, int], asked: dict[str, Any]) -> list[Any]:
    """Faces, with how clear each is where Hume had the chance that it is one: what is found here is one."""
    made = []
    times = {time: at for at, time in enumerate(sorted({one.start for one in readings}))}
    for one in readings:
        left, top, right, bottom = one.box or (0.0, 0.0, 0.0, 0.0)
        box = {"x": left * size[0], "y": top * size[1], "w": (right - left) * size[0], "h": (bottom - top) * size[1]}
        clear = 1.0 if one.clarity is None else one.clarity
        if clear < asked.get("prob_threshold", 0.0) or min(box["w"], box["h"]) < asked.get("min_face_size", 0.0):
            continue
        made.append(
            {
                "frame": times[one.start],
                "time": one.start,
                "bbox": {side: round(value, 2) for side, value in box.items()},
                "prob": clear,
                "face_id": one.who if asked.get("identify_faces") and one.who else "unknown",
                "emotions": _emotions(one),
            }
        )
    return made


def _line(reading: Reading, text: str) -> dict[str, Any]:
    begin, end = reading.span or (0, len(text))
    return {"text": text[begin:end], "position": {"begin": begin, "end": end}, "emotions": _emotions(reading)}


def _emotions(reading: Reading) -> list[dict[str, Any]]:
    return [{"name": name, "score": score} for name, score in reading.scores.items()]
