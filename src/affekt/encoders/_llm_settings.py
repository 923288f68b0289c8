"""What the card of a language model says of it, checked: `facts["llm"]`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from affekt.parts import LabelSet

FACT = "llm"  # key of a card's facts
INSTRUCTION = "You judge which emotion the writer of a text expresses in it."
_STRICT = ConfigDict(extra="forbid")
_SHAPING = ("model", "instruction", "examples", "prompt", "answer", "redact", "extra")  # what else would change what is answered


@dataclass(frozen=True, config=_STRICT)
class Example:
    """A text whose labels (or valence, arousal and dominance in [-1, 1]) the model is shown."""

    text: str
    labels: tuple[str, ...] = ()
    vad: tuple[float, float, float] | None = None


@dataclass(frozen=True, config=_STRICT)
class Price:
    """What a million tokens cost, those that are sent and those that are answered."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    currency: str = "USD"


@dataclass(frozen=True, config=_STRICT)
class Settings:
    """A language model, how it is asked, and where.

    Args:
        model: its name at the endpoint.
        endpoint: base URL, without password or query; empty: what the environment names.
        prompt: revision of the wording.
        answer: "letter" or "scores", see `_llm_prompt`; "auto": letters where the endpoint tells log-probabilities.
        redact: take addresses, numbers and handles out of a text before it is sent.
        key_variable: environment variable that holds the key; never the key.
        extra: more fields of each request, say {"reasoning_effort": "low"}.
        max_tokens: of an answer; 0: what the answer itself takes, without any thinking aloud.
        concurrency: requests at once.
        timeout: seconds that one attempt may take.
        retries: attempts after the first, where the endpoint is busy, fails or is silent.
        longest: characters of a text; a longer one is read in windows.
    """

    model: str = Field(min_length=1)
    endpoint: str = Field(default="", pattern=r"^(https?://[^\s@?#]+)?$")
    instruction: str = INSTRUCTION
    examples: tuple[Example, ...] = ()
    prompt: str = ""
    answer: Literal["auto", "letter", "scores"] = "auto"
    redact: bool = True
    key_variable: str = Field(default="OPENAI_API_KEY", pattern=r"^[A-Z][A-Z0-9_]*_API_KEY$")
    extra: Mapping[str, Any] = Field(default_factory=dict)
    max_tokens: int = Field(default=0, ge=0)
    concurrency: int = Field(default=8, ge=1, le=256)
    timeout: float = Field(default=60.0, gt=0)
    retries: int = Field(default=4, ge=0, le=20)
    longest: int = Field(default=4000, ge=100)
    price: Price | None = None


def read_settings(given: Any) -> Settings:
    """The settings in a card.

    Raises:
        ValueError: a field is unknown, absent or cannot be what it is.
    """
    try:
        return TypeAdapter(Settings).validate_python(given)
    except ValidationError as error:
        # The value itself is not repeated: somebody may have put a key where its variable's name belongs.
        problems = "; ".join(f"{'.'.join(map(str, one['loc'])) or FACT}: {one['msg'].lower()}" for one in error.errors())
        raise ValueError(problems) from None


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Settings as JSON has them and `read_settings` takes them."""
    return dict(json.loads(json.dumps(asdict(settings))))


def revision_of(settings: Settings, labels: LabelSet) -> str:
    """First eight hex digits of the SHA-256 of all that shapes an answer: a language model has no weights here that could be counted."""
    shaping = {name: one for name, one in plain_settings(settings).items() if name in _SHAPING}
    told = json.dumps([shaping, labels.name, labels.labels, labels.kind], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()[:8]
