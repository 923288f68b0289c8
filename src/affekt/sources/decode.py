"""From a file's bytes to its text: UTF-8, or UTF-16 and UTF-32 where a byte-order mark says so."""

import codecs
from pathlib import Path

from affekt.errors import InputError, InputTooLarge

LIMIT = 50_000_000  # bytes; checked before the file is read
# The marks of UTF-32 come first: that of its little-endian form begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> str:
    """The text of a file, without its byte-order mark.

    Raises:
        InputTooLarge: the file is larger than `LIMIT` bytes.
        InputError: it cannot be opened, or its bytes are no text.
    """
    try:
        size = path.stat().st_size
        if size > LIMIT:
            raise InputTooLarge(f"{path} has {size:,} bytes; a text file may have {LIMIT:,}: split it, or make it a table of texts")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from error
    return decode(data, name=str(path))


def decode(data: bytes, *, name: str) -> str:
    """The text in a file's bytes, without its byte-order mark.

    Raises:
        InputError: the bytes are no text; says where.
    """
    encoding = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not {encoding.removesuffix('-sig').upper()}: byte 0x{data[error.start]:02x} at offset {error.start}; "
            "convert it, say with: iconv -f GB18030 -t UTF-8 (GB18030 for Chinese, CP1252 for Western European text)"
        ) from error


def split_lines(text: str) -> list[str]:
    """The lines of a text, whatever system ended them, numbered as an editor numbers them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
