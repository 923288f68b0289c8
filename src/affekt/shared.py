"""`affekt.read`: one call, with readers that are made when they are first needed, and shared."""

from functools import lru_cache
from pathlib import Path

from affekt.pipeline import READ, Reader
from affekt.results import Timeline
from affekt.settings import Settings, resolve


def read(source: str | Path, *, labels: str | None = None, kind: str | None = None) -> Timeline:
    """The emotion in one source, with the shipped models; each is loaded when it is first needed, and kept.

    Args:
        labels: key of the label set; default "ekman7", or what the settings say.
        kind: "text" takes the string as it is, even where it looks like a file's name.

    Raises:
        InputError: there is nothing to read, or the file cannot be read; the message says what to do.
        UnknownName: no such label set.

    >>> read("What a wonderful day!").top[0]
    'joy'
    """
    settings = resolve(labels=labels)
    return _reader(settings, asked="labels" in settings.model_fields_set).read(source, kind=kind)


@lru_cache(maxsize=4)
def _reader(settings: Settings, *, asked: bool) -> Reader:
    given = settings.model_dump(exclude=None if asked else {"labels"})
    return Reader(models={modality: given.pop(f"{modality}_model") for modality in READ}, **given)
