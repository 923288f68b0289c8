"""Settings that are probabilities, checked."""

from collections.abc import Iterable

from affekt.errors import InputError


def check_chances(settings: object, names: Iterable[str]) -> None:
    """Refuses settings that are no probabilities: percentages, say.

    Raises:
        InputError: one of those named is not from 0 to 1.
    """
    for name in names:
        if not 0 <= (given := getattr(settings, name)) <= 1:
            raise InputError(f"{name} is {given}; a probability is from 0 to 1")
