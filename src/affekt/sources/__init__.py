"""Where signals enter: a text, a document, a conversation become an `Opened`; a table is read row by row.

`open_source` decides what it was given. Tables hold many texts and stream through `affekt.sources.table`.
"""

import os
import re
from pathlib import Path

from affekt.errors import InputError
from affekt.sources.audio import ENDINGS as SOUNDS
from affekt.sources.audio import VIDEOS
from affekt.sources.conversation import ENDINGS as CONVERSATIONS
from affekt.sources.conversation import open_conversation
from affekt.sources.decode import read_text
from affekt.sources.document import ENDINGS as DOCUMENTS
from affekt.sources.document import open_document
from affekt.sources.lines import is_talk
from affekt.sources.opened import Opened
from affekt.sources.pictures import IMAGES
from affekt.sources.table import ENDINGS as TABLES
from affekt.sources.table import is_table
from affekt.sources.text import open_text

__all__ = ["Opened", "is_picture", "is_sound", "is_video", "open_source"]

KINDS = ("text", "document", "conversation", "sound", "picture", "video")
ENDINGS = (*DOCUMENTS, *CONVERSATIONS)
# A word with such an ending is meant as a file, there or not, and is never read as a text; .au and .ts end web addresses and code too.
_MEANT = (*ENDINGS, *TABLES, *IMAGES, *(ending for ending in SOUNDS if ending not in (".au", ".ts")))
_FILE_NAME = re.compile(rf"\S+({'|'.join(map(re.escape, _MEANT))})", re.IGNORECASE)


def open_source(given: str | Path, *, kind: str | None = None) -> Opened:
    """What was given, ready to be read: a file by its ending, or the string itself.

    Args:
        given: the path of a file; a string that is no path is a text.
        kind: None decides; "text" takes the string as it is; "document" and "conversation" read a file as such,
            whatever its ending; "conversation" also takes a string of "Name: text" lines.

    Raises:
        InputError: there is no such file, it is a folder or a table, or nothing reads its ending.
        EmptyInput: there is nothing in it to read.
        InputTooLarge: it is longer than one text may be.
        BadRow: a subtitle in it is broken.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"no kind {kind!r} of source; there are: {', '.join(KINDS)}, or None to decide by what is given")
    if not isinstance(given, (str, Path)):
        raise InputError(f"a source is a text or the path of a file, not {type(given).__name__}")
    if kind == "text" and isinstance(given, Path):
        raise InputError(f"kind='text' reads a string as it is, and {given} is a path; leave kind out to read the file")
    if isinstance(given, str) and (kind == "text" or not _is_path(given, kind)):
        return open_conversation(given, name="text") if kind == "conversation" else open_text(given)
    path = Path(given)
    _check_file(path, kind)
    ending = path.suffix.lower()
    text = read_text(path)
    talk = ending in CONVERSATIONS or (ending == ".txt" and is_talk(text))
    if kind == "conversation" or (kind is None and talk):
        return open_conversation(text, name=str(given), ending=ending)
    return open_document(text, name=str(given), markdown=ending in (".md", ".markdown"))


def is_sound(given: object, kind: str | None) -> bool:
    """Whether what was given is the file of a sound or video, by its ending or because `kind` says so; it need not be there."""
    return kind == "sound" or _ends(given, kind, SOUNDS)


def is_video(given: object, kind: str | None) -> bool:
    """Whether what was given is the file of a video, in the same way."""
    return kind == "video" or _ends(given, kind, VIDEOS)


def is_picture(given: object, kind: str | None) -> bool:
    """Whether what was given is the file of an image, in the same way."""
    return kind == "picture" or _ends(given, kind, IMAGES)


def _ends(given: object, kind: str | None, endings: tuple[str, ...]) -> bool:
    if kind is not None or not isinstance(given, (str, Path)):
        return False
    return (isinstance(given, Path) or _is_path(given, kind)) and Path(given).suffix.lower() in endings


def _is_path(given: str, kind: str | None) -> bool:
    """Whether a string means a file: it is there, or it is written like one."""
    # Path.exists raises where a text is longer than a file name may be; os.path.exists says no.
    there = os.path.exists(given)  # noqa: PTH110
    return kind == "document" or there or _FILE_NAME.fullmatch(given) is not None


def _check_file(path: Path, kind: str | None) -> None:
    """Nothing, for a file that can be opened as one source.

    Raises:
        InputError: it cannot.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it, or read the word itself with kind='text'")
    if not os.path.exists(path):  # noqa: PTH110
        raise InputError(f"no file {path}; check the name, or read the string itself with kind='text'")
    if not path.is_file():
        raise InputError(f"{path} is a device or a pipe, not a file; read it first and give its text")
    if is_table(path):
        raise InputError(
            f"{path} is a table of many texts, not one text; affekt.read_table reads it, and needs to know the column that holds the text"
        )
    if kind is None and path.suffix.lower() not in ENDINGS:
        raise InputError(
            f"nothing reads {path.suffix or 'a file without an ending'!r} ({path}); there are: {', '.join(ENDINGS)}, "
            f"for sounds and videos {', '.join(SOUNDS)}, for images {', '.join(IMAGES)}, for tables {', '.join(TABLES)}; "
            "kind='document' takes any file as text, kind='sound' as sound, kind='picture' as an image"
        )
