"""Puts tables between their marks in README, and finds those that are not there as they should be."""

from collections.abc import Mapping
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def write_readme(tables: Mapping[str, str], *, page: Path = README) -> None:
    """Writes each table of a page between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    page.write_text(text, encoding="utf-8")


def differing(tables: Mapping[str, str], *, page: Path = README) -> list[str]:
    """The names of the tables that a page has otherwise, or not at all."""
    text = page.read_text(encoding="utf-8")
    return [name for name, table in tables.items() if f"<!-- bench:{name} -->\n{table}\n<!-- /bench:{name} -->" not in text]
