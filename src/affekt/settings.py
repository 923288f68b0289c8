"""Every setting, declared once: the command line's flags, the environment, the config file and the docs come from here.

The order of who wins: an argument or flag, then an environment variable `AFFEKT_<NAME>`, then the file `affekt.toml` in the
working folder (or the one that `AFFEKT_CONFIG` names), then the default.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(file))


def resolve(**given: Any) -> Settings:
    """The settings in force; what is None in `given` is looked up.

    Raises:
        InputError: a name that is no setting, or a value that cannot be one.
    """
    named = os.environ.get("AFFEKT_CONFIG")
    if named and not Path(named).is_file():
        raise InputError(f"AFFEKT_CONFIG names {named}, which is no file")
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}, given {one['input']!r}" for one in error.errors())
        raise InputError(f"a setting cannot be used: {problems}; there are: {', '.join(Settings.model_fields)}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{named or 'affekt.toml'} is not TOML: {error}") from error
