"""A picture: bars for one reading, lanes over time for many, more of them for several modalities; as SVG, for light and dark pages."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from affekt.formats import _fused_figure, _svg, _svg_bars, _svg_lanes, _svg_marks
from affekt.formats._cells import flat, width, wrap
from affekt.formats._moments import excerpt, length
from affekt.formats._palette import NEUTRAL, OTHER, colours
from affekt.formats._svg import MARGIN, WIDTH
from affekt.parts import Format
from affekt.results import DIMENSIONS, Reading, Timeline

SHOWN = 8  # labels with a colour of their own; the rest share one


def write(timeline: Timeline) -> str:
    """The picture, 900 pixels wide."""
    if not timeline.readings:
        timeline = replace(timeline, readings=timeline.fused)
    title = flat(PurePath(timeline.source).name) or "text"
    name = _svg.name_of(timeline.to_json())
    marks, top = _heading(title, timeline)
    if _fused_figure.fits(timeline):
        more, end = _fused(timeline, top=top, name=name)
    elif not timeline.readings:
        more, end = [_svg.text(MARGIN, top + 26, "No readings.", size=14, style="faint")], top + 30
    elif len(timeline) == 1:
        more, end = _svg_bars.draw(timeline.readings[0], top=top + 22)
    else:
        stack = _stack(timeline.readings, timeline.labels)
        known = [name for name in DIMENSIONS if any(getattr(reading, name) is not None for reading in timeline)]
        fills = stack or colours(known, "vad")
        chips, y = _svg.legend(list(fills), list(fills.values()), x=MARGIN, y=top + 32)
        more, end = _svg_lanes.draw(timeline, top=y + 24, stack=stack, name=name)
        more = chips + more
    return _svg.page([*marks, *more], height=end + 18, title=title, description=_subtitle(timeline), name=name)


def _fused(timeline: Timeline, *, top: float, name: str) -> tuple[list[str], float]:
    """The figure of several modalities under its legend: (marks, where they end)."""
    figure = _fused_figure.draw(timeline)
    fills = [_svg_marks.fill_of(fill, name=name) for fill in figure.legend.values()]
    chips, y = _svg.legend(list(figure.legend), fills, x=MARGIN, y=top + 32)
    drawn = _svg_marks.drawn(figure.marks, name=name)
    return [*chips, f'<g transform="translate(0 {y + 24:.1f})">', *drawn, "</g>"], y + 24 + figure.end


def _heading(title: str, timeline: Timeline) -> tuple[list[str], float]:
    """The words themselves where one reading holds them all, else the source's name; facts below: (marks, where they end)."""
    said = flat(excerpt(timeline.readings[0], timeline)) if len(timeline) == 1 else ""
    size = 15 if width(said) > 140 else 20
    top, marks = 22.0 if size == 20 else 26.0, []
    for words in wrap(said or title, int((WIDTH - 2 * MARGIN) / (size * _svg.EM)), lines=3):
        marks.append(_svg.text(MARGIN, top + size, words, size=size, weight=600))
        top += size * 1.35
    facts = " · ".join((title, _subtitle(timeline)) if said and title != "text" else (_subtitle(timeline),))
    marks.append(_svg.text(MARGIN, top + 15, _svg.clipped(facts, WIDTH - 2 * MARGIN, 13), size=13, style="soft"))
    return marks, top + 17


def _subtitle(timeline: Timeline) -> str:
    facts = [length(timeline)]
    if len(timeline.people) > 1:
        facts.append(f"{len(timeline.people)} people")
    if len(timeline) > 1:
        ranked = sorted(timeline.scores.items(), key=lambda item: -item[1])[:2]
        facts.append(", ".join(f"{name} {score:.0%}" for name, score in ranked) + " overall" if ranked else "")
    if clashes := len(timeline.disagreements()):
        facts.append(f"{clashes} disagreement{'s' * (clashes != 1)}")
    return " · ".join(filter(None, (*facts, timeline.labels)))


def _stack(readings: Sequence[Reading], label_set: str) -> dict[str, str]:
    """Label -> fill, from the bottom up: what is felt most first, then all the rest, and neutral at the top."""
    sums: dict[str, float] = {}
    for reading in readings:
        for label, score in reading.scores.items():
            said = label in reading.present or (reading.top is not None and label == reading.top[0])
            weight = 1.0 if said else 0.1  # a label that is felt once outranks one that is never felt but never quite 0
            sums[label] = sums.get(label, 0.0) + weight * score * max(reading.end - reading.start, 1e-6)
    ranked = sorted((label for label in sums if label != NEUTRAL), key=lambda label: -sums[label])
    fills = colours(ranked[:SHOWN], label_set)
    if len(ranked) > SHOWN:
        fills[OTHER] = "rest"
    return {**fills, NEUTRAL: NEUTRAL} if NEUTRAL in sums else fills


PART = Format(name="svg", ending="svg", write=write)
