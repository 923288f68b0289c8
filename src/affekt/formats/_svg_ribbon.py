"""The ribbon of one lane: over each stretch of time the scores, stacked, or the dimensions as lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affekt.formats import _svg
from affekt.formats._moments import hint
from affekt.formats._palette import OTHER, colours
from affekt.formats._svg import MARGIN, WIDTH
from affekt.results import DIMENSIONS, Reading, Timeline

HIGH = 64  # pixels
MARKED = 300  # readings up to which each has round corners, a gap beside it, and more to say under the mouse
FINEST = WIDTH - 2 * MARGIN  # readings from which on neighbours share a pixel


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a time lies on the page, and how many pixels a score of 1 is high."""

    left: float
    per_unit: float
    per_score: float

    def x(self, at: float) -> float:
        """Pixels from the left."""
        return self.left + at * self.per_unit


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a lane: one reading, or several that share a pixel."""

    x: float
    wide: float
    scores: Mapping[str, float]
    abstained: bool


def stacked(readings: Sequence[Reading], timeline: Timeline, scale: Scale, *, top: float, stack: Mapping[str, str], name: str) -> list[str]:
    """The scores, one on the other; those of readings that abstain are pale.

    Args:
        stack: label -> fill, from the bottom up; `OTHER` takes the labels that it does not name.
        name: id of this lane.
    """
    blocks = _blocks(readings, scale)
    marks, clip = [], ""
    if len(readings) <= MARKED:
        shapes = "".join(_svg.rect(block.x, top, block.wide, HIGH, fill="none", round_by=3) for block in blocks)
        marks, clip = [f'<clipPath id="{name}">{shapes}</clipPath>'], f' clip-path="url(#{name})"'
    for abstained, opacity in ((False, ""), (True, ' opacity="0.35"')):
        paths = _paths([block for block in blocks if block.abstained == abstained], scale, top + HIGH, stack)
        if paths:
            marks.append(f"<g{clip}{opacity}>{''.join(paths)}</g>")
    if clip:
        marks += [
            _svg.rect(block.x, top, block.wide, HIGH, fill="none", hint=hint(reading, timeline))
            for block, reading in zip(blocks, readings, strict=True)
        ]
    return marks


def _blocks(readings: Sequence[Reading], scale: Scale) -> list[Block]:
    if len(readings) <= FINEST:
        gap = 1.0 if len(readings) <= MARKED else 0.0
        wides = [max((reading.end - reading.start) * scale.per_unit - gap, 1.5) for reading in readings]
        return [Block(scale.x(r.start), wide, r.scores, r.abstained) for r, wide in zip(readings, wides, strict=True)]
    pixels: dict[int, list[Reading]] = {}
    for reading in readings:
        pixels.setdefault(int(scale.x(reading.start)), []).append(reading)
    return [Block(x, 1.0, _mean(few), all(reading.abstained for reading in few)) for x, few in pixels.items()]


def _mean(readings: Sequence[Reading]) -> dict[str, float]:
    names = dict.fromkeys(name for reading in readings for name in reading.scores)
    return {name: sum(reading.scores.get(name, 0.0) for reading in readings) / len(readings) for name in names}


def _paths(blocks: Sequence[Block], scale: Scale, bottom: float, stack: Mapping[str, str]) -> list[str]:
    """One path a label, which holds all its stretches."""
    drawn: dict[str, list[str]] = {label: [] for label in stack}
    for block in blocks:
        y = bottom
        other = sum(score for label, score in block.scores.items() if label not in stack)
        for label in stack:
            high = (other if label == OTHER else block.scores.get(label, 0.0)) * scale.per_score
            if high >= 0.05:  # a twentieth of a pixel
                y -= high
                drawn[label].append(f"M{block.x:.1f} {y:.1f}h{block.wide:.1f}v{high:.1f}h-{block.wide:.1f}z")
    return [f'<path {_svg.paint(stack[label])} d="{"".join(shapes)}"/>' for label, shapes in drawn.items() if shapes]


def dimensions(readings: Sequence[Reading], scale: Scale, *, top: float) -> list[str]:
    """Valence, arousal and dominance as lines around the lane's middle, which is 0."""
    marks = [_svg.line(scale.left, top + HIGH / 2, WIDTH - MARGIN, top + HIGH / 2)]
    for name in DIMENSIONS:
        steps = []
        for reading in readings:
            if (value := getattr(reading, name)) is not None:
                y, wide = top + (1 - value) * HIGH / 2, max((reading.end - reading.start) * scale.per_unit, 1.5)
                steps.append(f"M{scale.x(reading.start):.1f} {y:.1f}h{wide:.1f}")
        if steps:
            marks.append(f'<path fill="none" stroke="{colours([name], "vad")[name]}" stroke-width="3" d="{"".join(steps)}"/>')
    return marks
