"""What is said in a sound, where it is given and need not be heard: by a file, or line by line."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from affekt.calibration.reading import DIGITS
from affekt.errors import InputError
from affekt.results import DIMENSIONS, Clip, Reading
from affekt.sources import open_source
from affekt.sources.conversation import ENDINGS

BESIDE = "beside"  # the transcript is the file of the sound's name with another ending, where there is one
SAID = 0.3  # share of an utterance, or of a line, that both last, from which the line is of the utterance
Read = Callable[[Sequence[Clip]], list[Reading]]


@dataclass(slots=True)
class Transcript:
    """What is said, where it is given and not heard.

    Args:
        readings: of its lines, with start and end in seconds; `who` where a line says it.
        text: the whole, that the readings' spans point into; None: of a stream.
        ordered: the readings by their start, as far as they have been looked at.
        longest: seconds of the longest of them.
    """

    readings: list[Reading] = field(default_factory=list)
    text: str | None = None
    ordered: list[Reading] = field(default_factory=list)
    longest: float = 0.0

    def copied(self) -> "Transcript":
        """The transcript as of now."""
        return replace(self, readings=[*self.readings], ordered=[*self.ordered])

    def of(self, spoken: Reading) -> list[tuple[Reading, float]]:
        """The lines of an utterance in order of time, each with the seconds that both last."""
        for line in self.readings[len(self.ordered) :]:
            insort(self.ordered, line, key=_start)
            self.longest = max(self.longest, line.end - line.start)
        first = bisect_left(self.ordered, spoken.start - self.longest, key=_start)
        near = self.ordered[first : bisect_left(self.ordered, spoken.end, key=_start)]
        return [(line, _common(line, spoken)) for line in near if is_of(line, spoken)]

    def said_in(self, spoken: Reading) -> Reading | None:
        """What is said in an utterance: the mean of its lines, weighted by how long they last in it and how clear they are."""
        lines = self.of(spoken)
        clear = [(line, seconds * clarity) for line, seconds in lines if (clarity := _clarity(line))]
        return _mean(clear or lines) if lines else None


def is_given(name: str) -> bool:
    """Whether a setting names transcripts, and no model that writes them."""
    return name == BESIDE or name.lower().endswith(ENDINGS)


def transcript_of(source: Any, given: str | Path | None, *, setting: str) -> Path | None:
    """The file that holds what is said: the one that is named, or the one beside the sound; None where that is not meant.

    Args:
        given: by whoever reads this source; None: as the setting says, which may name a model as well.

    Raises:
        InputError: a path is given that is no transcript.
    """
    name = setting if given is None else str(given)
    if name == BESIDE:
        found = [Path(source).with_suffix(ending) for ending in ENDINGS] if isinstance(source, (str, Path)) else []
        return next((path for path in found if path.is_file()), None)
    if name.lower().endswith(ENDINGS):
        return Path(name)
    if given is not None:
        raise InputError(f"{name} is no transcript; give a file that ends in {', '.join(ENDINGS)}, or {BESIDE!r}")
    return None


def read_transcript(path: Path, read: Read) -> Transcript:
    """The readings of a transcript's lines.

    Raises:
        InputError: there is no such file, it is broken, or it does not say when each line is said; or it is a timeline of Affekt.
    """
    opened = open_source(path, kind="conversation")
    if opened.unit != "seconds":
        raise InputError(f"{path} does not say when each line is said; a transcript needs the start and end of every turn, in seconds")
    return Transcript(read(opened.clips), opened.transcript)


def line_of(piece: Any, read: Read) -> Reading:
    """The reading of one line: (start, end, text) or (start, end, text, who), in seconds.

    Raises:
        InputError: it is no such thing.
    """
    try:
        start, end, text, who = piece if len(piece) == 4 else (*piece, None)
        clip = Clip("text", text, float(start), float(end), who=who)
    except (TypeError, ValueError) as error:
        raise InputError(f"a line is (start, end, text) or (start, end, text, who), in seconds, not {type(piece).__name__}") from error
    if not isinstance(text, str):
        raise InputError(f"the text of a line is a string, not {type(text).__name__}")
    return replace(read([clip])[0], words=text)


def is_of(line: Reading, spoken: Reading) -> bool:
    """Whether a line is of an utterance."""
    common = _common(line, spoken)
    return common > 0 and common >= SAID * min(spoken.end - spoken.start, line.end - line.start)


def _mean(lines: Sequence[tuple[Reading, float]]) -> Reading:
    """One reading of several lines, each with a weight."""
    first, each = lines[0][0], [line for line, _ in lines]
    if len(lines) == 1:
        return first
    whole = sum(weight for _, weight in lines)

    def mean(values: Iterable[float | None]) -> float:
        return round(sum(weight * (value or 0.0) for value, (_, weight) in zip(values, lines, strict=True)) / whole, DIGITS)

    scores = {name: mean(line.scores[name] for line in each) for name in first.scores}
    top = max(scores, key=scores.__getitem__, default=None)
    made = replace(
        first,
        scores=scores,
        end=max(line.end for line in each),
        present=(top,) if first.single and top else tuple(dict.fromkeys(name for line in each for name in line.present)),
        abstained=all(line.abstained for line in each),
        reason=first.reason if all(line.abstained for line in each) else None,
        clarity=mean(map(_clarity, each)),
        span=(min(spans)[0], max(spans)[1]) if (spans := [line.span for line in each if line.span]) else None,
        words=" ".join(line.words for line in each if line.words) or None,
    )
    if first.valence is None:
        return made
    valence, arousal, dominance = (mean(getattr(line, name) for line in each) for name in DIMENSIONS)
    return replace(made, valence=valence, arousal=arousal, dominance=dominance)


def _common(a: Reading, b: Reading) -> float:
    """Seconds that both last, at least 0."""
    return max(min(a.end, b.end) - max(a.start, b.start), 0.0)


def _clarity(line: Reading) -> float:
    return 1.0 if line.clarity is None else line.clarity


def _start(line: Reading) -> float:
    return line.start
