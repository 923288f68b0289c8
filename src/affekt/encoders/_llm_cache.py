"""Keeps a language model's answers, so that what was asked is not paid for again.

A key is the hash of model, prompt and text; a value is numbers. The text is not kept, but whoever can guess it can tell that it was asked.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from affekt.errors import InputError

FOLDER = "AFFEKT_LLM_CACHE"  # environment variable; empty: nothing is kept
FILE = "answers.sqlite3"
PATIENCE = 30.0  # seconds that another process may take to write


@dataclass(slots=True)
class Cache:
    """Answers in one SQLite file; several threads and processes may use it."""

    path: Path
    lock: Lock = field(default_factory=Lock)

    def get(self, key: str) -> list[float] | None:
        """The answer under a key, None: there is none."""
        found = self._run("SELECT answer FROM answers WHERE key = ?", key)
        return None if found is None else [float(one) for one in json.loads(found[0])]

    def put(self, key: str, answer: Sequence[float]) -> None:
        """Keeps an answer."""
        self._run("INSERT OR REPLACE INTO answers VALUES (?, ?)", key, json.dumps(list(answer)))

    def _run(self, statement: str, *values: str) -> Any:
        try:
            with self.lock, closing(sqlite3.connect(self.path, timeout=PATIENCE)) as file, file:
                file.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)")
                return file.execute(statement, values).fetchone()
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"{FOLDER} names {self.path.parent}, where no answers can be kept: {error}; name another folder") from error


def open_cache() -> Cache | None:
    """The cache in the folder that the environment names; None: it names none, and nothing is kept.

    Raises:
        InputError: the folder cannot be made.
    """
    if not (named := os.environ.get(FOLDER)):
        return None
    folder = Path(named)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{FOLDER} names {folder}, which cannot be made: {error.strerror}; name another folder") from error
    return Cache(folder / FILE)


def key_of(*told: Any) -> str:
    """The SHA-256 of what was asked."""
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
