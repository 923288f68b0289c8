"""From a labelled row to the clip that an encoder takes; recordings and pictures are decoded when their turn comes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from affekt.errors import InputError
from affekt.parts import OpenEncoder, Row
from affekt.preprocessing.speech import trimmed
from affekt.results import Clip
from affekt.sources.audio import RATE, open_audio

if TYPE_CHECKING:
    from affekt.training.job import Job
    from affekt.training.loop import Watch

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
T = TypeVar("T")
SHOWN = 3  # files that a message names


def clip_of(row: Row, encoder: OpenEncoder) -> Clip:
    """The row's text, with the turns before it; its recording; or its picture.

    Raises:
        InputError: the file cannot be decoded.
    """
    if encoder.card.modality == "text":
        return Clip("text", row.text, 0, len(row.text), before=row.before)
    if encoder.card.modality == "speech":
        samples = samples_of(row)
        return Clip("speech", samples, 0.0, len(samples) / RATE, who=row.who)
    side: Any = getattr(encoder, "side")  # noqa: B009 (every face encoder has one, which the protocol of all encoders does not say)
    return Clip("face", face_of(row, side), 0, 0)


def samples_of(row: Row) -> Floats:
    """A recording as it is judged, (n,): its channels mixed, its silent ends cut off.

    Raises:
        InputError: it cannot be decoded.
    """
    return trimmed(np.concatenate(list(open_audio(_path(row)).blocks()), axis=1).mean(0))


def face_of(row: Row, side: int) -> Bytes:
    """A picture as it is judged, a face that has already been cut out: (side, side, 3) RGB.

    Raises:
        InputError: it cannot be decoded.
    """
    from affekt.evaluation.pictures import squared
    from affekt.sources.pictures import open_image

    (frame,) = open_image(_path(row)).frames()
    return squared(frame.pixels, side)


def each(rows: Sequence[Row], read: Callable[[Row], T], *, watch: "Watch") -> list[T | None]:
    """What `read` makes of each row; None where its file cannot be decoded, which `watch` is told.

    Raises:
        InputError: more than half of the files cannot be decoded; names the first three.
    """
    made, problems = list[T | None](), list[str]()
    for done, row in enumerate(rows, 1):
        try:
            made.append(read(row))
        except InputError as error:
            made.append(None)
            problems.append(str(error))
        watch.step(done, len(rows), 0.0)
    if problems:
        told = f"{len(problems)} of {len(rows)} files cannot be read: {'; '.join(problems[:SHOWN])}" + ("; …" if problems[SHOWN:] else "")
        if 2 * len(problems) > len(rows):
            raise InputError(f"{told}; replace them, or take their rows out")
        watch.tell(f"{told}; their rows are left out")
    return made


def kept(job: "Job", there: Sequence[bool]) -> "Job":
    """The job without the rows that are not there. Args: there: of train, then dev."""
    count = len(job.train)
    train = [row for row, one in zip(job.train, there[:count], strict=True) if one]
    dev = [row for row, one in zip(job.dev, there[count:], strict=True) if one]
    teacher = {name: told[np.array(there[:count], np.bool_)] for name, told in job.teacher.items()}
    return replace(job, train=train, dev=dev, teacher=teacher)


def _path(row: Row) -> Any:
    if row.path is None:
        raise InputError("a row names no file; rows of speech and face have the path of a recording or a picture")
    return row.path
