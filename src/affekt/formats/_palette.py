"""A colour for every emotion: related ones related, the same one always the same."""

import colorsys
import zlib

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
_SHADES = (0.3, -0.22, 0.5, -0.38, 0.15, -0.1)  # towards white or, below 0, black: for relatives in one family


def colours(labels: list[str], label_set: str) -> dict[str, str]:
    """A colour for each label; labels that a coarser set calls the same get shades of one colour.

    Args:
        label_set: key of the set they come from; one that is not installed still gets colours.
    """
    chosen: dict[str, str] = {}
    relatives: dict[str, int] = {}
    for label in labels:
        family = label if label in _COLOURS else _family(label, label_set)
        if label != family:
            relatives[family] = relatives.get(family, 0) + 1
        shade = _SHADES[(relatives[family] - 1) % len(_SHADES)] if label != family else 0.0
        if label != NEUTRAL:
            chosen[label] = _shaded(_COLOURS.get(family) or _hashed(family), shade)
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


def _hashed(label: str) -> str:
    hue = zlib.crc32(label.encode("utf-8", "replace")) % 360 / 360
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, 0.58, 0.5))
