"""A picture in pixels: a band of colour and two curves over time for each person; for one moment, bars. Drawn by Pillow."""

from typing import TYPE_CHECKING

from affekt.errors import MissingExtra
from affekt.parts import Format
from affekt.results import Timeline

if TYPE_CHECKING:
    from PIL import Image


def write(timeline: Timeline) -> bytes:
    """The picture, 1600 pixels wide or less.

    Raises:
        MissingExtra: Pillow is not installed.
    """
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise MissingExtra("PIL", "face") from error
    from affekt.formats import _png

    return _png.page(_strips(timeline))


def _strips(timeline: Timeline) -> "list[Image.Image]":
    from affekt.formats import _png_bars, _png_rows

    return _png_bars.draw(timeline) if _png_bars.fits(timeline) else _png_rows.draw(timeline)


PART = Format(name="png", ending="png", write=write, binary=True)
