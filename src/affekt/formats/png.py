"""A picture in pixels: a band of colour and two curves over time for each person; for several modalities, a lane each; for one
moment, bars. Drawn by Pillow.
"""

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
    from affekt.formats import _fused_figure, _png_bars, _png_fused, _png_rows

    if _fused_figure.fits(timeline):
        return _png_fused.draw(timeline)
    return _png_bars.draw(timeline) if _png_bars.fits(timeline) else _png_rows.draw(timeline)


PART = Format(name="png", ending="png", write=write, binary=True)
