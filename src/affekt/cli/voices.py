"""`affekt voices`: enrols a speaker, lists who is known, exports and erases what is known of them."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from affekt.cli.read import setting
from affekt.errors import InputError
from affekt.pipeline import Reader
from affekt.preprocessing.personal import Voices

app = typer.Typer(help="What has been heard of voices with a name: enrol, list, export, erase.", no_args_is_help=True)
Folder = Annotated[str | None, setting("voices")]
Model = Annotated[str | None, setting("speech_model", "--model")]


def _kept(voices: str | None, model: str | None = None, commercial_only: bool | None = None) -> tuple[Reader, Voices]:
    reader = Reader(voices=voices, models={"speech": model} if model else None, commercial_only=commercial_only)
    if not isinstance(reader.voices, Voices):
        raise InputError("no folder keeps voices; name one with --voices, or with AFFEKT_VOICES")
    return reader, reader.voices


@app.command("enrol")
def enrol(
    who: Annotated[str, typer.Argument(help="name of the speaker")],
    recordings: Annotated[list[Path], typer.Argument(help="recordings of this one speaker, in any mood")],
    voices: Folder = None,
    model: Model = None,
    commercial_only: Annotated[bool | None, setting("commercial_only", "--commercial-only")] = None,
) -> None:
    """Get to know a voice from recordings, so that its first utterance is already judged by what it is usually like."""
    reader, kept = _kept(voices, model, commercial_only)
    for recording in recordings:
        reader.enrol(who, recording)
        print(f"affekt: {who}: {kept[who].heard:.1f} utterances heard", file=sys.stderr)


@app.command("list")
def list_voices(voices: Folder = None, model: Model = None) -> None:
    """Who is known, and how well."""
    for who, baseline in _kept(voices, model)[1].items():
        print(f"{who}\t{baseline.heard:.1f} utterances heard")


@app.command("export")
def export(
    who: Annotated[str, typer.Argument(help="name of the speaker")],
    out: Annotated[Path, typer.Argument(help="file to write")],
    voices: Folder = None,
    model: Model = None,
) -> None:
    """Copy what is known of a voice into a file of its own."""
    shutil.copyfile(_known(_kept(voices, model)[1], who), out)


@app.command("erase")
def erase(who: Annotated[str, typer.Argument(help="name of the speaker")], voices: Folder = None, model: Model = None) -> None:
    """Erase what is known of a voice."""
    _known(_kept(voices, model)[1], who).unlink()
    print(f"affekt: {who} is erased", file=sys.stderr)


def _known(kept: Voices, who: str) -> Path:
    file = kept.file(who)
    if not file.is_file():
        raise InputError(f"nobody called {who!r} in {kept.folder}; there are: {', '.join(kept) or 'none'}")
    return file
