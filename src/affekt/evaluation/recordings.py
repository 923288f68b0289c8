"""A speech model against a manifest of recordings: the numbers that texts get, by group, and by how much was heard of a voice.

A recording is decoded when its turn comes, and only its features are kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from affekt.batch import Progress
from affekt.calibration.apply import probabilities, project, spoken
from affekt.errors import BadRow, InputError
from affekt.evaluation.answers import Answers, measure
from affekt.evaluation.evaluate import limits_of
from affekt.evaluation.groups import check_columns
from affekt.evaluation.heard import Curve, Judge, curve, levels
from affekt.evaluation.judged import judge
from affekt.evaluation.manifest import Entry, read_manifest, speakers_of
from affekt.evaluation.tally import main_numbers, tally
from affekt.hearing import SpeechEncoder
from affekt.models import choose_labels
from affekt.parts import LabelSet, OpenEncoder, Row
from affekt.pipeline import Reader
from affekt.preprocessing.personal import Baseline, nothing_heard
from affekt.preprocessing.speech import trimmed
from affekt.results import Clip
from affekt.sources.audio import RATE, open_audio

Floats = NDArray[np.float32]
GROUPS = ("gender", "language", "speaker", "corpus")


class SpeechModel(OpenEncoder, SpeechEncoder, Protocol):
    """An encoder that hears utterance by utterance, against the baseline of a voice."""


@runtime_checkable
class Rejudging(Protocol):
    """An encoder that judges again, without the sound, what it has heard."""

    def rejudge(self, features: Floats, *, labels: Sequence[str], baseline: Baseline) -> dict[str, Floats]:
        """Raw outputs of each label set for an utterance's features, (d,), relative to another baseline."""
        ...


@dataclass(frozen=True, slots=True)
class FirstHearing:
    """What a model hears in recordings whose speakers it does not know.

    Args:
        features: (n, d).
        scores: calibrated, (n, labels).
        too_long: how many are longer than the model takes at once.
    """

    features: Floats
    scores: Floats
    too_long: int


def evaluate_recordings(
    path: Path,
    *,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    limit: int | None = None,
    heard: Sequence[int] = (0,),
    seed: int = 0,
    report: Progress | None = None,
) -> dict[str, Any]:
    """A speech model judged on the recordings of a manifest, as plain JSON; arguments and errors as of `answer_recordings`."""
    answers = answer_recordings(
        path, model=model, labels=labels, label_map=label_map, where=where, limit=limit, heard=heard, seed=seed, report=report
    )
    return measure(answers, seed=seed)


def answer_recordings(
    path: Path,
    *,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    by: Sequence[str] = (),
    limit: int | None = None,
    heard: Sequence[int] = (0,),
    seed: int = 0,
    report: Progress | None = None,
) -> Answers:
    """What a speech model says of the recordings of a manifest.

    Args:
        model, labels: what the settings say where None.
        label_map, where, limit: as in `read_manifest`.
        by: columns by which to count, beside `GROUPS`.
        heard: how many other utterances of a speaker to hear before one is judged, see `curve`; the first is what most numbers are of.
        report: called after each judgement.

    Raises:
        InputError: manifest, recordings, labels and model do not fit together; the message says where.
    """
    heard = levels(heard)
    encoder, wanted = opened(model, labels)
    if encoder.population is None and any(heard):
        raise InputError(f"{encoder.card.name} does not get to know voices, so that nothing can be heard before: leave out --heard")
    finer = spoken(encoder.card, wanted)
    entries, dropped = read_manifest(path, wanted, label_map=label_map, where=where, limit=limit)
    check_columns(by, [entry.columns for entry in entries], source=str(path))
    speakers = speakers_of(entries, path, needed_by="--heard" if any(heard) else None)
    tick = ticks(report, 2 * len(entries))
    first = listen(entries, encoder, finer, source=path, tick=tick)
    again = rejudging(entries, encoder, finer, first=first, source=path)
    told = curve(first.features, speakers, heard, judge=again, rng=np.random.default_rng(seed), tick=tick)
    if finer is not wanted:
        told = {level: (project(scores, finer, wanted), real) for level, (scores, real) in told.items()}
    return answers_of(entries, told, wanted, about=heading(encoder, wanted, dropped, first.too_long), by=by)


