"""A file that a caller sends, put below the server's folder until it has been read."""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from affekt.server.media import told
from affekt.server.problems import Problem
from affekt.sources import ENDINGS
from affekt.sources.audio import ENDINGS as SOUNDS
from affekt.sources.audio import VIDEOS
from affekt.sources.pictures import IMAGES
from affekt.store.database import Store
from affekt.store.tables import new_id

TYPES = {  # where a file's name has no ending: what its media type stands for
    "text/plain": ".txt", "text/markdown": ".md", "text/vtt": ".vtt", "application/x-subrip": ".srt", "audio/wav": ".wav",
    "audio/x-wav": ".wav", "audio/wave": ".wav", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "audio/ogg": ".ogg", "audio/webm": ".webm",
    "audio/flac": ".flac", "audio/x-flac": ".flac", "video/mp4": ".mp4", "video/webm": ".webm", "video/quicktime": ".mov",
    "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif",
}  # fmt: skip
PIECE = 2**20  # bytes


def form_with(options: str, *, what: str) -> dict[str, Any]:
    """How OpenAPI describes a form with a file and its options.

    Args:
        options: name of the model in the description's schemas.
        what: the file is.
    """
    properties = {
        "file": {"type": "string", "format": "binary", "description": what},
        "options": {"$ref": f"#/components/schemas/{options}"},
    }
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"schema": schema, "encoding": {"options": {"contentType": "application/json"}}}


NAME = 200  # characters of a file's name that are kept
UNWRITTEN = ("Cc", "Cs")  # controls, and halves of surrogate pairs, which some charsets can spell


def ending_of(file: UploadFile, *, more: tuple[str, ...] = ()) -> str:
    """The ending that says how a file is read.

    Args:
        more: endings that are taken beside those of one source.

    Raises:
        Problem: 415, nothing reads such a file.
    """
    name = name_of(file)
    kind = (file.content_type or "").partition(";")[0].strip().lower()
    ending = next((one for one in more if name.lower().endswith(one)), PurePosixPath(name).suffix.lower()) or TYPES.get(kind, "")
    allowed = (*ENDINGS, *SOUNDS, *VIDEOS, *IMAGES, *more)
    if ending not in allowed:
        raise Problem(
            415,
            "unknown-kind",
            f"nothing reads {ending or kind or 'a file without an ending'!r}; there are: {', '.join(dict.fromkeys(allowed))}",
        )
    return ending


@asynccontextmanager
async def form_of(request: Request, *, fields: int = 8) -> AsyncIterator[FormData]:
    """The form that a call sends.

    Args:
        fields: that it may have beside one file.

    Raises:
        Problem: 422, its type names a charset in which it cannot be read.
    """
    try:
        form = await request.form(max_files=1, max_fields=fields)
    except UnicodeError as error:
        raise Problem(422, "invalid-request", "the form cannot be read in the charset that its type names; it is UTF-8") from error
    try:
        yield form
    finally:
        await form.close()


@asynccontextmanager
async def received(file: UploadFile, store: Store, *, ending: str) -> AsyncIterator[Path]:
    """A path at which what was sent lies as long as this lasts."""
    path = await keep(file, store, ending=ending)
    try:
        yield path
    finally:
        await run_in_threadpool(path.unlink, missing_ok=True)


async def keep(file: UploadFile, store: Store, *, ending: str) -> Path:
    """A path at which what was sent lies from now on; whole, or not at all.

    Raises:
        Problem: 422, there is nothing in it; 507, there is no room for it.
    """
    folder = store.folder / "incoming"
    path = folder / f"{new_id('file')}{ending}"
    try:
        await run_in_threadpool(_copy, file, folder, path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Problem(507, "no-room", f"the file cannot be kept: {error.strerror}; make room in the server's folder") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if not path.stat().st_size:
        path.unlink()
        raise Problem(422, "empty-input", "the file is empty; was it sent whole?")
    return path


def named(error: Exception, path: Path, file: UploadFile) -> Problem:
    """What is wrong with a file, as who sent it may read it: by the name that they gave it, not by the path at which it lay here."""
    return told(error, path, name=name_of(file))


def name_of(file: UploadFile) -> str:
    """What a file is called, without the folders in which it lay elsewhere, and without what no reply and no database can hold."""
    name = PurePosixPath((file.filename or "").replace("\\", "/")).name[-NAME:]
    return "".join("_" if unicodedata.category(one) in UNWRITTEN else one for one in name) or "file"


def _copy(file: UploadFile, folder: Path, path: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    file.file.seek(0)
    with path.open("wb") as out:
        while piece := file.file.read(PIECE):
            out.write(piece)
