"""When things are: a clock for seconds, a count for characters."""

from affekt.results import Reading, Timeline

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds that people count in


def moment(at: float, timeline: Timeline) -> str:
    """A time as 1:02 or 1:01:02, an offset in a text as a plain number."""
    if timeline.unit == "characters":
        return f"{at:.0f}"
    seconds = int(at + 0.5)
    clock = f"{seconds // 60 % 60:02d}:{seconds % 60:02d}" if seconds >= 3600 else f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600}:{clock}" if seconds >= 3600 else clock


def length(timeline: Timeline) -> str:
    """How long the whole is, in words."""
    if timeline.unit == "characters":
        return f"{timeline.duration:,.0f} character{'s' * (timeline.duration != 1)}"
    return f"{timeline.duration:.1f} s" if timeline.duration < 60 else moment(timeline.duration, timeline)


def ticks(timeline: Timeline, *, most: int) -> list[float]:
    """Round times (or offsets) from 0 to the end, at most so many."""
    step = 1.0
    if timeline.unit == "seconds":
        step = next((float(step) for step in _STEPS if timeline.duration / step <= most), 3600.0)
    while timeline.duration / step > most:
        step *= 2.5 if f"{step:.0f}".startswith("2") else 2
    return [step * number for number in range(int(timeline.duration / step) + 1)]


def excerpt(reading: Reading, timeline: Timeline) -> str:
    """What was said or written, where there is a transcript."""
    return timeline.transcript[slice(*reading.span)] if timeline.transcript and reading.span else ""


def hint(reading: Reading, timeline: Timeline) -> str:
    """One reading in a line: when, who, the likeliest labels, the words."""
    ranked = sorted(reading.scores.items(), key=lambda item: -item[1])[:3]
    when = f"{moment(reading.start, timeline)}–{moment(reading.end, timeline)}"
    labels = ", ".join(f"{name} {score:.0%}" for name, score in ranked)
    return " · ".join(filter(None, (when, reading.who, labels, excerpt(reading, timeline)[:200])))
