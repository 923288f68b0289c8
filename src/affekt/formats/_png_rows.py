"""A picture of many readings: a row for each person, time from left to right, and what the colours stand for."""

from dataclasses import replace

from PIL import Image

from affekt.formats._columns import CURVES, UNSURE, columns_of
from affekt.formats._moments import moment, ticks
from affekt.formats._palette import NEUTRAL
from affekt.formats._png import GRID, MARGIN, SOFT, WIDTH, fills_of, legend, strip, words
from affekt.formats._png_heading import heading, shown
from affekt.formats._png_row import SCALE, Row, draw_row
from affekt.results import Reading, Timeline

NAMES = 240  # pixels left of the rows, where they have names
MOST = 40  # rows
FINE = (0.1, 0.2, 0.5)  # seconds between ticks, where there are few seconds


def draw(timeline: Timeline) -> list[Image.Image]:
    """The strips of the picture."""
    timeline = _whole(shown(timeline))
    strips = [heading(timeline, WIDTH)]
    if not timeline.readings:
        return strips
    fills, rows = fills_of(timeline), _rows(timeline)
    left = MARGIN + (NAMES if any(row.title for row in rows) else SCALE)
    per_unit = (WIDTH - MARGIN - left) / timeline.duration
    marks = [(left + at * per_unit, name) for at, name in _ticks(timeline)]
    seen, unsure, curves = set[str](), False, False
    for row in rows[:MOST]:
        columns = columns_of(row.readings, list(fills), per_unit=per_unit, count=WIDTH - MARGIN - left)
        strips.append(draw_row(row, columns, fills, left=left, per_unit=per_unit, marks=[x for x, _ in marks]))
        seen |= {name for at, name in enumerate(fills) if at in columns.label} | {event.label for event in row.events}
        unsure |= UNSURE in columns.label
        curves |= row.curves
    strips.append(_axis(marks, left, len(rows) - MOST))
    shown_fills = {name: fill for name, fill in fills.items() if name in seen and name != NEUTRAL}
    if NEUTRAL in seen:
        shown_fills[NEUTRAL] = fills[NEUTRAL]
    return [*strips, legend(WIDTH, shown_fills, unsure=unsure, lines=CURVES if curves else ()), strip(WIDTH, 24)[0]]


def _whole(timeline: Timeline) -> Timeline:
    """The timeline, as long as what is in it; never of no length."""
    last = max((reading.end for reading in timeline.readings), default=0.0)
    return replace(timeline, duration=max(timeline.duration, last, *(event.offset for event in timeline.events)) or 1e-3)


def _rows(timeline: Timeline) -> list[Row]:
    """One for each person, and for each modality where a person has several; those without a name come last."""
    several = len({reading.modality for reading in timeline.readings}) > 1
    found: dict[tuple[str | None, str], list[Reading]] = {}
    for reading in timeline.readings:
        found.setdefault((reading.who, reading.modality), []).append(reading)
    rows = []
    for who in (*timeline.people, None):
        modalities = [modality for name, modality in found if name == who]
        for modality in modalities:
            seen = modality == ("face" if "face" in modalities else modalities[0])  # events are of a face
            events = [event for event in timeline.events if event.who == who] if seen else []
            title = who or (modality if several else "")
            rows.append(Row(title, modality if several and who else "", found[who, modality], events))
    return rows


def _ticks(timeline: Timeline) -> list[tuple[float, str]]:
    """(time or offset, as it is written), at most ten."""
    if timeline.unit == "characters" or timeline.duration >= 60:
        return [(at, moment(at, timeline)) for at in ticks(timeline, most=10)]
    step = next((step for step in FINE if timeline.duration / step <= 10), None)
    places = [step * at for at in range(int(timeline.duration / step) + 1)] if step else ticks(timeline, most=10)
    return [(at, f"{at:g} s") for at in places]


def _axis(marks: list[tuple[float, str]], left: int, hidden: int) -> Image.Image:
    image, pen = strip(WIDTH, 64 if hidden <= 0 else 104)
    pen.line((left, 4, WIDTH - MARGIN, 4), fill=GRID, width=2)
    for x, name in marks:
        pen.line((x, 4, x, 12), fill=SOFT, width=2)
        words(pen, (x, 36), name, size=20, fill=SOFT, anchor="ms" if x < WIDTH - 1.5 * MARGIN else "rs")
    if hidden > 0:
        words(pen, (MARGIN, 80), f"and {hidden} more rows", size=22, fill=SOFT)
    return image
