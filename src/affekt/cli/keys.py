"""`affekt keys`: makes, lists and revokes the keys of a server, which may run meanwhile."""

import sys
from typing import Annotated

import typer

from affekt.cli.stored import Database, Folder, opened
from affekt.store.keys import list_keys, make_key, revoke_key

app = typer.Typer(help="The keys of a server: make, list, revoke.", no_args_is_help=True)
MADE = "affekt: the key {id}, of the role {role}; it is shown this once. A server that runs takes it at once, and needs one within 5 s"


@app.command("make")
def make(
    name: Annotated[str, typer.Argument(help="who or what it is for")],
    role: Annotated[
        str, typer.Option(help="reader: reads; analyst: also sees what others saved, and people; admin: also erases, gives keys")
    ],
    folder: Folder = None,
    database: Database = None,
) -> None:
    """Make a key, and print the word that opens, which is shown this once."""
    store = opened(folder, database, make=True)
    key, word = make_key(store, name, role=role)
    print(word)
    print(MADE.format(id=key.id, role=key.role), file=sys.stderr)


@app.command("list")
def list_all(folder: Folder = None, database: Database = None) -> None:
    """Who may call."""
    for key in list_keys(opened(folder, database)):
        used = f"{key.last_used:%Y-%m-%d %H:%M}" if key.last_used else "never"
        state = f"revoked {key.revoked:%Y-%m-%d %H:%M}" if key.revoked else f"last used {used}"
        print(f"{key.id}\t{key.role}\t{key.name}\tmade {key.created:%Y-%m-%d %H:%M}\t{state}")


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="id of the key, as `affekt keys list` shows it")],
    folder: Folder = None,
    database: Database = None,
) -> None:
    """Revoke a key, which opens nothing from now on; a server that runs knows within 5 s."""
    revoke_key(opened(folder, database), key)
    print(f"affekt: {key} is revoked", file=sys.stderr)
