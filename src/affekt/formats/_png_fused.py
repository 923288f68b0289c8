"""A picture of several modalities: the figure that the vectors have too, between a heading and what the colours stand for."""

from PIL import Image

from affekt.formats import _fused_figure, _png, _png_marks
from affekt.formats._png_heading import heading
from affekt.results import Timeline


def draw(timeline: Timeline) -> list[Image.Image]:
    """The strips of the picture."""
    figure = _fused_figure.draw(timeline)
    fills = {name: fill for name, fill in figure.legend.items() if fill != "unsure"}
    legend = _png.legend(_png.WIDTH, fills, unsure="unsure" in figure.legend, lines=())
    gap = _png.strip(_png.WIDTH, 16)[0]
    return [heading(timeline, _png.WIDTH), legend, gap, _png_marks.drawn(figure.marks, high=figure.end + 12), gap]
