"""The page Live in a real browser, fed from files: what is seen and saved, and what happens when something breaks."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from browsing import FLAGS, PHONE, Served, browser, needs_browser, served, violations, visit
from fed import film, two, voice

ALLOWED = "--use-fake-ui-for-media-stream"
pytestmark = needs_browser


@pytest.fixture(scope="module")
def fed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("fed")
    video = film(folder / "two.mjpeg", [(2.0, two("flat", "smile"), False), (2.0, two("smile", "flat"), True)])
    return f"--use-file-for-fake-video-capture={video}", f"--use-file-for-fake-audio-capture={voice(folder / 'voice.wav')}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("server"), keep_text_days=7) as made:
        yield made


@pytest.fixture(scope="module")
def opened(fed: tuple[str, str]) -> Iterator[Any]:
    with browser(ALLOWED, *fed) as made:
        yield made


def start(page: Any) -> None:
    page.click("form button[type=submit]")
    page.locator("[data-live]").wait_for()


def faces(page: Any) -> Any:
    return page.locator("[data-face]")


def heard(page: Any) -> float:
    return float(page.locator("[data-live]").get_attribute("data-last-speech"))


def wait_for_voice(page: Any, *, after: float = -0.5) -> None:
    for _ in range(200):
        if heard(page) > after:
            return
        page.wait_for_timeout(100)
    raise AssertionError("no voice was read")


def stop(page: Any) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("What it has come to").wait_for()


def downloaded(page: Any) -> dict[str, Any]:
    with page.expect_download() as got:
        page.get_by_role("button", name="Download JSON").click()
    told: dict[str, Any] = json.loads(Path(got.value.path()).read_text(encoding="utf-8"))
    return told


def test_faces_and_a_voice_are_read_live_marked_and_saved(server: Served, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/live") as page:
        start(page)
        faces(page).nth(1).wait_for()
        wait_for_voice(page)
        assert violations(page) == []
        page.keyboard.press("Escape")  # asks whether to stop; once more, and it goes on
        page.locator("dialog[open]").wait_for()
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
        page.keyboard.press("m")
        page.locator("input[aria-label^='Note of']").fill("a smile")
        stop(page)
        assert violations(page) == []
        page.get_by_role("button", name="Save").click()
        assert violations(page) == []
        page.click("dialog summary")
        page.locator("dialog details input").first.fill("customer 17")
        page.click("dialog button.primary")
        assert page.locator("dialog input:invalid").count(), "that they agree has to be said"
        page.check("dialog input[type=checkbox]")
        page.click("dialog button.primary")
        page.get_by_role("link", name="Open it").click()
        page.get_by_role("slider", name="Moment").wait_for()
        assert page.faults == []
    (session,) = json.load(urlopen(f"{server.address}/v1/sessions?subject=customer%2017"))["sessions"]
    assert {"face", "speech"} <= {*session["modalities"]} and session["marks"] == 1
    timeline = json.load(urlopen(f"{server.address}/v1/sessions/{session['id']}"))
    assert [mark["note"] for mark in timeline["marks"]] == ["a smile"]


def test_by_keyboard_alone_it_is_paused_and_written_into_on_a_phone_in_chinese(server: Served, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/live", lang="zh", color_scheme="dark", viewport=PHONE) as page:
        start(page)
        faces(page).first.wait_for()
        page.keyboard.press(" ")
        page.get_by_text("已暂停").first.wait_for()
        assert violations(page) == []
        page.keyboard.press(" ")
        page.locator("[data-live] form input").last.fill("我真为你们骄傲！")
        page.keyboard.press("Enter")
        page.locator("[data-person]", has_text="喜悦").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert violations(page) == [] and page.faults == []


def test_single_keys_do_nothing_where_that_is_switched_off(server: Served, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/settings/browser") as page:
        page.get_by_label("Space pauses, M marks a moment").uncheck()
        assert violations(page) == []
        page.reload()
        assert not page.get_by_label("Space pauses, M marks a moment").is_checked()
        page.goto(f"{server.address}/#/live")
        start(page)
        faces(page).first.wait_for()
        assert page.get_by_text("M marks").count() == page.locator("[aria-keyshortcuts]").count() == 0
        page.keyboard.press("m")
        page.keyboard.press(" ")
        page.keyboard.press("Escape")
        page.get_by_text("No moment is marked yet").wait_for()
        assert page.get_by_role("button", name="Pause").count() == 1 and page.locator("dialog").count() == 0
        page.get_by_role("button", name="Mark").click()
        page.locator("input[aria-label^='Note of']").wait_for()
        assert page.faults == []


def test_a_server_that_is_killed_and_started_anew_loses_nothing_that_was_seen(opened: Any, tmp_path: Path) -> None:
    with served(tmp_path) as mortal, visit(opened, f"{mortal.address}/#/live") as page:
        start(page)
        faces(page).first.wait_for()  # a provisional reading of a voice alone is gone after a while
        wait_for_voice(page)
        before = heard(page)
        mortal.stop(kill=True)
        page.get_by_text("The connection is lost").wait_for()
        assert violations(page) == []
        mortal.start()
        page.get_by_text("does not know this stream any more").wait_for()
        assert faces(page).count() or page.locator("[data-person]").count(), "what was seen stays"
        assert violations(page) == []
        page.locator("[data-live] .bad button.primary").click()  # go on
        wait_for_voice(page, after=before + 0.1)
        stop(page)
        timeline = downloaded(page)
    times = [one["start"] for one in timeline["readings"]]
    assert min(times) < before + 0.1 < max(times), "both streams are in it, on one clock"
    kept = [(one["modality"], one["who"], one["start"]) for one in timeline["readings"]]
    assert len(kept) == len({*kept}), "nothing stands twice"


def test_a_network_that_drops_is_joined_again_and_nothing_is_doubled(server: Served, opened: Any) -> None:
    with dropping(server.port) as line, visit(opened, f"http://127.0.0.1:{line.port}/#/live") as page:
        start(page)
        wait_for_voice(page)
        before = heard(page)
        line.cut()
        page.get_by_text("The connection is lost").wait_for()
        line.mend()
        page.get_by_text("The connection is lost").wait_for(state="detached")
        wait_for_voice(page, after=before + 0.1)
        stop(page)
        timeline = downloaded(page)
    spoken = [one for one in timeline["readings"] if one["modality"] == "speech"]
    assert len(spoken) >= 2 and len({one["start"] for one in spoken}) == len(spoken)


def test_a_camera_that_goes_in_the_middle_is_told_of_and_taken_up_again(server: Served, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/live") as page:
        start(page)
        faces(page).first.wait_for()
        page.evaluate("document.querySelector('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
        page.get_by_text("The camera has gone").wait_for()
        assert violations(page) == []
        page.get_by_role("button", name="Use it again").click()
        page.get_by_text("The camera has gone").wait_for(state="detached")
        faces(page).first.wait_for()


def test_who_denies_camera_and_microphone_is_told_what_to_do(server: Served) -> None:
    with browser("--deny-permission-prompts") as shy, visit(shy, f"{server.address}/#/live", senses=False) as page:
        page.click("form button[type=submit]")
        page.get_by_text("does not let this page listen").wait_for()
        page.get_by_text("does not let this page look").wait_for()
        assert violations(page) == [] and page.faults == []


def test_without_devices_words_are_still_read(server: Served) -> None:
    flags = [flag for flag in FLAGS if "fake-device" not in flag]
    with browser(ALLOWED, only=flags) as bare, visit(bare, f"{server.address}/#/live") as page:
        page.click("form button[type=submit]")
        page.get_by_text("There is no microphone").or_(page.get_by_text("There is no camera")).first.wait_for()
        page.get_by_label("Microphone", exact=True).uncheck()
        page.get_by_label("Camera", exact=True).uncheck()
        start(page)
        page.locator("[data-live] form input").last.fill("so proud of you all")
        page.keyboard.press("Enter")
        page.locator("[data-person]", has_text="joy").wait_for()


def test_at_work_only_words_are_read_and_the_page_says_why(opened: Any, tmp_path: Path) -> None:
    with served(tmp_path, setting="workplace") as strict, visit(opened, f"{strict.address}/#/live") as page:
        page.get_by_text("Art. 5(1)(f)").first.wait_for()
        assert page.get_by_role("button", name="Show me").count() == 0, "the guided scene has a voice and faces"
        assert page.get_by_label("Camera", exact=True).is_disabled() and page.get_by_label("Microphone", exact=True).is_disabled()
        assert violations(page) == []
        start(page)
        assert page.locator("video").count() == 0


def test_a_first_visit_is_shown_what_there_is_to_see(server: Served, opened: Any) -> None:
    with visit(opened, server.address, visited=False) as page:
        page.get_by_role("button", name="Show me").click()
        for step in ("Somebody speaks", "Somebody else comes, and smiles", "A line is written", "Together", "That is all it knows"):
            page.get_by_role("heading", name=step).wait_for()
        assert violations(page) == []
        page.get_by_role("button", name="Now with my own devices").click()
        page.get_by_role("button", name="Start").wait_for()
        assert page.faults == []
        page.reload()
        page.get_by_text("The guided sample").wait_for()  # it is no first visit any more


class Line:
    """A line to a server that can be cut."""

    def __init__(self, to: int) -> None:
        self.to, self.joined, self.broken = to, list[socket.socket](), False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    def cut(self) -> None:
        self.broken = True
        for one in self.joined:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.joined.clear()

    def mend(self) -> None:
        self.broken = False

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                if self.broken:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.to))
                self.joined += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def dropping(port: int) -> Iterator[Line]:
    line = Line(port)
    try:
        yield line
    finally:
        line.cut()
        line.listening.close()
