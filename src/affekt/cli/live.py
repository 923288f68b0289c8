"""A stream in the terminal: bars that move for each person, sentences as they are said, and how long it takes until they are read."""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from affekt import catalog
from affekt.errors import EmptyInput, InputError, UnknownName
from affekt.results import Modality, Reading
from affekt.stream import Stream

if TYPE_CHECKING:
    from rich.console import RenderableType

BAR = 20  # characters of a full score
SHOWN = 3  # labels of a person
GONE = 3.0  # seconds after which somebody who is neither seen nor heard is not shown any more
LATELY = 200  # readings whose delay is told
NAMES: dict[Modality, str] = {"face": "face", "speech": "voice", "text": "words", "fused": "all"}


@dataclass(slots=True)
class Screen:
    """What is shown.

    Args:
        clock: seconds of the stream.
        final: what one sentence or second is told by: "fused" where several modalities are read, else the one that is.
    """

    clock: Callable[[], float]
    final: Modality
    latest: dict[str, dict[Modality, Reading]] = field(default_factory=dict)
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=LATELY))

    def take(self, reading: Reading) -> None:
        """Shows a reading from now on."""
        self.latest.setdefault(reading.who or "", {})[reading.modality] = reading
        if reading.modality == self.final:
            self.delays.append(max(self.clock() - reading.end, 0.0))

    def draw(self) -> "RenderableType":
        """The people who are there, and the delay."""
        from rich.console import Group
        from rich.text import Text

        now, parts = self.clock(), list[Text]()
        for who, readings in self.latest.items():
            if any(now - reading.end < GONE for reading in readings.values()):
                parts += [Text.from_ansi(one) for one in _person(who, readings)]
        parts.append(Text(self._delay(), style="dim"))
        return Group(*parts)

    def _delay(self) -> str:
        if not self.delays:
            return "waiting for a voice or a face"
        ranked = sorted(self.delays)
        half, most = (1000 * ranked[int(len(ranked) * share)] for share in (0.5, 0.95))
        return f"read {half:.0f} ms after it happened, 95 of 100 within {most:.0f} ms"


def _person(who: str, readings: dict[Modality, Reading]) -> Iterator[str]:
    best = next(readings[name] for name in ("fused", "speech", "face", "text") if name in readings)
    yield f"\033[1m{who or 'somebody'}\033[0m  {_mood(best)}"
    ranked = sorted(best.scores.items(), key=lambda item: -item[1])[:SHOWN]
    for label, score in ranked:
        yield f"  {'█' * round(BAR * score):<{BAR}} {label} {score:.2f}"
    parts = [f"{NAMES[name]} {said(one)}" for name, one in readings.items() if name != "fused"]
    yield f"  \033[2m{'   '.join(parts)}\033[0m"
    if best.between is not None and best.disagrees:
        yield f"  \033[33m{' and '.join(NAMES[name] for name in best.between)} disagree ({best.disagreement:.0%})\033[0m"


def _mood(reading: Reading) -> str:
    known = [(name, value) for name in ("valence", "arousal") if (value := getattr(reading, name)) is not None]
    return "  ".join(f"{name} {value:+.2f}" for name, value in known)


def said(reading: Reading) -> str:
    """What a reading says, in a few words."""
    if reading.abstained:
        return f"unsure: {reading.reason}"
    return " ".join(f"{part}" if isinstance(part, str) else f"{part:.2f}" for part in reading.top or ("",))


def line(reading: Reading) -> str:
    """A reading as one line for a terminal."""
    minutes, seconds = divmod(round(reading.start, 1), 60)
    top, score = reading.top or ("", 0.0)
    what = f"unsure: {reading.reason}" if reading.abstained else f"{'█' * round(BAR * score):<{BAR}} {top} {score:.2f}"
    known = "" if reading.heard is None else f"  heard {reading.heard:.0f}"
    words = f"  “{reading.words}”" if reading.words else ""
    apart = f"  {' and '.join(NAMES[name] for name in reading.between)} disagree" if reading.disagrees and reading.between else ""
    return f"{minutes:02.0f}:{seconds:04.1f}  {reading.who or '':<12} {what}{known}{words}{apart}"


def show(stream: Stream, *, final: Modality, as_json: bool, save: Path | None) -> None:
    """Shows a stream until it ends or is stopped by Ctrl-C; then its timeline is saved, where that was asked for.

    Args:
        final: as of `Screen`.
        save: file to write the timeline to; its ending says how.

    Raises:
        InputError: as of the stream, or nothing can be saved there, which is said before anything is read.
    """
    if save is not None:
        _check(save)
    screen = Screen(stream.now, final)
    try:
        with _screen(screen, live=not as_json and sys.stdout.isatty()) as (draw, tell):
            for reading in stream:
                if as_json:
                    print(json.dumps(reading.to_dict(), ensure_ascii=False), flush=True)
                    continue
                screen.take(reading)
                if not reading.provisional and reading.modality == final:
                    tell(line(reading))
                draw()
    finally:
        stream.stop()
        if save is not None:
            _save(stream, save)


def _check(save: Path) -> None:
    endings = {catalog.find("formats", name).ending for name in catalog.names("formats")}
    if save.suffix.lower().removeprefix(".") not in {ending.lower() for ending in endings}:
        raise UnknownName(save.suffix.removeprefix("."), "formats", endings)
    if not save.parent.is_dir():
        raise InputError(f"no folder {save.parent} to save {save.name} in; make it, or name another")


def _save(stream: Stream, path: Path) -> None:
    try:
        print(f"affekt: {stream.timeline().save(path)}", file=sys.stderr)
    except EmptyInput as error:
        print(f"affekt: nothing is saved: {error}", file=sys.stderr)


@contextmanager
def _screen(screen: Screen, *, live: bool) -> Iterator[tuple[Callable[[], object], Callable[[str], object]]]:
    """How to draw the screen anew, and how to say a line that stays."""
    if not live:
        yield (lambda: None), (lambda told: print(told, flush=True))
        return
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(screen.draw(), console=console, auto_refresh=False, transient=True) as shown:
        yield (lambda: shown.update(screen.draw(), refresh=True)), (lambda told: console.print(told, markup=False, highlight=False))
