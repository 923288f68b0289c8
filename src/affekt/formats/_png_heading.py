"""The head of a picture: what was read, and the whole in one line."""

from dataclasses import replace
from pathlib import PurePath

from PIL import Image

from affekt.formats._cells import flat
from affekt.formats._moments import excerpt, length
from affekt.formats._png import MARGIN, SOFT, strip, words
from affekt.results import Timeline


def shown(timeline: Timeline) -> Timeline:
    """The timeline with what is drawn of it as its readings: those of `fused` where there are no others."""
    return timeline if timeline.readings else replace(timeline, readings=timeline.fused, fused=())


def heading(timeline: Timeline, width: int) -> Image.Image:
    """The words themselves where one reading holds them all, else the source's name; facts below."""
    image, draw = strip(width, 128)
    said = flat(excerpt(timeline.readings[0], timeline)) if len(timeline) == 1 else ""
    words(draw, (MARGIN, 64), said or PurePath(timeline.source).name or "text", size=36, room=width - 2 * MARGIN)
    facts = [length(timeline) if timeline.duration else "", f"{len(timeline.people)} people" if len(timeline.people) > 1 else ""]
    if len(timeline) > 1:
        ranked = sorted(timeline.scores.items(), key=lambda item: -item[1])[:2]
        facts.append(", ".join(f"{name} {score:.0%}" for name, score in ranked) + " overall" if ranked else "")
    if clashes := len(timeline.disagreements()):
        facts.append(f"{clashes} disagreement{'s' * (clashes != 1)}")
    line = " · ".join(filter(None, (*facts, timeline.labels, "" if timeline.readings else "no readings")))
    words(draw, (MARGIN, 102), line, size=24, room=width - 2 * MARGIN, fill=SOFT)
    return image
