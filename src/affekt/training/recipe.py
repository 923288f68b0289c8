"""Everything that a training run is told, declared once: what a RECIPE.toml, the command line and Python may say."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from affekt.errors import InputError
from affekt.training.job import Family, find
from affekt.training.loop import Optimiser
from affekt.training.losses import Loss


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Part):
    """Names of a table's columns; what is left out is found by its usual names."""

    text: str | None = None
    label: str | None = None
    group: tuple[str, ...] | None = Field(
        default=None, description="rows that share one of these stay together: speaker, dialogue, subject"
    )
    lang: str | None = None
    split: str | None = None


class Split(_Part):
    """Shares of the rows that training does not see, where the data do not say it themselves."""

    dev: float = Field(default=0.15, ge=0, le=0.5, description="by which the best epoch is chosen and the model calibrated")
    test: float = Field(default=0.0, ge=0, le=0.5, description="judged once, when all is chosen")


class Teacher(_Part):
    """A larger model, or an LLM, whose answers are learned as well."""

    model: str = Field(description="a name that `affekt models` lists, or a folder that holds a model, which speaks the label set")
    share: float = Field(default=0.5, ge=0, le=1, description="of what is learned")
    temperature: float = Field(default=1.0, gt=0)


class Search(_Part):
    """A search for better settings."""

    minutes: float = Field(gt=0, description="after which no trial is begun")
    trials: int = Field(default=50, ge=1, description="at most")


class Recipe(_Part):
    """A training run."""

    modality: Literal["text", "speech", "face"] = "text"
    family: str = Field(
        default="", description="model family, as `affekt train --help` lists them; by default the quick one of the modality"
    )
    data: tuple[str, ...] = Field(default=(), description="files or folders of labelled data")
    labels: str = Field(default="data", description='label set that `affekt labels` lists, or "data": the names that stand in the data')
    name: str = Field(default="", description="of a label set that comes from the data; by default that of the folder that is written")
    label_map: dict[str, str | None] = Field(default={}, description="name in the data -> in the label set, or null to leave rows out")
    also: tuple[Literal["vad", "sentiment3"], ...] = Field(
        default=(), description="label sets that are learned beside, where rows have them"
    )
    columns: Columns = Columns()
    where: tuple[str, ...] = Field(default=(), description="keep only the rows with column=value")
    limit: int | None = Field(default=None, ge=1, description="take only the first rows")
    split: Split = Split()
    seed: int = Field(default=7, ge=0)
    licence: str = Field(default="the licence of your data", description="of the weights, for the card")
    commercial: bool = Field(default=True, description="whether the licence of the data allows commercial use of what is trained on them")
    languages: tuple[str, ...] = Field(default=(), description="BCP 47; by default those of the data")
    model: dict[str, Any] = Field(default={}, description="settings of the family")
    optimiser: dict[str, Any] = {}
    loss: dict[str, Any] = {}
    augment: dict[str, Any] = Field(default={}, description="settings of the modality's augmentation")
    paraphraser: str = Field(default="", description="folder of a language model that paraphrases, where augment.paraphrase is above 0")
    shares: dict[str, float] = Field(default={}, description="label set -> what its loss is multiplied by")
    teacher: Teacher | None = None
    search: Search | None = None


def read_recipe(path: Path, **given: Any) -> Recipe:
    """The recipe in a TOML file; files that it names are relative to its folder.

    Args:
        given: settings that win over the file's; nested ones as dicts.

    Raises:
        InputError: the file cannot be read, is not TOML, or says what cannot be.
    """
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the recipe {path} is not TOML: {error}") from error
    if isinstance(data := held.get("data"), str):
        held["data"] = [data]
    held["data"] = [str(path.parent / one) for one in held.get("data", ())]
    return recipe_of(_merged(held, given), source=str(path))


def recipe_of(given: Mapping[str, Any], *, source: str = "the recipe") -> Recipe:
    """The recipe with these settings.

    Raises:
        InputError: a name is no setting, or a value cannot be one.
    """
    return checked(Recipe, given, source=source)


def checked(kind: type[Any], given: Mapping[str, Any], *, source: str) -> Any:
    """Settings of a kind, a dataclass or a model.

    Raises:
        InputError: a name is no setting, or a value cannot be one.
    """
    allowed = kind.model_fields if issubclass(kind, BaseModel) else kind.__dataclass_fields__
    if strange := sorted(set(given) - set(allowed)):
        raise InputError(f"{source} has no setting {', '.join(strange)}; there are: {', '.join(allowed) or 'none'}")
    try:
        return TypeAdapter(kind).validate_python(dict(given))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}, given {one['input']!r}" for one in error.errors())
        raise InputError(f"{source} cannot be used: {told}") from error


def family_of(recipe: Recipe) -> tuple[str, Family]:
    """The family that a recipe names, or the quick one of its modality.

    Raises:
        UnknownName: there is none of that name.
    """
    name = recipe.family or {"text": "adapter", "speech": "head", "face": "head"}[recipe.modality]
    return name, find(recipe.modality, name)


def optimiser_of(recipe: Recipe, family: Family) -> Optimiser:
    """The family's way to step, with what the recipe says of it.

    Raises:
        InputError: it says what cannot be.
    """
    made: Optimiser = checked(Optimiser, {**asdict(family.optimiser), **recipe.optimiser}, source="[optimiser]")
    return made


def loss_of(recipe: Recipe) -> Loss:
    """How answers are judged in training.

    Raises:
        InputError: the recipe says what cannot be.
    """
    taught = {} if recipe.teacher is None else {"distil": recipe.teacher.share, "temperature": recipe.teacher.temperature}
    made: Loss = checked(Loss, {**taught, **recipe.loss}, source="[loss]")
    return made


def _merged(held: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(held)
    for name, value in given.items():
        out[name] = _merged(held.get(name, {}), value) if isinstance(value, Mapping) and name != "label_map" else value
    return out
