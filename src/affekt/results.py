"""What travels through Affekt: a `Clip` goes in, a `Reading` says what one model made of it, a `Timeline` holds all.

All are frozen, checked when made, and plain Python inside, so they pickle, print and turn into JSON as they are.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from affekt.errors import BadResult, InputError, MissingExtra, UnknownName

if TYPE_CHECKING:
    import pandas

Modality = Literal["text", "speech", "face", "fused"]
Unit = Literal["characters", "seconds"]
MODALITIES: tuple[Modality, ...] = ("text", "speech", "face", "fused")
DIMENSIONS = ("valence", "arousal", "dominance")
DISAGREE = 0.5  # chance from which modalities are said to disagree: that they do is then likelier than not
PLOTS = (".png", ".svg")  # endings of pictures
TOLERANCE = 1e-3  # scores are kept to four decimals, so 28 of them may be off by this much together


@dataclass(frozen=True, slots=True)
class Clip:
    """One stretch of one signal, before a model has seen it.

    Args:
        data: the text itself, or samples, or pixels.
        start, end: seconds, or character offsets for text without a clock (`Timeline.unit` says which).
        who: the speaker or face track, where known.
        span: character offsets in the source's text, for text.
        before: the turns of the same conversation that came before, for text, the nearest last.

    Raises:
        BadResult: the clip ends before it starts.
    """

    modality: Modality
    data: Any
    start: float
    end: float
    who: str | None = None
    span: tuple[int, int] | None = None
    before: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_stretch(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model, or the fusion, says about one clip.

    Args:
        labels: key of the label set that `scores` speaks.
        scores: calibrated probability of each label, in [0, 1]; single-label sets sum to 1. Empty for `vad`.
        present: the labels that apply; one for a single-label set, any number for a multi-label set.
        confidence: the score of the top label, in [0, 1].
        abstained: no label is sure enough to act on; `reason` says why.
        valence, arousal, dominance: in [-1, 1], where the model has them.
        model: key and revision, "text_affekt@1a2b3c4d".
        heard: utterances of this speaker that the model knew before.
        provisional: the utterance is still going on; a later reading of the same start will take this one's place.
        box: left, top, right, bottom of the face, as shares of the picture's width and height; may reach out of [0, 1].
        clarity: of the signal, in [0, 1]: how much of what the model can tell of a clear one is left.
        spread: standard deviations of valence, arousal and dominance, where they are known.
        shares: fused only: modality -> how much it counted; they sum to 1.
        disagreement: fused only: chance that two of the modalities show different emotions, in [0, 1].
        between: fused only: the two modalities that disagree most.
        words: what was said, in what a stream gives out; a timeline keeps it in its transcript, see `span`.

    Raises:
        BadResult: a number is out of its range, or single-label scores do not sum to 1.
    """

    modality: Modality
    labels: str
    scores: Mapping[str, float]
    start: float
    end: float
    model: str
    single: bool = True  # exactly one label applies, so the scores sum to 1
    present: tuple[str, ...] = ()
    who: str | None = None
    span: tuple[int, int] | None = None
    abstained: bool = False
    reason: str | None = None
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    heard: int | None = None
    provisional: bool = False
    box: tuple[float, float, float, float] | None = None
    clarity: float | None = None
    spread: tuple[float, float, float] | None = None
    shares: Mapping[str, float] | None = None
    disagreement: float | None = None
    between: tuple[Modality, Modality] | None = None
    words: str | None = None

    def __post_init__(self) -> None:
        _check_stretch(self.start, self.end)
        for name, score in self.scores.items():
            if not 0 <= score <= 1:  # also false for NaN
                raise BadResult(f"score of {name!r} is {score}; a score lies in [0, 1]")
        total = sum(self.scores.values())
        if self.single and self.scores and abs(total - 1) > TOLERANCE:
            raise BadResult(f"the scores of single-label set {self.labels!r} sum to {total}, not 1")
        for name in DIMENSIONS:
            value = getattr(self, name)
            if value is not None and not -1 <= value <= 1:
                raise BadResult(f"{name} is {value}; it lies in [-1, 1]")
        for name in ("clarity", "disagreement"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise BadResult(f"{name} is {value}; it lies in [0, 1]")

    @property
    def disagrees(self) -> bool:
        """Whether modalities more likely than not show different emotions; of a fused reading."""
        return (self.disagreement or 0.0) >= DISAGREE

    @property
    def top(self) -> tuple[str, float] | None:
        """The likeliest label and its score; None where there are only dimensions."""
        return max(self.scores.items(), key=lambda item: item[1]) if self.scores else None

    @property
    def confidence(self) -> float:
        """The score of the top label; 0 where there are only dimensions."""
        top = self.top
        return top[1] if top else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The reading as JSON has it."""
        top = self.top  # asked for once: there may be a hundred thousand readings
        return {
            **{name: getattr(self, name) for name in ("modality", "who", "start", "end")},
            "span": list(self.span) if self.span else None,
            "labels": self.labels,
            "single": self.single,
            "scores": dict(self.scores),
            "top": top[0] if top else None,
            "present": list(self.present),
            "confidence": top[1] if top else 0.0,
            **{name: getattr(self, name) for name in ("abstained", "reason", *DIMENSIONS)},
            **{name: getattr(self, name) for name in ("model", "heard", "provisional")},
            "box": list(self.box) if self.box else None,
            "clarity": self.clarity,
            "spread": list(self.spread) if self.spread else None,
            "shares": dict(self.shares) if self.shares else None,
            "disagreement": self.disagreement,
            "between": list(self.between) if self.between else None,
            "words": self.words,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Reading":
        """The reading that `to_dict` wrote."""
        fields = {name: given[name] for name in given if name not in ("top", "confidence")}
        fields["present"] = tuple(given["present"])
        for name in ("span", "box", "spread", "between"):
            fields[name] = tuple(given[name]) if given.get(name) else None
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Event:
    """An expression that comes over a face and goes again.

    Args:
        onset, apex, offset: seconds: when it begins to be seen, is clearest, and is seen no more.
        score: of the label at the apex, in [0, 1].

    Raises:
        BadResult: they are not in this order, or the score is out of range.
    """

    label: str
    who: str | None
    onset: float
    apex: float
    offset: float
    score: float

    def __post_init__(self) -> None:
        if not 0 <= self.onset <= self.apex <= self.offset:
            raise BadResult(f"an event with onset {self.onset}, apex {self.apex}, offset {self.offset}; they come in this order")
        if not 0 <= self.score <= 1:
            raise BadResult(f"score of {self.label!r} is {self.score}; a score lies in [0, 1]")


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that a person marked, with what they noted.

    Args:
        time: in the unit of the timeline.

    Raises:
        BadResult: it is not at 0 or later.
    """

    time: float
    note: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.time) and self.time >= 0):
            raise BadResult(f"a mark at {self.time}; it is at 0 or later")


