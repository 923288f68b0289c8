"""The page Analyse in a real browser: what is given is read, looked at, corrected, exported and compared; what is in the way is said."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from browsing import needs_browser, served, violations, visit

SAMPLES = Path(__file__).parents[1] / "src" / "affekt" / "samples"
pytestmark = needs_browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with served(tmp_path_factory.mktemp("server"), keep_text_days=7) as made:
        yield made


def give(page: Any, *paths: Path) -> None:
    page.set_input_files("input[type=file][multiple]", [str(path) for path in paths])


def test_a_talk_is_read_corrected_and_the_correction_is_a_training_row(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/analyse") as page:
        give(page, SAMPLES / "call.txt")
        spans = page.locator(".text span[role=button]")
        spans.nth(1).click()
        assert violations(page) == []
        page.get_by_role("button", name="Correct the label").click()
        page.check("dialog input[type=checkbox]")  # those who were read agree
        page.locator("dialog button.primary").click()  # a correction belongs to a saved session
        page.locator("dialog fieldset").wait_for()
        assert violations(page) == []
        page.locator("dialog label.check", has_text="anger").click()
        page.fill("dialog textarea", "he is angry")
        page.locator("dialog button.primary").click()
        page.get_by_text("Corrected").first.wait_for()
        assert page.faults == []
    (row,) = map(json.loads, urlopen(f"{server.address}/v1/feedback?format=jsonl"))
    assert row["labels"] == ["anger"] and row["text"].startswith("Hi.")


def test_a_voice_is_played_and_moments_are_chosen_by_mouse_and_by_keys(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/analyse") as page:
        give(page, SAMPLES / "train.ogg")
        chart = page.get_by_role("slider", name="Moment")
        chart.wait_for()
        box = chart.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 50)
        page.wait_for_function("Math.abs(document.querySelector('audio').currentTime - 3.4) < 0.2")
        chart.focus()
        before = page.locator(".tools p").inner_text()
        page.keyboard.press("+")
        page.wait_for_function("before => document.querySelector('.tools p').innerText !== before", arg=before)
        page.keyboard.press("Home")
        page.wait_for_function("document.querySelector('audio').currentTime < 0.1")
        assert violations(page) == [] and page.faults == []
        page.reload()  # a recording is read as a job, which is still there
        page.get_by_role("slider", name="Moment").wait_for()


def test_a_timeline_is_written_in_every_format_and_its_json_is_opened_again(server: Any, opened: Any, tmp_path: Path) -> None:
    with visit(opened, f"{server.address}/#/analyse", accept_downloads=True) as page:
        give(page, SAMPLES / "train.ogg")
        page.get_by_role("button", name="Export").click()
        buttons = page.locator("dialog li button")
        buttons.first.wait_for()
        assert violations(page) == []
        assert buttons.count() == len(json.load(urlopen(f"{server.address}/v1/formats")))
        for at in range(buttons.count()):
            with page.expect_download() as got:
                buttons.nth(at).click()
            got.value.save_as(tmp_path / got.value.suggested_filename)
            page.wait_for_timeout(120)  # Chromium takes ten downloads a second
        made = {path.suffix: path for path in tmp_path.iterdir()}
        assert {".json", ".vtt", ".srt", ".csv", ".eaf", ".png"} <= {*made} and all(path.stat().st_size for path in made.values())
        page.goto(f"{server.address}/#/analyse")
        give(page, made[".json"])
        page.get_by_role("slider", name="Moment").wait_for()
        assert page.faults == []


def test_faces_of_a_picture_have_boxes_and_a_table_its_counts(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/analyse", lang="zh", color_scheme="dark") as page:
        give(page, SAMPLES / "faces.jpg", SAMPLES / "comments.csv")
        names = page.locator("a.name")
        names.filter(has_text="comments.csv").click()
        page.locator("table").first.wait_for()
        assert violations(page) == []
        page.goto(f"{server.address}/#/analyse")
        names.filter(has_text="faces.jpg").click()
        page.get_by_text("面孔 1").first.wait_for()
        picture, details = (page.locator(f".all > {name}").bounding_box() for name in (".player", ".details"))
        assert picture["x"] + picture["width"] <= details["x"], "what was read stands beside the picture, not over it"
        assert violations(page) == [] and page.faults == []


def test_two_recordings_are_compared(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/analyse") as page:
        give(page, SAMPLES / "call.txt", SAMPLES / "review.txt")
        for name in ("call.txt", "review.txt"):
            page.get_by_label(f"Compare {name}").check()
        page.get_by_role("button", name="Compare", exact=True).or_(page.get_by_role("link", name="Compare", exact=True)).click()
        page.get_by_role("heading", name="Differences").wait_for()
        assert page.locator("tbody tr").count() >= 7
        assert violations(page) == [] and page.faults == []


def test_what_is_given_while_the_server_is_away_waits_and_is_read(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/analyse") as page:
        server.stop()
        give(page, SAMPLES / "review.txt", SAMPLES / "call.txt")
        page.get_by_text("The server cannot be reached").first.wait_for()
        server.start()
        for name in ("review.txt", "call.txt"):
            page.locator("a.name").filter(has_text=name).wait_for()


def test_at_work_a_voice_is_not_read_and_the_page_says_by_which_article(opened: Any, tmp_path: Path) -> None:
    with served(tmp_path, setting="workplace") as strict, visit(opened, f"{strict.address}/#/analyse") as page:
        page.get_by_text("Art. 5(1)(f)").first.wait_for()
        give(page, SAMPLES / "call.txt", SAMPLES / "train.ogg")
        page.locator("a.name").filter(has_text="call.txt").wait_for()  # words are read
        page.locator(".item", has_text="train.ogg").get_by_text("Art. 5(1)(f)").wait_for()
        assert violations(page) == []
