"""The TypeScript types of the console: what the server says of itself, as src/affekt/console/app/src/api/schema.d.ts.

python docs/console_types.py        (`npm ci` in src/affekt/console/app comes first)
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from affekt.server.app import make_app
from affekt.settings import ServerSettings

APP = Path(__file__).parents[1] / "src" / "affekt" / "console" / "app"
MAKER = APP / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
TYPES = APP / "src" / "api" / "schema.d.ts"


def main() -> None:
    if not MAKER.is_file():
        sys.exit(f"openapi-typescript is not there; run npm ci in {APP}")
    TYPES.parent.mkdir(parents=True, exist_ok=True)
    TYPES.write_text(made(), encoding="utf-8")
    print(f"{TYPES.name}: {len(TYPES.read_text(encoding='utf-8').splitlines())} lines")


def made() -> str:
    """The types, as openapi-typescript makes them; what they say of paths does not depend on the settings of a server."""
    described = without_examples(make_app(ServerSettings.model_construct()).openapi())
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        given.write_text(json.dumps(described), encoding="utf-8")
        done = subprocess.run(["node", str(MAKER), str(given), "-o", str(out)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"openapi-typescript failed:\n{done.stderr}")
        return out.read_text(encoding="utf-8")


def without_examples(described: Any) -> Any:
    """A description without its examples, which are new each time that they are made, and no types."""
    if isinstance(described, dict):
        return {name: without_examples(one) for name, one in described.items() if name not in ("example", "examples")}
    return [without_examples(one) for one in described] if isinstance(described, list) else described


if __name__ == "__main__":
    main()
