"""What every source becomes: clips in order, and the text that their spans point into."""

from dataclasses import dataclass

from affekt.results import Clip, Unit


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that has been opened.

    Args:
        name: the path as it was given, or "text" for a string.
        duration: in `unit`; the number of characters, or the end of the last turn in seconds.
        transcript: the text that the clips' spans point into.
        talk: the clips are turns of a conversation, each to be read as one.
        warnings: what the reader should know, say a control character in the text.
    """

    name: str
    unit: Unit
    duration: float
    clips: tuple[Clip, ...]
    transcript: str | None
    warnings: tuple[str, ...] = ()
    talk: bool = False
