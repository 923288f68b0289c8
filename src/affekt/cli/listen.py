"""`affekt listen`: what is felt while somebody speaks, line by line."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from affekt.cli.live import show
from affekt.cli.read import setting
from affekt.errors import InputError
from affekt.pipeline import Reader
from affekt.sources.playback import play

CHUNK = 3200  # bytes that are asked for at once: 0.1 s at 16,000 samples a second


def listen(
    source: Annotated[
        str | None, typer.Argument(help="microphone, as FFmpeg names it; - is 16-bit samples, low byte first, on stdin")
    ] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="listen to this sound or video instead of a microphone")] = None,
    realtime: Annotated[bool, typer.Option(help="play --from as fast as it was recorded, not as fast as it can be read")] = True,
    rate: Annotated[int, typer.Option(help="samples a second on stdin")] = 16_000,
    who: Annotated[str | None, typer.Option(help="name of the speaker")] = None,
    labels: Annotated[str | None, setting("labels")] = None,
    model: Annotated[str | None, setting("speech_model", "--model")] = None,
    commercial_only: Annotated[bool | None, setting("commercial_only", "--commercial-only")] = None,
    speakers: Annotated[int | None, setting("speakers")] = None,
    voices: Annotated[str | None, setting("voices")] = None,
    transcript: Annotated[str | None, setting("transcript")] = None,
    language: Annotated[str | None, setting("language")] = None,
    fusion: Annotated[str | None, setting("fusion")] = None,
    save: Annotated[Path | None, typer.Option(help="write the timeline here at the end; the ending says how, as .json or .vtt")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print each reading as a line of JSON, provisional ones too")] = False,
) -> None:
    """Listen to the microphone, and say what is felt while it is said; Ctrl-C stops."""
    if from_ is not None and source is not None:
        raise InputError(f"both --from {from_} and {source!r} are given; listen to one of them")
    reader = Reader(
        labels=labels,
        models={"speech": model} if model else None,
        commercial_only=commercial_only,
        speakers=speakers,
        voices=voices,
        transcript=transcript,
        language=language,
        fusion=fusion,
    )
    if from_ is not None:
        stream = reader.stream(play(from_, realtime=realtime, pictures=False)[0], who=who)
    elif source == "-":
        stream = reader.stream(_pieces(), rate=rate, who=who)
    else:
        stream = reader.stream(microphone=source or True, who=who)
    print("affekt: listening; Ctrl-C stops", file=sys.stderr)
    show(stream, final="fused" if reader.settings.transcript else "speech", as_json=as_json, save=save)


def _pieces() -> Iterator[bytes]:
    while piece := os.read(sys.stdin.fileno(), CHUNK):
        yield piece
