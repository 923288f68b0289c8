"""`affekt watch`: what faces before a camera show, line by line."""

import json
import sys
from typing import Annotated

import typer

from affekt.cli.listen import line
from affekt.cli.read import setting
from affekt.pipeline import Reader
from affekt.sources.pictures import camera

EVERY = 1.0  # seconds between two lines of one face, but where its label changes


def watch(
    source: Annotated[str, typer.Argument(help="number of the camera, or its name on Windows")] = "0",
    labels: Annotated[str | None, setting("labels")] = None,
    model: Annotated[str | None, setting("face_model", "--model")] = None,
    commercial_only: Annotated[bool | None, setting("commercial_only", "--commercial-only")] = None,
    face_rate: Annotated[float | None, setting("face_rate")] = None,
    resting_face: Annotated[bool | None, setting("resting_face", "--resting-face")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print each reading as a line of JSON")] = False,
) -> None:
    """Watch the camera, and say what each face shows; Ctrl-C stops."""
    models = {"face": model} if model else None
    reader = Reader(labels=labels, models=models, commercial_only=commercial_only, face_rate=face_rate, resting_face=resting_face)
    watching = reader.watch(camera(source, rate=reader.settings.face_rate))
    print("affekt: watching; Ctrl-C stops", file=sys.stderr)
    said: dict[str | None, tuple[float, object]] = {}  # face -> when something was last said of it, and what
    for reading in watching.readings():
        if as_json:
            print(json.dumps(reading.to_dict(), ensure_ascii=False), flush=True)
            continue
        what = "" if reading.abstained else (reading.top or ("",))[0]
        last, before = said.get(reading.who, (-EVERY, None))
        if what != before or reading.start - last >= EVERY:
            said[reading.who] = (reading.start, what)
            print(line(reading), flush=True)
