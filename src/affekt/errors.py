"""Every error that Affekt raises on purpose, as one tree.

    AffektError
    ├── InputError              what was given cannot be read (exit code 2)
    │   ├── UnknownName         no such label set, model, format, … ; lists what there is
    │   ├── NoColumn            a table lacks the column that was named; lists those it has
    │   ├── EmptyInput          nothing in it to read
    │   ├── InputTooLarge       more than a stated limit
    │   ├── BadRow              one row of a table or data file is broken; says which
    │   └── BadResult           a Clip, Reading or Timeline that breaks its own rules
    ├── MissingExtra            an optional library is absent; says what to install
    ├── ParityError             an exported model does not say what the trained one says, within what is allowed
    ├── EndpointError           a language model's endpoint cannot be reached, fails, or leaves a text without an answer
    ├── PolicyRefused           what was asked for may not be read or kept where this deployment says it stands
    ├── StoreError              the database cannot be opened, or is of a newer version
    └── WeightsError            a model's files are absent, or do not match their card
        └── LicenceRefused      the model's licence forbids the use that was asked for

Each message says what was given, what is allowed and what to do.
"""

from collections.abc import Iterable


class AffektError(Exception):
    """Root of the tree: catch this to catch everything Affekt raises on purpose."""


class InputError(AffektError, ValueError):
    """What was given cannot be read."""


class UnknownName(InputError):
    """A name that no part carries.

    >>> raise UnknownName("ekman8", "labels", ["ekman7", "sentiment3"])
    Traceback (most recent call last):
    affekt.errors.UnknownName: no 'ekman8' in labels/; there are: ekman7, sentiment3
    """

    def __init__(self, given: str, room: str, there_are: Iterable[str], *, also: str = "") -> None:
        self.given, self.room, self.there_are = given, room, tuple(sorted(there_are))
        super().__init__(f"no {given!r} in {room}/{', ' + also if also else ''}; there are: {', '.join(self.there_are)}")


class NoColumn(InputError):
    """A table lacks the column that was named.

    >>> raise NoColumn("a.csv", "txt", ["id", "text"])
    Traceback (most recent call last):
    affekt.errors.NoColumn: no column 'txt' in a.csv; there are: 'id', 'text'
    """

    def __init__(self, source: str, given: str, there_are: Iterable[str]) -> None:
        self.there_are = tuple(there_are)
        shown = self.there_are[:50]
        more = f" and {len(self.there_are) - 50} more" if len(self.there_are) > 50 else ""
        super().__init__(f"no column {given!r} in {source}; there are: {', '.join(map(repr, shown)) or 'none'}{more}")


class EmptyInput(InputError):
    """There is nothing in the input to read."""


class InputTooLarge(InputError):
    """The input exceeds a stated limit."""


class BadRow(InputError):
    """One row of a table or data file is broken.

    >>> raise BadRow("data.jsonl", 3, "not JSON: Expecting value")
    Traceback (most recent call last):
    affekt.errors.BadRow: data.jsonl, line 3: not JSON: Expecting value
    """

    def __init__(self, source: str, line: int, problem: str) -> None:
        self.source, self.line, self.problem = source, line, problem
        super().__init__(f"{source}, line {line}: {problem}")


class BadResult(InputError):
    """A Clip, Reading or Timeline that breaks its own rules."""


class MissingExtra(AffektError, ImportError):
    """An optional library is absent.

    >>> raise MissingExtra("torch", "train")
    Traceback (most recent call last):
    affekt.errors.MissingExtra: 'torch' is not installed; it comes with: pip install 'affekt[train]'
    """

    def __init__(self, library: str, extra: str) -> None:
        self.library, self.extra = library, extra
        super().__init__(f"{library!r} is not installed; it comes with: pip install 'affekt[{extra}]'")


class EndpointError(AffektError):
    """A language model's endpoint cannot be reached, fails, or leaves a text without an answer."""


class ParityError(AffektError):
    """An exported model does not say what the trained one says, within what is allowed."""


class PolicyRefused(AffektError):
    """What was asked for may not be read or kept where this deployment says it stands."""


class StoreError(AffektError):
    """The database cannot be opened, or is of a newer version."""


class WeightsError(AffektError):
    """A model's files are absent, or do not match their card."""


class LicenceRefused(WeightsError):
    """The model's licence forbids the use that was asked for."""
