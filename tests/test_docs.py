"""The programs in README and the docs run, and every link leads somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
DESIGN = "design.md"  # the plan shows calls that are still to come


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != DESIGN], ids=lambda page: page.name)
def test_the_programs_on_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, page.name, "exec"), names)


def test_the_docs_check_is_green() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "check.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
