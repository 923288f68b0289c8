"""Writes a report into a file that appears whole or not at all."""

from contextlib import suppress
from pathlib import Path

from affekt.errors import InputError


def write_whole(path: str | Path, content: str) -> Path:
    """Writes text as UTF-8 to a file beside the path, and renames that; half a surrogate pair, which UTF-8 lacks, becomes "?".

    Raises:
        InputError: there is no such folder, no permission or no room.
    """
    path = Path(path)
    if not path.name or path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.encode("utf-8", "replace"))
        return part.replace(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}; name a file in a folder that has room and lets you"
        ) from error
    finally:
        with suppress(OSError):  # what keeps it from being removed has kept it from being made
            part.unlink(missing_ok=True)
