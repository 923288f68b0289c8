"""The path of text: windows, encoder, calibration, a reading for each, and the timeline of a source."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from affekt.calibration.apply import decide, probabilities, project, spoken
from affekt.calibration.context import Context, Conversation
from affekt.calibration.reading import DIGITS
from affekt.labels import vad
from affekt.parts import LabelSet, OpenEncoder
from affekt.preprocessing.clarity import letters, piece_size, text_clarity
from affekt.preprocessing.text import normalise, sentences
from affekt.results import Clip, Reading, Timeline
from affekt.sources import Opened

Floats = NDArray[np.float32]
Talk = tuple[slice, Conversation]  # turns among clips, and the conversation that they go on with
MARKS = 2  # pieces at the ends of a text


@runtime_checkable
class Spelling(Protocol):
    """A model that tells how many pieces of its vocabulary a text takes, two marks at its ends included."""

    def size(self, text: str) -> int:
        """How many pieces."""
        ...


@dataclass(frozen=True, slots=True)
class Texts:
    """Reads texts, in batches.

    Args:
        labels: the label set that readings speak.
        batch: texts that go through the model at once.
        context: how turns before pull at the scores of a turn; None: not at all.
        report: is called after each batch with the share of a call's texts that are done, in [0, 1]; what it raises stops the call.
    """

    encoder: OpenEncoder
    labels: LabelSet
    batch: int
    context: Context | None = None
    report: Callable[[float], object] | None = None

    def read(self, clips: Sequence[Clip], *, talks: Sequence[Talk] = ()) -> list[Reading]:
        """One reading a clip, in order.

        Args:
            talks: which of the clips are turns of a conversation, and what was said in it before.
        """
        scores, dimensions = self.scores(clips, talks=talks)
        return [self._reading(clip, scores[at], None if dimensions is None else dimensions[at]) for at, clip in enumerate(clips)]

    def scores(self, clips: Sequence[Clip], *, talks: Sequence[Talk] = ()) -> tuple[Floats, Floats | None]:
        """Calibrated scores (n, labels), and valence, arousal, dominance (n, 3) where the model has them.

        A clip longer than the model takes is read in windows; its scores are their mean, weighted by length.

        Args:
            talks: as of `read`.

        Raises:
            InputError: the model speaks no label set from which the reader's can be told.
        """
        card = self.encoder.card
        finer = spoken(card, self.labels)
        wanted = [finer, *([vad.PART] if finer is not vad.PART and "vad" in card.calibration else [])]
        windows = [self.encoder.cut(clip) for clip in clips]
        raw = self._run([window for found in windows for window in found], wanted)
        firsts = np.cumsum([0, *map(len, windows)])[:-1]
        weight = np.array([max(len(window.data), 1) for found in windows for window in found], np.float32)[:, None]
        out: dict[str, Floats] = {}
        for labels in wanted:
            each = probabilities(raw[labels.name], labels, card.calibration[labels.name])
            out[labels.name] = (
                (np.add.reduceat(each * weight, firsts) / np.add.reduceat(weight, firsts)).astype(np.float32) if clips else each
            )
        for turns, talk in talks:
            if talk.context.labels == finer.name:
                told = zip(clips[turns], out[finer.name][turns], strict=True)
                out[finer.name][turns] = [talk.hear(clip.who, scores) for clip, scores in told]
        scores = out[finer.name] if finer is self.labels else project(out[finer.name], finer, self.labels)
        return scores, out.get("vad")

    def conversation(self) -> Callable[[Sequence[Clip]], list[Reading]]:
        """Reads the turns of one conversation as they come, each in the light of those before it."""
        talk = None if self.context is None else Conversation(self.context)
        said = deque[str](maxlen=self._turns)

        def read(clips: Sequence[Clip]) -> list[Reading]:
            turns = _after(clips, self._turns, said=tuple(said))
            said.extend(clip.data for clip in clips)
            return self.read(turns, talks=[] if talk is None else [(slice(0, len(turns)), talk)])

        return read

    @property
    def _turns(self) -> int:
        """How many turns before a turn the model takes into account."""
        return int(self.encoder.card.facts.get("turns", 0))

    def _run(self, clips: Sequence[Clip], wanted: Sequence[LabelSet]) -> dict[str, Floats]:
        """Raw outputs of each set in the order of the clips; like lengths go through together, so that little is padding."""
        raw = {labels.name: np.zeros((len(clips), len(labels.labels)), np.float32) for labels in wanted}
        order = sorted(range(len(clips)), key=lambda at: len(clips[at].data))
        for begin in range(0, len(order), self.batch):
            chosen = order[begin : begin + self.batch]
            for name, values in self.encoder([clips[at] for at in chosen], labels=list(raw)).items():
                raw[name][chosen] = values
            if self.report is not None:
                self.report((begin + len(chosen)) / len(order))
        return raw

    def timelines(self, opened: Sequence[Opened], *, whole: bool = False) -> list[Timeline]:
        """One timeline a source; all their clips go through the model together."""
        clips = [_after(_clips(one, whole=whole), self._turns) if one.talk else _clips(one, whole=whole) for one in opened]
        ends = np.cumsum([len(found) for found in clips]).tolist()
        talks = [
            (slice(end - len(found), end), Conversation(self.context))
            for one, found, end in zip(opened, clips, ends, strict=True)
            if one.talk and self.context is not None
        ]
        readings = iter(self.read([clip for found in clips for clip in found], talks=talks))
        made = []
        for one, found in zip(opened, clips, strict=True):
            mine = list(islice(readings, len(found)))
            first = 1 if len(found) > len(one.clips) else 0  # the whole text comes before its sentences
            made.append(_assemble(one, self.labels.name, mine[first:], mine[:first]))
        return made

    def _reading(self, clip: Clip, scores: Floats, dimensions: Floats | None) -> Reading:
        card = self.encoder.card
        named = _rounded(scores, self.labels) if self.labels.kind != "dimensions" else {}
        present, reason = decide(named, self.labels, card.calibration.get(self.labels.name)) if named else ((), None)
        clear = self._clarity(clip.data)
        if not clear:
            reason = "no words to read"
        valence, arousal, dominance = (None,) * 3 if dimensions is None else (round(float(x), DIGITS) for x in dimensions)
        return Reading(
            modality=clip.modality,
            labels=self.labels.name,
            scores=named,
            start=clip.start,
            end=clip.end,
            model=f"{card.name}@{card.revision}",
            single=self.labels.kind == "single",
            present=present,
            who=clip.who,
            span=clip.span,
            abstained=reason is not None,
            reason=reason,
            valence=valence,
            arousal=arousal,
            dominance=dominance,
            clarity=clear,
        )

    def _clarity(self, text: str) -> float:
        count = letters(normalise(text))
        if not count:
            return 0.0
        pieces = self.encoder.size(text) - MARKS if isinstance(self.encoder, Spelling) else 0
        return text_clarity(count, piece_size(text, pieces))


def _clips(opened: Opened, *, whole: bool) -> list[Clip]:
    """What is read of a source: its turns, or the text and its sentences, where it has several."""
    clips = list(opened.clips)
    stretches = [] if opened.talk or whole else sentences(clips[0].data)
    if len(stretches) < 2:
        return clips
    return clips + [Clip("text", clips[0].data[a:b], a, b, span=(a, b)) for a, b in stretches]


def _after(clips: Sequence[Clip], turns: int, *, said: Sequence[str] = ()) -> list[Clip]:
    """The turns of a conversation, each with those before it, of which some have been said already."""
    whole = [*said, *(clip.data for clip in clips)]
    return [replace(clip, before=tuple(whole[max(at - turns, 0) : at])) for at, clip in enumerate(clips, len(said))]


def _assemble(opened: Opened, labels: str, readings: Sequence[Reading], fused: Sequence[Reading]) -> Timeline:
    return Timeline(
        source=opened.name,
        duration=opened.duration,
        unit=opened.unit,
        labels=labels,
        readings=tuple(readings),
        fused=tuple(fused),
        transcript=opened.transcript,
        warnings=opened.warnings,
    )


def _rounded(scores: Floats, labels: LabelSet) -> dict[str, float]:
    return {name: round(float(score), DIGITS) for name, score in zip(labels.labels, scores, strict=True)}
