"""`GET /v1/sessions/{id}/media`: the file that a session is of, as a whole or, for a player that seeks, in part (RFC 9110, 14)."""

import mimetypes
import os
import re
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse

from affekt.server.access import Reads
from affekt.server.named import IdPath
from affekt.server.problems import Problem
from affekt.server.service import Serving
from affekt.server.sessions import visible
from affekt.server.uploads import PIECE
from affekt.store.sessions import media_of

router = APIRouter(tags=["sessions"])
RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)
FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
SENT: dict[int | str, dict[str, Any]] = {
    200: {"content": FILE, "description": "the file"},
    206: {"content": FILE, "description": "a part of the file"},
}


@router.get("/v1/sessions/{id}/media", response_class=Response, responses=SENT)
def media(
    id: IdPath,  # noqa: A002 (the name in the address)
    service: Serving,
    caller: Reads,
    part: Annotated[str | None, Header(alias="Range", max_length=200, description="a part of it, as bytes=0-65535")] = None,
    whose: Annotated[str | None, Header(alias="If-Range", max_length=200, description="ETag that the file has to have for it")] = None,
) -> Response:
    """The sound, image or video that a session is of, where it is kept; several parts at once are answered with the whole."""
    visible(service, caller, id)
    path = media_of(service.store, id)
    try:
        opened = None if path is None else path.open("rb")
    except FileNotFoundError:  # it was deleted at this moment
        opened = None
    if path is None or opened is None:
        raise Problem(404, "no-media", f"of session {id!r} no sound, image or video is kept; keep_media_days says whether any is")
    tag, size = f'"{path.stem}"', os.fstat(opened.fileno()).st_size  # a file is never changed, and has an id of its own
    try:
        stretch = stretch_of(part, size) if whose in (None, tag) else None
    except Problem:
        opened.close()
        raise
    begin, end = stretch or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{id}{path.suffix}"',
        "Content-Length": str(end - begin),
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
        **({"Content-Range": f"bytes {begin}-{end - 1}/{size}"} if stretch else {}),
    }
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StreamingResponse(_pieces(opened, begin, end), 206 if stretch else 200, media_type=kind, headers=headers)


def stretch_of(asked: str | None, size: int) -> tuple[int, int] | None:
    """Where a part of a file begins, and ends before; None: the whole is meant, or something that need not be understood.

    Args:
        asked: the header Range.
        size: of the file, in bytes.

    Raises:
        Problem: 416, the file has no such part.

    >>> stretch_of("bytes=2-", 10), stretch_of("bytes=-3", 10), stretch_of("bytes=0-99", 10), stretch_of("bytes=5-2", 10)
    ((2, 10), (7, 10), (0, 10), None)
    """
    found = RANGE.fullmatch(asked or "")
    if found is None or not any(found.groups()):
        return None
    first, last = (int(number) if number else None for number in found.groups())
    if first is None:
        begin, end = max(size - (last or 0), 0), size
    else:
        begin, end = first, size if last is None else min(last + 1, size)
        if last is not None and last < first:
            return None
    if begin >= size:
        detail = f"no part {asked!r} of a file of {size} bytes; ask for a part that begins before its end"
        raise Problem(416, "no-such-part", detail, headers={"Content-Range": f"bytes */{size}"})
    return begin, end


def _pieces(opened: BinaryIO, begin: int, end: int) -> Iterator[bytes]:
    with opened:
        opened.seek(begin)
        while (left := end - opened.tell()) > 0 and (piece := opened.read(min(PIECE, left))):
            yield piece
