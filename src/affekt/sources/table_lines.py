"""The lines of a table's file, plain or gzip, in constant memory."""

import gzip
import re
import zlib
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from affekt.errors import InputError

LINE = 16 * 2**20  # bytes of one line and characters of one CSV field, a hundred times the longest comment a platform takes
BAD_BYTE = re.compile(r"[\udc80-\udcff]")  # how "surrogateescape" marks a byte that is no UTF-8

Record = tuple[dict[str, Any], str | None]  # what a row holds, and what is wrong with it


class Lines:
    """The lines of a file as text; a bad byte spoils its own line only, and of an endless line only the start is kept."""

    def __init__(self, path: Path) -> None:
        try:
            self.size = max(path.stat().st_size, 1)
            self.raw: BinaryIO = path.open("rb")
        except OSError as error:
            raise InputError(f"{path} cannot be opened: {error.strerror}") from error
        self.path, self.cut, self.first = path, False, True
        self.file: Any = gzip.GzipFile(fileobj=self.raw) if path.suffix.lower() == ".gz" else self.raw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.raw.close()

    @property
    def done(self) -> float:
        """How much of the file (of its packed bytes, for gzip) has been read, in [0, 1]."""
        return 1.0 if self.raw.closed else min(self.raw.tell() / self.size, 1.0)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._bytes()
        if self.first:
            self.first = False
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise InputError(f"{self.path} is UTF-16; convert it, say with: iconv -f UTF-16 -t UTF-8 {self.path.name} > utf8.csv")
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line.decode("utf-8", "surrogateescape")

    def _bytes(self) -> bytes:
        try:
            line: bytes = self.file.readline(LINE)
            if len(line) == LINE and not line.endswith(b"\n"):
                self.cut = True
                while (rest := self.file.readline(LINE)) and not rest.endswith(b"\n"):
                    pass
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"{self.path} is damaged: {error}; what came before can be read, the rest not") from error
        if not line:
            raise StopIteration
        return line

    def problem(self) -> str | None:
        """What was wrong with the lines since the last call."""
        was_cut, self.cut = self.cut, False
        return f"a line is longer than {LINE:,} bytes" if was_cut else None


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names, with a number after each that was there before.

    >>> distinct(["text", "id", "text"])
    ('text', 'id', 'text.1')
    """
    names = list(names)
    given: dict[str, None] = {}
    for name in names:
        free = (f"{name}.{number}" for number in count(1))
        given[name if name not in given else next(other for other in free if other not in given and other not in names)] = None
    return tuple(given)
