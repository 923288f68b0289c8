"""`affekt audit`: shows the audit log of a server, and verifies it and the receipts that the server signed."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from affekt.cli.stored import Database, Folder, opened
from affekt.errors import InputError
from affekt.store.audit import entries, verify
from affekt.store.signing import is_signed, public_key

app = typer.Typer(help="The audit log of a server: show, verify; and verify a receipt.", no_args_is_help=True)
PAGE = 1000  # entries that are read at a time
BROKEN = 1  # exit code


@app.command("verify")
def verify_log(
    holds: Annotated[str | None, typer.Option(help="a hash that was kept elsewhere: whether the log still has the entry")] = None,
    folder: Folder = None,
    database: Database = None,
) -> None:
    """Walk the chain of hashes; exit code 1 where an entry was changed, taken out or put in."""
    found = verify(opened(folder, database), holds=holds)
    print(f"{found.entries} entries are sound; the last has the hash {found.last}")
    if found.problem:
        print(f"affekt: {found.problem}", file=sys.stderr)
        raise typer.Exit(BROKEN)


@app.command("show")
def show(
    action: Annotated[str | None, typer.Option(help="only these, as subject.erased")] = None,
    folder: Folder = None,
    database: Database = None,
) -> None:
    """Print the entries, the oldest first, as lines of JSON."""
    store, after = opened(folder, database), 0
    while page := entries(store, after=after, limit=PAGE, action=action):
        for one in page:
            named = {name: getattr(one, name) for name in ("number", "at", "who", "action", "detail", "previous", "hash")}
            print(json.dumps(named, ensure_ascii=False))
        after = page[-1].number


@app.command("receipt")
def receipt(
    file: Annotated[Path, typer.Argument(help="the receipt, as DELETE /v1/subjects/… answered it")],
    key: Annotated[
        Path | None, typer.Option(help="public key of the server, as GET /v1/receipts/key gives it; by default that of the folder")
    ] = None,
    folder: Folder = None,
    database: Database = None,
) -> None:
    """Verify that a server signed a receipt, and, without --key, that its audit log has the entry; exit code 1 where not."""
    given = _read(file)
    if key is not None:
        problem = None if is_signed(given, key=key.read_text(encoding="utf-8")) else "this is not signed by this key"
    else:
        store = opened(folder, database)
        signed = is_signed(given, key=public_key(store))
        problem = verify(store, holds=given["audit"]["hash"]).problem if signed else f"this is not signed by the key in {store.folder}"
    if problem:
        print(f"affekt: {problem}", file=sys.stderr)
        raise typer.Exit(BROKEN)
    print(f"signed: {given.get('at')}: " + ", ".join(f"{many} {what}" for what, many in given.get("erased", {}).items()))


def _read(file: Path) -> dict[str, Any]:
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is no JSON, so it is no receipt; keep what DELETE /v1/subjects/… answers as it is") from error
    if not isinstance(given, dict):
        raise InputError(f"{file} is no receipt; keep what DELETE /v1/subjects/… answers as it is")
    return given
