"""The marks of a picture: rectangles, text and the page around them, for light and dark alike, with no font of its own."""

import zlib
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from affekt.formats._cells import cut, flat, width

WIDTH = 900
MARGIN = 28
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
LIGHT = {
    "card": "#ffffff",
    "edge": "#e2e5ea",
    "ink": "#1b2130",
    "soft": "#5a6473",
    "faint": "#8b94a2",
    "grid": "#e9ecf0",
    "track": "#f3f5f7",
    "neutral": "#ccd2da",
    "rest": "#e2e6eb",
}
DARK = {
    "card": "#14171d",
    "edge": "#2a2f39",
    "ink": "#eef1f5",
    "soft": "#a7b0bd",
    "faint": "#78818f",
    "grid": "#262b34",
    "track": "#1c2028",
    "neutral": "#505a69",
    "rest": "#363d49",
}
EM = 0.56  # width of one cell in the height of the letters, about right in all of the fonts above


def page(marks: Iterable[str], *, height: float, title: str, description: str, name: str) -> str:
    """The whole picture on a card of its own, so that it reads on any page.

    Args:
        name: prefix of the picture's ids; several pictures may share one HTML page.
    """
    shape = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" {shape} role="img" font-family="{FONTS}">',
            f"<title>{plain(title)}</title>",
            f"<desc>{plain(description)}</desc>",
            f"<style>{_style(name)}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="12"/>',
            *marks,
            "</svg>\n",
        )
    )


def name_of(source: str) -> str:
    """An id that two sources hardly share."""
    return f"affekt-{zlib.crc32(source.encode('utf-8', 'replace')):08x}"


def _style(name: str) -> str:
    def rules(colours: dict[str, str]) -> str:
        fills = "".join(f"#{name} .{key}{{fill:{colour}}}" for key, colour in colours.items() if key not in ("edge", "grid"))
        return f"{fills}#{name} .card{{stroke:{colours['edge']}}}#{name} .grid{{stroke:{colours['grid']}}}"

    return f"{rules(LIGHT)}@media (prefers-color-scheme: dark){{{rules(DARK)}}}"


def plain(text: str) -> str:
    """The text as XML can hold it."""
    return escape(flat(text))


def text(x: float, y: float, words: str, *, size: float, style: str = "ink", weight: int = 400, anchor: str = "start") -> str:
    """Words on one line; `style` is ink, soft, faint or a colour."""
    bold = f' font-weight="{weight}"' if weight != 400 else ""
    place = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text {paint(style)} x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{bold}{place}>{plain(words)}</text>'


def rect(x: float, y: float, wide: float, high: float, *, fill: str, round_by: float = 0, hint: str = "") -> str:
    """A rectangle; `hint` shows where a mouse rests on it."""
    corner = f' rx="{round_by:g}"' if round_by else ""
    mouse = ' pointer-events="all"' if hint else ""
    shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0):.1f}" height="{max(high, 0):.1f}"{corner}{mouse} {paint(fill)}'
    return f"{shape}><title>{plain(hint)}</title></rect>" if hint else f"{shape}/>"


def paint(fill: str) -> str:
    """The attribute that colours a mark: a colour or pattern as it is, any other word as a class of the style sheet."""
    return f"fill={quoteattr(fill)}" if fill.startswith(("#", "url(")) or fill == "none" else f"class={quoteattr(fill)}"


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    """A thin line of the grid."""
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def clipped(words: str, room: float, size: float) -> str:
    """The words, cut to a width in pixels."""
    return cut(flat(words), max(int(room / (size * EM)), 1))


def legend(names: Sequence[str], fills: Sequence[str], *, x: float, y: float) -> tuple[list[str], float]:
    """Chips of colour with their names, in rows: (marks, y of the last row)."""
    marks, at = [], x
    for name, fill in zip(names, fills, strict=True):
        wide = 16 + width(name) * 12 * EM + 18
        if at + wide > WIDTH - MARGIN and at > x:
            at, y = x, y + 20
        marks += [rect(at, y - 9, 10, 10, fill=fill, round_by=2.5), text(at + 16, y, name, size=12, style="soft")]
        at += wide
    return marks, y
