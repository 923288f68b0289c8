"""What is given to the page Analyse by itself opens once it is read; several things stay a list, and nothing that is written is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import needs_browser, served, visit

SAMPLES = Path(__file__).parents[1] / "src" / "affekt" / "samples"
FILES = "input[type=file][multiple]"
pytestmark = needs_browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with served(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture
def page(server: Any, opened: Any) -> Iterator[Any]:
    with visit(opened, f"{server.address}/#/analyse") as made:
        yield made
        assert made.faults == []


def read(page: Any, text: str) -> None:
    page.locator("textarea").fill(text)
    page.locator("form button.primary").click()


def test_one_text_opens_and_the_list_is_a_step_back(page: Any) -> None:
    read(page, "So proud of you all. We laughed the whole evening")
    page.get_by_role("heading", level=1, name="So proud of you all").wait_for()
    assert page.evaluate("document.activeElement.id") == "main", "what reads the page aloud goes on there"
    page.go_back()
    page.locator("a.name", has_text="So proud of you all").wait_for()
    assert page.evaluate("location.hash") == "#/analyse"


def test_one_sample_opens(page: Any) -> None:
    page.locator(".samples button").nth(2).click()
    page.get_by_role("heading", level=1, name="call.txt").wait_for()


def test_several_files_and_several_lines_stay_a_list(page: Any) -> None:
    page.set_input_files(FILES, [str(SAMPLES / "call.txt"), str(SAMPLES / "review.txt")])
    page.locator("a.name >> nth=1").wait_for()
    page.get_by_label("Each line by itself").check()
    read(page, "So proud of you all\nI miss her so much")
    page.locator("a.name >> nth=2").wait_for()
    assert page.evaluate("location.hash") == "#/analyse"


def test_a_text_that_is_being_written_is_not_lost(page: Any) -> None:
    page.locator("textarea").fill("I am not done")
    page.set_input_files(FILES, str(SAMPLES / "call.txt"))
    page.locator("a.name").wait_for()
    assert page.evaluate("location.hash") == "#/analyse" and page.locator("textarea").input_value() == "I am not done"
