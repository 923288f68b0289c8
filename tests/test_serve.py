"""`affekt serve` with what it cannot use: one line that says what to do, before anything is started."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--database", "foo://x"], "postgresql+psycopg://user:word@host/name"),
        (["--database", "postgresql+psycopg://affekt:secret@127.0.0.1:1/affekt"], "is it running"),
        (["--folder", "/dev/null/affekt"], "name another with --folder"),
        (["--port", "99999"], "less than or equal to 65535"),
        (["--setting", "office"], "'workplace'"),
        (["--text-model", "nope"], "text_affekt"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, flags: list[str], said: str) -> None:
    command = [sys.executable, "-m", "affekt", "serve", "--folder", str(tmp_path), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr
    assert "Traceback" not in done.stderr and "secret" not in done.stderr and len(done.stderr.strip().splitlines()) == 1
