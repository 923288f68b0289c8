"""Every setting, declared once: the command line's flags, the environment, the config file and the docs come from here.

The order of who wins: an argument or flag, then an environment variable `AFFEKT_<NAME>`, then the file `affekt.toml` in the
working folder (or the one that `AFFEKT_CONFIG` names), then the default.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from affekt.errors import InputError


class Settings(BaseSettings):
    """What a `Reader` runs with."""

    model_config = SettingsConfigDict(env_prefix="AFFEKT_", extra="forbid", frozen=True)

    labels: str = Field("ekman7", description="label set that readings speak: one that `affekt labels` lists, or a model's own")
    text_model: str = Field("text_affekt", description="text model: a name that `affekt models` lists, or a folder that holds one")
    context: bool = Field(False, description="let earlier turns of a talk pull at a turn: helps in subtitles, harms in quick talk")
    speech_model: str = Field("speech_affekt", description="speech model: a name that `affekt models` lists, or a folder that holds one")
    speakers: int = Field(0, ge=0, description="people who speak before one microphone; 0: found out")
    voices: str = Field("", description="folder that keeps what has been heard of voices with a name; empty: nothing is kept")
    transcript: str = Field(
        "", description="what is said: a model that writes it down (packaged, a Whisper size, a folder), a file, or beside; empty: none"
    )
    language: str = Field("", description="language that is spoken, for the transcript, as en or zh; empty: found out")
    face_model: str = Field("face_affekt", description="face model: a name that `affekt models` lists, or a folder that holds one")
    face_rate: float = Field(5.0, ge=0, le=120, description="frames a second of a video in which faces are read; 0: all")
    resting_face: bool = Field(False, description="judge each face by how it differs from its own resting face")
    fusion: str = Field("log_linear", description="rule by which face, voice and words are fused, or a folder that holds one")
    batch: int = Field(64, ge=1, description="texts that go through the model at once")
    threads: int = Field(0, ge=0, description="processor cores the model uses; 0: all that this process may use")
    commercial_only: bool = Field(False, description="refuse any model whose licence forbids commercial use")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the library's signature)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, file: in that order."""
        file = os.environ.get("AFFEKT_CONFIG", "affekt.toml")
        return init_settings, env_settings, _File(settings_cls, Path(file))


Setting = Literal["public", "private", "workplace", "education", "healthcare"]
Purpose = Literal["customer_service", "wellbeing", "social_listening", "fake_reviews", "learning", "research", "safety", "other"]
Reason = Literal["", "medical", "safety"]


class ServerSettings(Settings):
    """What `affekt serve` runs with: what a `Reader` does, and what follows."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0: on all")
    port: int = Field(8700, ge=0, le=65535, description="port to listen on; 0: a free one")
    folder: str = Field("affekt-data", description="folder of the database, the signing key and the files of jobs that wait")
    database: str = Field("", description="URL of the database, as postgresql+psycopg://user:word@host/name; empty: SQLite in the folder")
    access: Literal["auto", "keys", "open"] = Field(
        "auto",
        description="keys: every call needs a key; open: none does, and everyone who reaches the server may do everything; "
        "auto: on a loopback address none does as long as no key was made, and only calls of this machine are answered; else keys",
    )
    origins: str = Field("", description="origins of web pages elsewhere that may call the server, separated by commas; empty: none")
    proxies: str = Field("127.0.0.1", description="addresses of reverse proxies whose word on the caller's address is taken, by commas")
    purpose: Purpose = Field("other", description="what emotions are read for; the notice says it")
    setting: Setting = Field("private", description="where people are whose emotions are read; it decides what may be read")
    reason: Reason = Field("", description="a reason that the law accepts for reading faces and voices at work or in education")
    contact: str = Field("", description="whom people can ask about the reading; the notice says it")
    require_consent: bool = Field(False, description="face and voice are read only of people who agreed to it")
    keep_readings_days: float = Field(30, ge=0, description="days that saved sessions are kept; 0: none can be saved")
    keep_text_days: float = Field(0, ge=0, description="days that words are kept beside the readings of saved sessions; 0: not at all")
    keep_media_days: float = Field(0, ge=0, description="days that sounds, images and videos of saved sessions are kept; 0: not at all")
    keep_results_hours: float = Field(24, gt=0, description="hours that the result of a job can be fetched, words included")
    batch_wait_ms: float = Field(
        0, ge=0, le=1000, description="milliseconds that a text waits for others; what comes while all cores are busy goes together anyway"
    )
    workers: int = Field(0, ge=0, description="model runs at a time, each on `threads` cores; 0: as many as the cores allow")
    queue: int = Field(256, ge=1, description="texts and files that may wait; what comes then is told to come again")
    rate: int = Field(0, ge=0, description="calls a minute of one key; 0: any number")
    streams: int = Field(64, ge=1, description="live streams at a time")
    job_workers: int = Field(1, ge=0, description="jobs that run at a time; 0: this server only takes them in")
    most_bytes: int = Field(64 * 2**20, ge=1024, description="bytes of a call's body")
    most_texts: int = Field(512, ge=1, description="texts of a call")
    most_characters: int = Field(100_000, ge=1, description="characters of all texts of a call")
    most_seconds: float = Field(300, gt=0, description="seconds of a sound or video whose caller waits; longer ones are jobs")
    most_job_seconds: float = Field(4 * 3600, gt=0, description="seconds of a sound or video in a job")
    most_job_bytes: int = Field(2 * 2**30, ge=1024, description="bytes of a file in a job")
    most_session_bytes: int = Field(256 * 2**20, ge=1024, description="bytes of a timeline that is sent to be kept, some 600,000 readings")
    most_pixels: int = Field(50_000_000, ge=1, description="pixels of an image or frame")


class _File(TomlConfigSettingsSource):
    """The file; what only the server runs with is for the server."""

    def __call__(self) -> dict[str, Any]:
        own = self.settings_cls.model_fields
        return {name: value for name, value in super().__call__().items() if name in own or name not in ServerSettings.model_fields}


Kind = TypeVar("Kind", bound=Settings)


def resolve(**given: Any) -> Settings:
    """The settings in force; what is None in `given` is looked up.

    Raises:
        InputError: a name that is no setting, or a value that cannot be one.
    """
    return _resolved(Settings, given)


def resolve_server(**given: Any) -> ServerSettings:
    """The same of a server.

    Raises:
        InputError: as of `resolve`.
    """
    return _resolved(ServerSettings, given)


def _resolved(kind: type[Kind], given: dict[str, Any]) -> Kind:
    named = os.environ.get("AFFEKT_CONFIG")
    if named and not Path(named).is_file():
        raise InputError(f"AFFEKT_CONFIG names {named}, which is no file")
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}, given {one['input']!r}" for one in error.errors())
        unknown = any(one["type"] == "extra_forbidden" for one in error.errors())
        there_are = f"; there are: {', '.join(kind.model_fields)}" if unknown else ""
        raise InputError(f"a setting cannot be used: {problems}{there_are}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{named or 'affekt.toml'} is not TOML: {error}") from error
