"""Which processes of this machine live: each holds a lock on a file of its own, which its death frees, however it dies."""

import sys
from pathlib import Path
from typing import IO

FOLDER = "workers"


def live(folder: Path, name: str) -> IO[bytes]:
    """A lock that says that the process of this name lives, as long as what is given back is open.

    Args:
        folder: the server's data folder.
    """
    (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
    held = (folder / FOLDER / name).open("wb")
    _lock(held)
    return held


def dead(folder: Path) -> set[str]:
    """Names of the processes that lived and do no more; `bury` forgets them. Empty where files know no such locks, as on Windows."""
    if not (folder / FOLDER).is_dir():
        return set()
    found = set()
    for path in (folder / FOLDER).iterdir():
        try:
            with path.open("rb+") as held:
                if _lock(held):
                    found.add(path.name)
        except FileNotFoundError:  # somebody else has buried it
            continue
    return found


def bury(folder: Path, name: str) -> None:
    """Forgets a process that is dead."""
    (folder / FOLDER / name).unlink(missing_ok=True)


def _lock(held: IO[bytes]) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
