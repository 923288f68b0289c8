"""The docs check: links lead somewhere, and what the code knows (settings, JSON Schema) is up to date.

python docs/check.py [--write]
"""

import json
import re
import sys
from pathlib import Path

from affekt.schema import json_schema
from affekt.settings import ServerSettings, Settings

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "recipes").rglob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def settings_table(kind: type[Settings]) -> str:
    lines = ["| setting | environment | default | what |", "|---|---|---|---|"]
    above = {} if kind is Settings else Settings.model_fields
    for name, field in kind.model_fields.items():
        if name in above:
            continue
        lines.append(f"| `{name}` | `AFFEKT_{name.upper()}` | `{field.default}` | {field.description} |")
    return "\n".join(lines)


def between(text: str, name: str, table: str) -> str:
    """A page with what stands between its marks of this name written anew."""
    head, rest = text.split(f"<!-- {name} -->")
    return f"{head}<!-- {name} -->\n{table}\n<!-- /{name} -->{rest.split(f'<!-- /{name} -->')[1]}"


def broken_links() -> list[str]:
    found = []
    for page in PAGES:
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                found.append(f"{page.relative_to(ROOT)} links to {target}, which is not there")
    return found


def schema() -> str:
    return json.dumps(json_schema(), indent=1) + "\n"


def main() -> int:
    page = ROOT / "docs" / "settings.md"
    text = page.read_text(encoding="utf-8")
    fresh = between(text, "settings", settings_table(Settings))
    fresh = between(fresh, "server-settings", settings_table(ServerSettings))
    problems = broken_links()
    schema_file = ROOT / "docs" / "timeline.schema.json"
    if "--write" in sys.argv:
        schema_file.write_text(schema(), encoding="utf-8")
        page.write_text(fresh, encoding="utf-8")
    elif fresh != text:
        problems.append("docs/settings.md is out of date; run python docs/check.py --write")
    if not schema_file.is_file() or schema_file.read_text(encoding="utf-8") != schema():
        problems.append("docs/timeline.schema.json is out of date; run python docs/check.py --write")
    print("\n".join(problems) or f"{len(PAGES)} pages are in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
