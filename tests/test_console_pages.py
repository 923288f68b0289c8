"""Every page of the console in a real browser: both languages, light and dark, on a desktop and a phone; no fault, no barrier."""

from collections.abc import Iterator
from typing import Any

import pytest

from browsing import AXE, DESKTOP, PHONE, needs_browser, served, violations, visit

PAGES = ("live", "analyse", "sessions", "people", "models", "settings")
LOOKS = [("en", "light", DESKTOP), ("zh", "dark", PHONE), ("zh", "light", PHONE), ("en", "dark", DESKTOP)]
pytestmark = needs_browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with served(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core; run: python hatch_build.py --development")
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0]} {look[1]} {look[2]['width']}")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_barrier_and_no_fault(server: Any, opened: Any, name: str, look: Any) -> None:
    lang, scheme, viewport = look
    with visit(opened, f"{server.address}/#/{name}", lang=lang, color_scheme=scheme, viewport=viewport, reduced_motion="reduce") as page:
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-CN"}[lang]
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], "it scrolls sideways"
        assert page.faults == []
