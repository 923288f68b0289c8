"""What is said in a sound, where it is given and need not be heard: by a file, or line by line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from affekt.errors import InputError
from affekt.results import Clip, Reading
from affekt.sources import open_source
from affekt.sources.conversation import ENDINGS

BESIDE = "beside"  # the transcript is the file of the sound's name with another ending, where there is one
Read = Callable[[Sequence[Clip]], list[Reading]]


@dataclass(slots=True)
class Transcript:
    """What is said, where it is given and not heard.

    Args:
        readings: of its lines, with start and end in seconds; `who` where a line says it.
        text: the whole, that the readings' spans point into; None: of a stream.
    """

    readings: list[Reading] = field(default_factory=list)
    text: str | None = None


def is_given(name: str) -> bool:
    """Whether a setting names transcripts, and no model that writes them."""
    return name == BESIDE or name.lower().endswith(ENDINGS)


def transcript_of(source: Any, name: str | Path) -> Path | None:
    """The file that holds what is said: the one that is named, or the one beside the sound; None where that is not meant.

    Raises:
        InputError: a path is named that is no transcript.
    """
    if str(name) == BESIDE:
        found = [Path(source).with_suffix(ending) for ending in ENDINGS] if isinstance(source, (str, Path)) else []
        return next((path for path in found if path.is_file()), None)
    if str(name).lower().endswith(ENDINGS):
        return Path(name)
    if isinstance(name, Path):
        raise InputError(f"{name} is no transcript; give a file that ends in {', '.join(ENDINGS)}")
    return None


def read_transcript(path: Path, read: Read) -> Transcript:
    """The readings of a transcript's lines.

    Raises:
        InputError: there is no such file, it is broken, or it does not say when each line is said; or it is a timeline of Affekt.
    """
    opened = open_source(path, kind="conversation")
    if opened.unit != "seconds":
        raise InputError(f"{path} does not say when each line is said; a transcript needs the start and end of every turn, in seconds")
    return Transcript(read(opened.clips), opened.transcript)


def line_of(piece: Any, read: Read) -> Reading:
    """The reading of one line: (start, end, text) or (start, end, text, who), in seconds.

    Raises:
        InputError: it is no such thing.
    """
    try:
        start, end, text, who = piece if len(piece) == 4 else (*piece, None)
        clip = Clip("text", text, float(start), float(end), who=who)
    except (TypeError, ValueError) as error:
        raise InputError(f"a line is (start, end, text) or (start, end, text, who), in seconds, not {type(piece).__name__}") from error
    if not isinstance(text, str):
        raise InputError(f"the text of a line is a string, not {type(text).__name__}")
    return replace(read([clip])[0], words=text)
