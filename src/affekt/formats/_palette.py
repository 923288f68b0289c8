"""A colour for every emotion: related ones related, the same one always the same."""

import colorsys
import zlib
from collections.abc import Iterable

from affekt import catalog
from affekt.errors import UnknownName

NEUTRAL = "neutral"  # drawn in a grey that the style sheet sets, for it must suit a light and a dark page
GREY = "#aab3bf"  # of what is neutral, where the style sheet does not set it
OTHER = "other labels"  # what is too little to get a colour of its own
# Apart from one another in hue, and all of a middle lightness, so that they are seen on white and on near-black alike.
_COLOURS = {
    "anger": "#e5484d",
    "disgust": "#7d9b3c",
    "fear": "#8d63d2",
    "joy": "#f2b531",
    "sadness": "#4a86e0",
    "surprise": "#2ab5b5",
    "anticipation": "#ef8b3e",
    "trust": "#58b470",
    # The fine ones that are met most; their relatives get shades.
    "excitement": "#f28a2e",
    "pride": "#d07f22",
    "gratitude": "#e3a63c",
    "admiration": "#f2d268",
    "amusement": "#fbd53f",
    "optimism": "#c6bf3d",
    "approval": "#a5b54c",
    "relief": "#7fbf7b",
    "caring": "#f19a8b",
    "love": "#ec6a9c",
    "desire": "#d4508a",
    "negative": "#e0565b",
    "positive": "#3fae7c",
    "valence": "#f2b531",
    "arousal": "#e5484d",
    "dominance": "#4a86e0",
}
_HUES = 18  # 20 degrees apart: nearer ones are hard to tell from one another
_LIGHT = (0.58, 0.4)  # of a colour that a name gets by itself; the darker where all hues are taken
_SHADES = (0.3, -0.22, 0.5, -0.38, 0.15, -0.1)  # towards white or, below 0, black: for relatives in one family


def colours(labels: list[str], label_set: str) -> dict[str, str]:
    """A colour for each label; labels that a coarser set calls the same get shades of one colour.

    Args:
        label_set: key of the set they come from; one that is not installed, say a model's own, still gets colours, no two the same.
    """
    chosen: dict[str, str] = {}
    relatives: dict[str, int] = {}
    families = {label: label if label in _COLOURS else _family(label, label_set) for label in labels}
    fixed = {family: _COLOURS[family] for family in families.values() if family in _COLOURS}
    known = {**fixed, **_hashed({*families.values()} - {*fixed, NEUTRAL}, taken=fixed.values())}
    for label, family in families.items():
        if label != family:
            relatives[family] = relatives.get(family, 0) + 1
        shade = _SHADES[(relatives[family] - 1) % len(_SHADES)] if label != family else 0.0
        if label != NEUTRAL:
            chosen[label] = _shaded(known[family], shade)
    return chosen


def paled(colour: str, sure: float) -> str:
    """A colour, the nearer to white the less sure, in [0, 1], the label is."""
    return _shaded(colour, 1 - min(max(0.1 + sure, 0.25), 1.0))


def _family(label: str, label_set: str) -> str:
    try:
        projections = catalog.find("labels", label_set).projections
    except UnknownName:
        return label
    coarse = projections.get("ekman7", {}).get(label, label)
    return label if coarse == NEUTRAL else coarse


def _shaded(colour: str, shade: float) -> str:
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    mixed = [part + (255 - part) * shade if shade > 0 else part * (1 + shade) for part in parts]
    return "#" + "".join(f"{round(part):02x}" for part in mixed)


def _hashed(labels: Iterable[str], *, taken: Iterable[str]) -> dict[str, str]:
    """A colour for each label, by its name: the same in every picture of the same labels, whatever order they come in.

    Args:
        taken: colours that others of the picture have.
    """
    free = {(hue, light) for hue in range(_HUES) for light in _LIGHT}
    free -= {(_hue(colour), light) for colour in taken for light in _LIGHT[:1]}
    chosen = {}
    for label in sorted(labels):
        first = zlib.crc32(label.encode("utf-8", "replace")) % _HUES
        # Seven hues on is far off, and seven and eighteen have no divisor in common, so that every hue has its turn.
        turns = [((first + 7 * turn) % _HUES, light) for light in _LIGHT for turn in range(_HUES)]
        hue, light = next((turn for turn in turns if turn in free), turns[0])
        free.discard((hue, light))
        rgb = colorsys.hls_to_rgb(hue / _HUES, light, 0.5)
        chosen[label] = "#" + "".join(f"{round(part * 255):02x}" for part in rgb)
    return chosen


def _hue(colour: str) -> int:
    """The number of the hue that a colour is nearest to."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return round(colorsys.rgb_to_hls(red, green, blue)[0] * _HUES) % _HUES
