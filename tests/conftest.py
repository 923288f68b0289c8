"""Fixtures that several test files share."""

from collections.abc import Iterator
from typing import Any

import pytest

from databases import database, postgresql, store  # noqa: F401  # fixtures of all tests of the store


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A recording in which one person is seen and heard; it takes some seconds to make, so the tests of streams share it."""
    from shots import anna_speaks

    return anna_speaks(tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    """A browser, for tests of the console."""
    from browsing import browser

    with browser() as made:
        yield made
