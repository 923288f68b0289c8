"""A server of its own and a real browser, for tests of the console."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from affekt import console

APP = Path(__file__).parents[1] / "src" / "affekt" / "console" / "app"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = APP / "node_modules" / "axe-core" / "axe.min.js"
WAIT = 30_000  # milliseconds that a page is waited for: the machine may be slow
FLAGS = ("--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
_DRIVERS: list[Any] = []  # the one that runs, if one does
needs_browser = pytest.mark.skipif(CHROMIUM is None or console.page() is None, reason="no chromium, or the console is not built")


class Served:
    """A server in a process of its own, which can be stopped and started again on its port."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder, self.settings, self.address, self.port = folder, settings, "", 0
        self.start()

    def start(self) -> None:
        given = {f"AFFEKT_{name.upper()}": str(value) for name, value in self.settings.items()}
        env = {**os.environ, **given, "AFFEKT_PORT": str(self.port), "AFFEKT_FOLDER": str(self.folder)}
        self.process = subprocess.Popen([sys.executable, "-m", "affekt", "serve"], env=env, stderr=subprocess.PIPE, text=True)
        self.told: list[str] = []
        for line in self.process.stderr or ():
            self.told.append(line)
            if found := re.search(r"open (http://\S+?) in a browser", line):
                self.address = found[1]
                self.port = int(self.address.rsplit(":", 1)[1])
                break
        else:
            raise RuntimeError("the server did not start: " + "".join(self.told))
        threading.Thread(target=lambda: [self.told.append(line) for line in self.process.stderr or ()], daemon=True).start()

    def stop(self, *, kill: bool = False) -> None:
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(30)


@contextmanager
def served(folder: Path, **settings: object) -> Iterator[Served]:
    server = Served(folder, **settings)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def browser(*flags: str, only: Sequence[str] = FLAGS) -> Iterator[Any]:
    """Chromium, with a camera and a microphone that are not real. Args: only: instead of the usual flags."""
    with _driver() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=[*only, *flags])
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def _driver() -> Iterator[Any]:
    """What drives browsers: one at a time, for its loop runs in this thread."""
    from playwright.sync_api import sync_playwright

    if _DRIVERS:
        yield _DRIVERS[0]
        return
    with sync_playwright() as made:
        _DRIVERS.append(made)
        try:
            yield made
        finally:
            _DRIVERS.clear()


@contextmanager
def visit(opened: Any, address: str, *, lang: str = "en", senses: bool = True, visited: bool = True, **context: Any) -> Iterator[Any]:
    """A page, whose faults are in `page.faults`.

    Args:
        senses: camera and microphone are allowed.
        visited: it is not the first visit.
    """
    permissions = ["camera", "microphone"] if senses else []
    known = opened.new_context(permissions=permissions, viewport=context.pop("viewport", DESKTOP), **context)
    known.set_default_timeout(WAIT)
    kept = {"affekt.lang": lang} | ({"affekt.visited": "1"} if visited else {})
    known.add_init_script("".join(f"localStorage.setItem({name!r}, {value!r});" for name, value in kept.items()))
    page = known.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda message: page.faults.append(message.text) if message.type in ("error", "warning") else None)
    try:
        page.goto(address)
        page.wait_for_selector("h1")
        yield page
    finally:
        known.close()


def violations(page: Any) -> list[str]:
    """What axe-core finds amiss on a page, a line each; nothing, where it is not installed."""
    if not AXE.exists():
        return []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
