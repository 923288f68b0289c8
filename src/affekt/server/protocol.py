"""What a client says on `/v1/stream`, parsed and checked; docs/streams.md describes it."""

import math
import struct
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from affekt.results import Modality
from affekt.server.named import Name, SubjectId
from affekt.server.problems import Problem
from affekt.settings import ServerSettings

SOUND, PICTURE = 1, 2  # the first byte of a binary frame
HEAD = struct.Struct("<Bd")
PIECE = 10.0  # seconds of sound in one frame at most; a live source sends far less at once
PICTURE_BYTES = 16 * 2**20  # of one picture at most: 50 million pixels as a JPEG of good quality
GAP = 600.0  # seconds by which a time may lie after what came before; silence is read as well, and costs
WORDS = 10_000  # characters of one line
TEXT = 2**18  # characters of one message: such a line with each of them escaped
TOLD, SHOWN = 5, 200  # mistakes of one message that are told, and characters of each
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]


class Message(BaseModel):
    """What a client says."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Sound(Message):
    """How samples come."""

    rate: int = Field(16_000, ge=4000, le=384_000)
    encoding: Literal["pcm_s16le"] = "pcm_s16le"


class Pictures(Message):
    """How pictures are looked at: frames a second in which faces are judged; in the others they are only followed."""

    rate: float = Field(5.0, gt=0, le=60)


class Start(Message):
    """The first message of a stream: what will come, and how it is read."""

    type: Literal["start"]
    labels: Name | None = None
    sound: Sound | None = None
    pictures: bool | Pictures = False
    words: bool = False
    who: Name | None = None
    save: bool = False
    subjects: dict[Name, SubjectId] = Field(default_factory=dict, max_length=32)
    provisional: bool = True

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What is read of what will come."""
        there: dict[Modality, bool] = {"text": self.words, "speech": self.sound is not None, "face": bool(self.pictures)}
        return tuple(name for name, is_there in there.items() if is_there)

    @model_validator(mode="after")
    def _check(self) -> "Start":
        if self.sound is None and not self.pictures and not self.words:
            raise ValueError("give at least one of sound, pictures and words")
        if self.who is not None and self.sound is None:
            raise ValueError("who is the speaker of a sound, and there is none")
        return self


class Resume(Message):
    """The first message of a connection that goes on with a stream."""

    type: Literal["resume"]
    stream: str = Field(max_length=100)
    resume: str = Field(max_length=100)
    after: int = Field(0, ge=0)


class Words(Message):
    """A line that somebody said."""

    type: Literal["words"]
    start: Seconds
    end: Seconds
    text: str = Field(min_length=1, max_length=WORDS, pattern=r"\S")
    who: Name | None = None

    @model_validator(mode="after")
    def _check(self) -> "Words":
        if self.end < self.start:
            raise ValueError("a line does not end before it starts")
        return self


class End(Message):
    """Nothing more comes."""

    type: Literal["end"]


class Ping(Message):
    """Asks for a pong."""

    type: Literal["ping"]


FIRST: dict[str, type[Message]] = {"start": Start, "resume": Resume}
LATER: dict[str, type[Message]] = {"words": Words, "end": End, "ping": Ping}


@dataclass(frozen=True, slots=True)
class Signal:
    """A binary frame.

    Args:
        time: seconds from the begin of the stream; None: it follows on.
    """

    kind: int
    time: float | None
    data: bytes


def message(given: str, *, among: dict[str, type[Message]]) -> Any:
    """What a text frame says.

    Raises:
        Problem: it is no JSON, or none of these messages.
    """
    if len(given) > TEXT:
        raise Problem(413, "too-large", f"a message of {len(given):,} characters; it has at most {TEXT:,}")
    try:
        named = _Typed.model_validate_json(given).type
        if named in among:
            return among[named].model_validate_json(given)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))[:SHOWN]}: {one['msg'][:SHOWN]}".lstrip(": ") for one in error.errors()[:TOLD])
        raise invalid(f"the message cannot be used: {told}") from error
    raise invalid(f"no message {named!r} here; there are: {', '.join(among)}")


class _Typed(BaseModel):
    """What every message has."""

    type: str = Field(max_length=100)


def signal(given: bytes) -> Signal:
    """What a binary frame holds.

    Raises:
        Problem: it is too short or of no known kind, or its time is none.
    """
    if len(given) < HEAD.size:
        raise invalid(f"a binary frame of {len(given)} bytes; it has 1 byte of kind, 8 of seconds, and what was heard or seen")
    kind, time = HEAD.unpack_from(given)
    if kind not in (SOUND, PICTURE):
        raise invalid(f"a binary frame of kind {kind}; there are: {SOUND} sound, {PICTURE} picture")
    if not math.isnan(time) and not 0 <= time < math.inf:
        raise invalid(f"a time of {time} s; seconds count from the begin of the stream, and NaN says that it follows on")
    return Signal(kind, None if math.isnan(time) else time, given[HEAD.size :])


def limits(settings: ServerSettings) -> dict[str, Any]:
    """What a stream may have, as its client is told."""
    return {
        "sound_seconds": PIECE,
        "picture_bytes": min(PICTURE_BYTES, settings.most_bytes),
        "picture_pixels": settings.most_pixels,
        "gap_seconds": GAP,
        "words_characters": WORDS,
        "stream_seconds": settings.most_job_seconds,
    }


def invalid(detail: str) -> Problem:
    """A message that cannot be used."""
    return Problem(422, "invalid-message", detail)
