"""`affekt watch`: what faces before a camera show and voices before a microphone sound like, as it happens."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from affekt.cli.live import show
from affekt.cli.read import setting
from affekt.errors import InputError
from affekt.pipeline import Reader
from affekt.sources.playback import play


def watch(
    source: Annotated[str | None, typer.Argument(help="number of the camera, or its name on Windows; by default the first")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="play this video instead of looking through a camera")] = None,
    realtime: Annotated[bool, typer.Option(help="play --from as fast as it was recorded, not as fast as it can be read")] = True,
    microphone: Annotated[bool, typer.Option(help="listen as well")] = True,
    labels: Annotated[str | None, setting("labels")] = None,
    model: Annotated[str | None, setting("face_model", "--model")] = None,
    commercial_only: Annotated[bool | None, setting("commercial_only", "--commercial-only")] = None,
    speakers: Annotated[int | None, setting("speakers")] = None,
    transcript: Annotated[str | None, setting("transcript")] = None,
    language: Annotated[str | None, setting("language")] = None,
    face_rate: Annotated[float | None, setting("face_rate")] = None,
    resting_face: Annotated[bool | None, setting("resting_face", "--resting-face")] = None,
    fusion: Annotated[str | None, setting("fusion")] = None,
    save: Annotated[Path | None, typer.Option(help="write the timeline here at the end; the ending says how, as .json or .png")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print each reading as a line of JSON, provisional ones too")] = False,
) -> None:
    """Watch the camera and listen to the microphone, and say what each person shows; Ctrl-C stops."""
    if from_ is not None and source is not None:
        raise InputError(f"both --from {from_} and the camera {source!r} are given; watch one of them")
    reader = Reader(
        labels=labels,
        models={"face": model} if model else None,
        commercial_only=commercial_only,
        speakers=speakers,
        transcript=transcript,
        language=language,
        face_rate=face_rate,
        resting_face=resting_face,
        fusion=fusion,
    )
    if from_ is not None:
        sound, pictures = play(from_, realtime=realtime, sound=microphone)
        heard, seen, stream = sound is not None, pictures is not None, reader.stream(sound, pictures=pictures)
    else:
        heard, seen = microphone, True
        camera = 0 if source is None else int(source) if source.isdecimal() else source
        stream = reader.stream(microphone=microphone, camera=camera)
    several = heard and (seen or bool(reader.settings.transcript))
    print("affekt: watching; Ctrl-C stops", file=sys.stderr)
    show(stream, final="fused" if several else "speech" if heard else "face", as_json=as_json, save=save)
