"""`affekt listen`: what is felt while somebody speaks, line by line."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from affekt.cli.read import setting
from affekt.pipeline import Reader
from affekt.results import Reading
from affekt.sources.live import microphone

CHUNK = 3200  # bytes that are asked for at once: 0.1 s at 16,000 samples a second
BAR = 20  # characters of a full score


def listen(
    source: Annotated[
        str | None, typer.Argument(help="microphone, as FFmpeg names it; - is 16-bit samples, low byte first, on stdin")
    ] = None,
    rate: Annotated[int, typer.Option(help="samples a second on stdin")] = 16_000,
    who: Annotated[str | None, typer.Option(help="name of the speaker")] = None,
    labels: Annotated[str | None, setting("labels")] = None,
    model: Annotated[str | None, setting("speech_model", "--model")] = None,
    commercial_only: Annotated[bool | None, setting("commercial_only", "--commercial-only")] = None,
    speakers: Annotated[int | None, setting("speakers")] = None,
    voices: Annotated[str | None, setting("voices")] = None,
    transcript: Annotated[str | None, setting("transcript")] = None,
    language: Annotated[str | None, setting("language")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print each reading as a line of JSON, provisional ones too")] = False,
) -> None:
    """Listen to the microphone, and say what is felt while it is said; Ctrl-C stops."""
    reader = Reader(
        labels=labels,
        models={"speech": model} if model else None,
        commercial_only=commercial_only,
        speakers=speakers,
        voices=voices,
        transcript=transcript,
        language=language,
    )
    hearing = reader.hear(_pieces() if source == "-" else microphone(source), rate=rate, who=[who] if who else [])
    print("affekt: listening; Ctrl-C stops", file=sys.stderr)
    for reading in hearing.readings(provisional=True):
        if as_json:
            print(json.dumps(reading.to_dict(), ensure_ascii=False), flush=True)
        elif not reading.provisional:
            print(f"\r\033[K{line(reading)}" if sys.stdout.isatty() else line(reading), flush=True)
        elif sys.stdout.isatty():
            print(f"\r\033[K{line(reading)} …", end="", flush=True)


def _pieces() -> Iterator[bytes]:
    while piece := os.read(sys.stdin.fileno(), CHUNK):
        yield piece


def line(reading: Reading) -> str:
    """A reading as one line for a terminal."""
    minutes, seconds = divmod(reading.start, 60)
    label, score = reading.top or ("", 0.0)
    said = f"unsure: {reading.reason}" if reading.abstained else f"{'█' * round(BAR * score):<{BAR}} {label} {score:.2f}"
    known = "" if reading.heard is None else f"  heard {reading.heard:.0f}"
    return f"{minutes:02.0f}:{seconds:04.1f}  {reading.who or '':<12} {said}{known}"
