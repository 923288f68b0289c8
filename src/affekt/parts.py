"""The kinds of part Affekt is built from: each a frozen dataclass of plain data and functions.

A part is one file in the room of its kind; the file's name is its key, and the file's `PART` is the part.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from affekt.results import Clip, Modality, Timeline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LabelSet:
    """What a reading may say: the names, whether one or several apply, and how they map onto coarser sets."""

    name: str
    labels: tuple[str, ...]
    kind: Literal["single", "multi", "dimensions"]  # one label | any number of labels | numbers in [-1, 1]
    paper: str
    projections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # coarser set -> {own label: its label}
    none: str | None = None  # multi only: the word for "no label applies"
    several: str | None = None  # single only: the multi-label set over the same emotions
    places: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)  # label -> its valence, arousal, dominance


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text, recording or picture of a corpus or of a user's data file."""

    text: str  # "" for a recording or picture
    labels: tuple[str, ...] | None = None  # the corpus's own names; None: not annotated with labels
    lang: str | None = None
    vad: tuple[float, float, float] | None = None  # valence, arousal, dominance in [-1, 1]
    space: tuple[str, ...] | None = None  # the labels that annotators could choose from; None: all of them
    group: str | None = None  # dialogue, show or speaker that must not be shared between splits
    sentiment: str | None = None  # one of sentiment3, where the corpus has it beside its labels
    votes: Mapping[str, float] | None = None  # label -> share of its annotators who chose it, where single votes are known
    path: Path | None = None  # file of a recording or picture
    who: str | None = None  # speaker or subject
    turn: int | None = None  # place in its dialogue, where group is the dialogue
    before: tuple[str, ...] = ()  # turns of the same dialogue that came before it, the nearest last
    split: str | None = None  # train, dev or test, where the data say it
    ties: tuple[str, ...] = ()  # what else, beside the group, must not be shared between splits: "speaker=ann"
    line: int | None = None  # place among the rows of its file, from 1; a heading and blank lines do not count


@dataclass(frozen=True, slots=True)
class Corpus:
    """A labelled data set: where it comes from, what it may be used for, how its labels read in ours."""

    name: str
    paper: str
    licence: str
    use: Literal["ship", "nc", "bench"]  # may train any weights | non-commercial weights only | is only measured on
    languages: tuple[str, ...]  # BCP 47
    splits: tuple[str, ...]
    rows: Callable[[Path, str], Iterator[Row]]  # (data folder, split) -> its rows, read lazily
    label_maps: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)  # our set -> {its label: ours or None}
    sha256: Mapping[str, str] = field(default_factory=dict)  # file below the data folder -> checksum


@dataclass(frozen=True, slots=True)
class Recording:
    """One labelled recording of a speech corpus."""

    path: Path
    label: str  # the corpus's own name
    speaker: str
    lang: str
    duration: float  # seconds
    sentence: str | None = None  # key of what is said, where actors say the same words
    gender: str | None = None
    intensity: str | None = None


@dataclass(frozen=True, slots=True)
class SpeechCorpus:
    """A corpus of recordings; fields as in `Corpus`."""

    name: str
    paper: str
    licence: str
    use: Literal["ship", "nc", "bench"]
    languages: tuple[str, ...]
    splits: tuple[str, ...]  # no speaker is in two of them
    recordings: Callable[[Path, str], Iterator[Recording]]  # (data folder, split) -> its recordings
    label_maps: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns an encoder's raw outputs for one label set into probabilities that mean what they say.

    Raw outputs become `scale * raw + shift` per label, then softmax (single), the logistic function (multi) or a cut
    to [-1, 1] (dimensions). Fitted on held-out data by `affekt.calibration`.
    """

    scale: tuple[float, ...]
    shift: tuple[float, ...]
    thresholds: tuple[float, ...] = ()  # multi: the score from which a label is present
    abstain_below: float = 0.0  # confidence under which the reading abstains


@dataclass(frozen=True, slots=True)
class Card:
    """What a model is, as data: `affekt models` prints it."""

    name: str
    revision: str  # first eight hex digits of the weights' SHA-256
    modality: Modality
    languages: tuple[str, ...]  # BCP 47
    licence: Mapping[str, str]  # of the code, the weights, the training data
    commercial: bool
    calibration: Mapping[str, Calibration]  # per label set the model speaks
    facts: Mapping[str, Any] = field(default_factory=dict)  # training command, splits, metrics, limits, files
    sets: Mapping[str, LabelSet] = field(default_factory=dict)  # of those it speaks, the ones that are its own


class OpenEncoder(Protocol):
    """An encoder whose weights are loaded; safe to call from several threads."""

    card: Card

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> "dict[str, NDArray[np.float32]]":
        """Raw outputs of each label set that is asked for, in one pass: {set: (clips, labels of the set)}."""
        ...

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in pieces that the encoder can take whole."""
        ...


@dataclass(frozen=True, slots=True)
class Encoder:
    """A model family: `load` opens the weights in a folder, or the shipped ones."""

    name: str
    modality: Modality
    load: Callable[[Path | None, int], OpenEncoder]  # (folder, threads; 0: all there are)
    shipped: Path | None = None  # folder of its weights, where they are part of the package
    needs_folder: bool = True  # it has no weights of its own: one that holds some must be named


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one modality says of one person in one stretch of time.

    Args:
        scores: (labels,) calibrated.
        clarity: of the signal, in [0, 1].
    """

    modality: Modality
    scores: "NDArray[np.float64]"
    clarity: float = 1.0


@dataclass(frozen=True, slots=True)
class Fusion:
    """A rule that makes one answer of what two modalities or more say.

    Args:
        pool: the scores, (labels,), of several pieces of evidence, each of another modality; the order does not matter.
        counts: how much each of them counts in that, as shares that sum to 1.
        folder: of what it has learned, with a card; None: nothing.
        lender: folder from which a rule that has learned nothing takes deviations and mismatches; None: the one of `log_linear`.
    """

    name: str
    paper: str
    pool: "Callable[[Sequence[Evidence], LabelSet], NDArray[np.float64]]"
    counts: Callable[[Sequence[Evidence], LabelSet], Sequence[float]]
    folder: Path | None = None
    lender: Path | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A way out: what ending it has, how to write a timeline, and how to read it back where that is possible."""

    name: str
    ending: str
    write: Callable[[Timeline], str | bytes]
    read: Callable[[str], Timeline] | None = None
    binary: bool = False  # what `write` gives are bytes, for a file; else text, that can be printed as well
