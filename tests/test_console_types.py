"""The types that the console is written against are those of the server as it is."""

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "console_types.py"


@pytest.fixture(scope="module")
def types() -> Any:
    spec = importlib.util.spec_from_file_location("console_types", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not module.MAKER.is_file():
        pytest.skip("openapi-typescript is not installed: run npm ci in src/affekt/console/app")
    return module


def test_the_types_in_the_repository_are_those_of_the_server(types: Any) -> None:
    assert types.TYPES.read_text(encoding="utf-8") == types.made(), "the types are out of date; run python docs/console_types.py"


def test_the_compiler_takes_them(types: Any, tmp_path: Path) -> None:
    use = tmp_path / "use.ts"
    use.write_text(
        f'import type {{ components, paths }} from "{types.TYPES.with_suffix("").with_suffix("")}";\n'
        'type Told = paths["/v1/sessions"]["get"]["responses"]["200"]["content"]["application/json"]["sessions"][number];\n'
        'export const top = (told: Told): string => told.top?.label ?? "";\n'
        'export const mark = (whole: components["schemas"]["Timeline"]): number => whole.marks[0]?.time ?? 0;\n'
    )
    compiler = types.APP / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([str(compiler), "--noEmit", "--strict", "--skipLibCheck", str(use)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
