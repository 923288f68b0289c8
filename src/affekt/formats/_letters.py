"""Letters on pixels: Pillow's own font for ASCII, and for other scripts the first font of the machine that has them."""

import unicodedata
from functools import lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont
# Pillow's own font has next to nothing but ASCII. These come with Linux, macOS and Windows, and between them have most scripts.
_OTHERS = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc", "wqy-zenhei.ttc"),
    *("Arial Unicode.ttf", "PingFang.ttc", "segoeui.ttf", "msyh.ttc", "malgun.ttf"),
)
_SPARE = "?"  # for a letter that no font here has


@lru_cache(maxsize=1024)
def lettered(words: str, size: int) -> tuple[str, Font]:
    """The words as they can be drawn, and the font that has all of their letters.

    Where none has them, accents are dropped and what is still unknown becomes a question mark.

    Args:
        size: of the letters, pixels.
    """
    first = _own(size)
    if words.isascii():
        return words, first
    for font in (first, *filter(None, (_other(name, size) for name in _OTHERS))):
        if all(_has(font, letter) for letter in set(words)):
            return words, font
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", words) if not unicodedata.combining(letter))
    return "".join(letter if _has(first, letter) else _SPARE for letter in bare), first


def fitted(words: str, size: int, *, room: float) -> tuple[str, Font]:
    """The same, cut to a width in pixels; dots stand for what was cut."""
    words, font = lettered(words[:300], size)
    if font.getlength(words) <= room:
        return words, font
    while words and font.getlength(f"{words}...") > room:
        words = words[:-1]
    return f"{words.rstrip()}...", font


@lru_cache(maxsize=64)
def _own(size: int) -> Font:
    font = ImageFont.load_default(size)
    assert isinstance(font, Font)  # Pillow without FreeType raises an ImportError of its own
    return font


@lru_cache(maxsize=256)
def _other(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:  # this machine has no such font
        return None


def _has(font: Font, letter: str) -> bool:
    """Whether the font draws the letter as something else than the box that stands for what it lacks."""
    return letter.isascii() or _drawn(font, letter) != _drawn(font, "\uffff")


@lru_cache(maxsize=4096)
def _drawn(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
