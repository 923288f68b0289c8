"""A face model against labelled pictures of faces: the numbers that texts get, and by group.

A picture is taken as a face that has already been cut out, and brought to the size that the model wants.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from affekt.batch import Progress
from affekt.calibration.apply import probabilities, project, spoken
from affekt.evaluation.albums import GROUPS, Bytes, Picture, read_album
from affekt.evaluation.answers import Answers, measure
from affekt.evaluation.groups import check_columns
from affekt.models import choose_labels
from affekt.parts import LabelSet, Row
from affekt.pipeline import Reader
from affekt.results import Clip
from affekt.watching import FaceEncoder

Floats = NDArray[np.float32]
BATCH = 64  # faces that go through the model together


def evaluate_pictures(
    path: Path,
    *,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    limit: int | None = None,
    seed: int = 0,
    report: Progress | None = None,
) -> dict[str, Any]:
    """A face model judged on the faces in a folder, a manifest or an .npz file, as plain JSON; else as `answer_pictures`."""
    answers = answer_pictures(path, model=model, labels=labels, label_map=label_map, where=where, limit=limit, report=report)
    return measure(answers, seed=seed)


def answer_pictures(
    path: Path,
    *,
    model: str | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    where: Sequence[str] = (),
    by: Sequence[str] = (),
    limit: int | None = None,
    report: Progress | None = None,
) -> Answers:
    """What a face model says of the faces in a folder, a manifest or an .npz file.

    Args:
        model: a name or a folder; None: `face_affekt`.
        labels: what the settings say where None.
        label_map, where, limit: as in `read_album`.
        by: columns by which to count, beside `GROUPS`.
        report: called after each batch.

    Raises:
        InputError: data, labels and model do not fit together; the message says where.
    """
    encoder, wanted = opened(model, labels)
    finer = spoken(encoder.card, wanted)
    pictures, dropped = read_album(path, wanted, label_map=label_map, where=where, limit=limit)
    columns = [one.columns for one in pictures]
    check_columns(by, columns, source=str(path))
    scores = scores_of(pictures, encoder, finer, report=report)
    if finer is not wanted:
        scores = project(scores, finer, wanted)
    name = f"{encoder.card.name}@{encoder.card.revision}"
    heading = {"model": name, "labels": wanted.name, "judged_as": wanted.name, "dropped": dropped}
    rows = [Row("", (one.label,), one.columns.get("language") or None, group=_subject(one.columns)) for one in pictures]
    return Answers(heading, rows, scores, wanted, columns=columns, by=tuple(dict.fromkeys((*GROUPS, *by))), units="subject")


def opened(model: str | None, labels: str | None) -> tuple[FaceEncoder, LabelSet]:
    """The face model of that name or in that folder, and the label set.

    Raises:
        InputError: there is no such model, or it reads something else; or there is no such label set.
        LicenceRefused: the settings allow commercial use only, and the model's licence does not.
    """
    reader = Reader(labels=labels, models={"face": model} if model else None)
    return reader.face_encoder, choose_labels(reader.settings, judge="face")


def scores_of(pictures: Sequence[Picture], encoder: FaceEncoder, labels: LabelSet, *, report: Progress | None = None) -> Floats:
    """Calibrated scores of each picture, (n, labels).

    Args:
        labels: a set that the model itself speaks.
        report: called after each batch.
    """
    raw = []
    for begin in range(0, len(pictures), BATCH):
        batch = pictures[begin : begin + BATCH]
        clips = [Clip("face", squared(one.show(), encoder.side), 0, 0) for one in batch]
        raw.append(encoder(clips, labels=[labels.name])[labels.name])
        if report is not None:
            report((begin + len(batch)) / len(pictures), begin + len(batch))
    return probabilities(np.concatenate(raw), labels, encoder.card.calibration[labels.name])


def squared(pixels: Bytes, side: int) -> Bytes:
    """A face as a model takes it, (side, side, 3) RGB; one that is not square is squeezed.

    Args:
        pixels: (height, width) grey, or (height, width, 3) RGB.
    """
    return np.asarray(Image.fromarray(pixels).convert("RGB").resize((side, side), Image.Resampling.BILINEAR))


def _subject(columns: Mapping[str, str]) -> str | None:
    """Who is to be seen; people of different corpora are different people."""
    subject = columns.get("subject")
    return f"{columns.get('corpus', '')}/{subject}" if subject else None
