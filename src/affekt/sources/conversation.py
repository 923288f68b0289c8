"""A conversation: chat messages as JSON, subtitles, or lines of "Name: text"; one clip a turn."""

from affekt.errors import EmptyInput
from affekt.sources import lines, messages, subtitles
from affekt.sources.decode import split_lines
from affekt.sources.opened import Opened
from affekt.sources.text import is_blank
from affekt.sources.turns import open_turns

ENDINGS = (".json", ".srt", ".vtt")


def open_conversation(text: str, *, name: str, ending: str = "") -> Opened:
    """One clip a turn, with who said it; the transcript is what was said.

    Args:
        ending: one of `ENDINGS`; anything else is read as lines of "Name: text".

    Raises:
        InputError: the JSON is broken; says at which line and column, or in which turn.
        BadRow: a subtitle has no time; says in which line.
        EmptyInput: nobody says anything.
    """
    text = text.removeprefix("\ufeff")
    if is_blank(text):
        raise EmptyInput(f"{name} is empty; a conversation has at least one turn")
    if ending == ".json":
        turns = messages.turns_in(text, name=name)
    elif ending in (".srt", ".vtt"):
        turns = subtitles.turns_in(text, name=name, vtt=ending == ".vtt")
    else:
        turns = lines.turns_of(split_lines(text))
    return open_turns(turns, name=name)
