"""The web console: `app` is its source, in TypeScript and Svelte; `built` what a browser loads, made when Affekt is installed."""

import re
from functools import cache
from importlib.resources import files

PATH = re.compile(r"icon\.svg|assets/[\w.-]+")


def page() -> str | None:
    """The page that loads all else; None, where the console is not built."""
    found = files(__name__) / "built" / "index.html"
    return found.read_text(encoding="utf-8") if found.is_file() else None


def asset(path: str) -> bytes | None:
    """A file that the page loads, by its path relative to it; None, where there is none."""
    found = files(__name__) / "built" / path
    return _content(path) if PATH.fullmatch(path) and found.is_file() else None


@cache
def _content(path: str) -> bytes:
    return (files(__name__) / "built" / path).read_bytes()