@dataclass(frozen=True, slots=True)
class Timeline:
    """The readings of one source in order of time.

    Args:
        source: what was read: a path, or "text" for a string.
        duration: in `unit`.
        labels: key of the label set.
        people: who speaks or is seen, in order of appearance.
        fused: one reading that speaks for several: all modalities at one time, or a whole long text.
        warnings: what the reader should know: a bad character, a text that was cut.
        events: expressions that come and go on faces, in order of their onsets.
        marks: moments that people marked, in order of time.
    """

    source: str
    duration: float
    unit: Unit
    labels: str
    readings: tuple[Reading, ...]
    fused: tuple[Reading, ...] = ()
    transcript: str | None = None
    warnings: tuple[str, ...] = ()
    people: tuple[str, ...] = field(default=())
    events: tuple[Event, ...] = ()
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.readings, key=lambda reading: (reading.start, reading.end)))
        object.__setattr__(self, "readings", ordered)
        object.__setattr__(self, "marks", tuple(sorted(self.marks, key=lambda mark: mark.time)))
        heard = dict.fromkeys(reading.who for reading in ordered if reading.who is not None)
        object.__setattr__(self, "people", tuple(dict.fromkeys((*self.people, *heard))))

    def __iter__(self) -> Iterator[Reading]:
        return iter(self.readings)

    def __len__(self) -> int:
        return len(self.readings)

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the whole: those of `fused` where there is one, else of all readings, weighted by length."""
        readings = self.fused or self.readings
        weights = [max(reading.end - reading.start, 1e-6) for reading in readings]
        names = dict.fromkeys(name for reading in readings for name in reading.scores)
        mean = {n: sum(w * r.scores.get(n, 0.0) for w, r in zip(weights, readings, strict=True)) / sum(weights) for n in names}
        return {name: round(value, 4) for name, value in mean.items()}

    @property
    def top(self) -> tuple[str, float] | None:
        """The likeliest label of the whole and its score.

        >>> Timeline("text", 2, "characters", "ekman7", ()).top is None
        True
        """
        scores = self.scores
        return max(scores.items(), key=lambda item: item[1]) if scores else None

    def at(self, t: float) -> tuple[Reading, ...]:
        """The readings whose stretch holds time (or character) `t`."""
        return tuple(reading for reading in self.readings if reading.start <= t < reading.end)

    def disagreements(self, *, least: float = DISAGREE) -> tuple[Reading, ...]:
        """The fused readings whose modalities show different emotions with at least this chance, as words that laugh in a sad voice."""
        return tuple(reading for reading in self.fused if (reading.disagreement or 0.0) >= least)

    def by(self, who: str) -> "Timeline":
        """What one person felt.

        Raises:
            BadResult: nobody of that name is in the timeline.
        """
        if who not in self.people:
            raise BadResult(f"nobody called {who!r} here; there are: {', '.join(self.people) or 'no names at all'}")
        return self._where(lambda reading: reading.who == who)

    def only(self, modality: Modality) -> "Timeline":
        """The readings of one modality."""
        if modality not in MODALITIES:
            raise BadResult(f"no modality {modality!r}; there are: {', '.join(MODALITIES)}")
        return self._where(lambda reading: reading.modality == modality)

    def _where(self, wanted: Callable[[Reading], bool]) -> "Timeline":
        chosen = tuple(filter(wanted, self.readings))
        fused = tuple(filter(wanted, self.fused))
        people = tuple(dict.fromkeys(reading.who for reading in (*chosen, *fused) if reading.who))
        events = tuple(event for event in self.events if event.who in people and any(reading.box for reading in chosen))
        return replace(self, readings=chosen, fused=fused, people=people, events=events)

    def to_dict(self) -> dict[str, Any]:
        """The timeline as JSON has it."""
        return {
            **{name: getattr(self, name) for name in ("source", "duration", "unit", "labels")},
            "people": list(self.people),
            "transcript": self.transcript,
            "readings": [reading.to_dict() for reading in self.readings],
            "fused": [reading.to_dict() for reading in self.fused],
            "warnings": list(self.warnings),
            "events": [asdict(event) for event in self.events],
            "marks": [asdict(mark) for mark in self.marks],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Timeline":
        """The timeline that `to_dict` wrote."""
        fields = dict(given)
        for name in ("readings", "fused"):
            fields[name] = tuple(map(Reading.from_dict, given[name]))
        fields["events"] = tuple(Event(**event) for event in given.get("events", ()))
        fields["marks"] = tuple(Mark(**mark) for mark in given.get("marks", ()))
        return cls(**{**fields, "people": tuple(given["people"]), "warnings": tuple(given["warnings"])})

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def save(self, path: str | Path) -> Path:
        """Writes the timeline in the format that the path's ending names; the file appears whole or not at all.

        Raises:
            UnknownName: no format has that ending; the message lists those that there are.
        """
        from affekt import catalog  # formats know timelines, so a timeline can only look them up

        path = Path(path)
        formats = {part.ending: part for part in (catalog.find("formats", name) for name in catalog.names("formats"))}
        ending = path.suffix.removeprefix(".")
        chosen = next((part for part in formats.values() if part.ending.lower() == ending.lower()), None)
        if chosen is None:
            raise UnknownName(ending, "formats", formats)
        part = path.with_name(f".{path.name}.part")
        written = chosen.write(self)
        if isinstance(written, bytes):
            part.write_bytes(written)
        else:
            part.write_text(written, encoding="utf-8")
        return part.replace(path)

    def plot(self, path: str | Path) -> Path:
        """Draws the timeline into a file, in pixels or, sharp at any size, as vectors, by the path's ending.

        Raises:
            InputError: the ending is neither .png nor .svg.
            MissingExtra: Pillow, which draws pixels, is not installed.
        """
        if Path(path).suffix.lower() not in PLOTS:
            raise InputError(
                f"a timeline is drawn as {' or '.join(PLOTS)}, not {Path(path).suffix or 'without an ending'!r}; save() writes others"
            )
        return self.save(path)

    def to_pandas(self) -> "pandas.DataFrame":
        """One row a reading, one column a score.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra("pandas", "tables") from error
        return pandas.DataFrame([{**asdict(r), **{f"score_{n}": s for n, s in r.scores.items()}} for r in self.readings]).drop(
            columns="scores", errors="ignore"
        )


def _check_stretch(start: float, end: float) -> None:
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start <= end):
        raise BadResult(f"a stretch from {start} to {end}; it starts at 0 or later and does not end before it starts")