def heading(encoder: SpeechModel, labels: LabelSet, dropped: int, too_long: int) -> dict[str, Any]:
    """What a report begins with."""
    name = f"{encoder.card.name}@{encoder.card.revision}"
    return {"model": name, "labels": labels.name, "judged_as": labels.name, "dropped": dropped, "too_long": too_long}


def opened(model: str | None, labels: str | None) -> tuple[SpeechModel, LabelSet]:
    """The speech model of that name or in that folder, and the label set; what is None the settings say.

    Raises:
        InputError: there is no such model, or it reads something else; or there is no such label set.
    """
    reader = Reader(labels=labels, models={"speech": model} if model else None)
    return cast(SpeechModel, reader.speech_encoder), choose_labels(reader.settings, judge="speech")


def samples_of(entry: Entry, source: Path) -> Floats:
    """A recording, its channels mixed and its silent ends cut off, (n,).

    Args:
        source: the manifest that an error names.

    Raises:
        BadRow: it cannot be decoded.
    """
    try:
        blocks = list(open_audio(entry.path).blocks())
    except InputError as error:
        raise BadRow(source.name, entry.line, f"{error}; replace the recording, or take its line out") from error
    return trimmed(np.concatenate(blocks, axis=1).mean(0))


def listen(
    entries: Sequence[Entry], encoder: SpeechModel, labels: LabelSet, *, source: Path, tick: Callable[[], None] = lambda: None
) -> FirstHearing:
    """Every recording heard once.

    Args:
        labels: a set that the model itself speaks.
        source: the manifest that an error names.
        tick: called after each.
    """
    baseline = None if encoder.population is None else nothing_heard(encoder.population)
    features, raw, too_long = [], [], 0
    for entry in entries:
        samples = samples_of(entry, source)
        too_long += len(encoder.cut(Clip("speech", samples, 0.0, len(samples) / RATE))) > 1
        found, told = encoder.hear(samples, labels=[labels.name], baseline=baseline)
        features.append(found)
        raw.append(told[labels.name])
        tick()
    return FirstHearing(np.stack(features), probabilities(np.stack(raw), labels, encoder.card.calibration[labels.name]), too_long)


def rejudging(entries: Sequence[Entry], encoder: SpeechModel, labels: LabelSet, *, first: FirstHearing, source: Path) -> Judge:
    """How `curve` gets its scores: from the features where the encoder can, else by hearing the recording again.

    Args:
        labels, source: as in `listen`.
        first: what that told.
    """

    def again(at: int, baseline: Baseline | None) -> Floats:
        if baseline is None:
            return np.asarray(first.scores[at])
        if isinstance(encoder, Rejudging):
            raw = encoder.rejudge(first.features[at], labels=[labels.name], baseline=baseline)
        else:
            raw = encoder.hear(samples_of(entries[at], source), labels=[labels.name], baseline=baseline)[1]
        return np.asarray(probabilities(raw[labels.name][None], labels, encoder.card.calibration[labels.name])[0])

    return again


def answers_of(entries: Sequence[Entry], told: Curve, labels: LabelSet, *, about: Mapping[str, Any], by: Sequence[str]) -> Answers:
    """The answers at the first level, and the main numbers at each.

    Args:
        told: scores of `labels`.
        about: what the report begins with.
        by: as in `answer_recordings`.
    """
    rows = [_row(entry) for entry in entries]
    limits = limits_of(None, labels)  # asked for, and not used: each row has exactly one label
    numbers = {level: main_numbers(tally(judge(rows, scores.astype(np.float64), labels, limits))) for level, (scores, _) in told.items()}
    heard = {str(level): {**numbers[level], "heard_mean": float(real.mean())} for level, (_, real) in told.items()}
    return Answers(
        about,
        rows,
        next(iter(told.values()))[0],
        labels,
        columns=[entry.columns for entry in entries],
        by=tuple(dict.fromkeys((*GROUPS, *by))),
        after={"heard": heard},
        units="speaker",
    )


def _row(entry: Entry) -> Row:
    speaker, corpus = entry.columns.get("speaker"), entry.columns.get("corpus", "")
    return Row("", (entry.label,), entry.columns.get("language") or None, group=f"{corpus}/{speaker}" if speaker else None, line=entry.line)


def ticks(report: Progress | None, steps: int) -> Callable[[], None]:
    """Counts steps, and reports each one's share of all."""
    numbers = count(1)

    def tick() -> None:
        done = next(numbers)
        if report is not None:
            report(done / steps, done)

    return tick
