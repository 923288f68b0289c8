"""What the blocks of the figure of several modalities share: where its lanes lie, what is drawn in which colour, what was said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from affekt.formats._svg import MARGIN, WIDTH
from affekt.formats._svg_ribbon import Scale
from affekt.results import Modality, Reading, Timeline

NAMES = 116  # units for names, left of the lanes
LEFT, RIGHT = MARGIN + NAMES, WIDTH - MARGIN
LANES: dict[Modality, str] = {"face": "face", "speech": "voice", "text": "words"}  # what each modality is called, from the top down


@dataclass(frozen=True, slots=True)
class Page:
    """What the blocks share.

    Args:
        fills: label -> colour.
        ticks: x of the lines of the clock.
        words: of a reading.
        found: the readings of a modality that stand behind a fused one.
    """

    timeline: Timeline
    scale: Scale
    fills: Mapping[str, str]
    ticks: Sequence[float]
    words: Callable[[Reading], str]
    found: Callable[[Reading, Modality], list[Reading]]
