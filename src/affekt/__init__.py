"""Affekt reads emotion from text, speech and faces: one call, one schema, one calibrated timeline of who felt what, when and how surely.

>>> import affekt
>>> affekt.read("I love this so much!").top[0]
'joy'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affekt.batch import read_table
    from affekt.errors import AffektError
    from affekt.evaluation.on_data import evaluate
    from affekt.parts import LabelSet
    from affekt.pipeline import Reader
    from affekt.results import Clip, Mark, Reading, Timeline
    from affekt.shared import read
    from affekt.training.workbench import train

__version__ = "0.1.0"

# Loaded when first used, so that `import affekt` takes no time and needs no library.
_PUBLIC = {
    "AffektError": "errors",
    "Clip": "results",
    "LabelSet": "parts",
    "Mark": "results",
    "Reader": "pipeline",
    "Reading": "results",
    "Timeline": "results",
    "evaluate": "evaluation.on_data",
    "read": "shared",
    "read_table": "batch",
    "train": "training.workbench",
}
__all__ = ["AffektError", "Clip", "LabelSet", "Mark", "Reader", "Reading", "Timeline", "evaluate", "read", "read_table", "train"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'affekt' has no attribute {name!r}; there are: {', '.join(__all__)}")
    try:
        module = import_module(f"affekt.{_PUBLIC[name]}")
    except ModuleNotFoundError as error:  # all but training runs with what is always installed
        from affekt.errors import MissingExtra

        raise MissingExtra(str(error.name), "train") from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
