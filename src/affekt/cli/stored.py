"""The store that a command works on: that of a server, which may run or not."""

from pathlib import Path
from typing import Annotated

import typer

from affekt.errors import InputError
from affekt.settings import ServerSettings, resolve_server
from affekt.store.database import FILE, Store, open_store

Folder = Annotated[str | None, typer.Option(help=ServerSettings.model_fields["folder"].description)]
Database = Annotated[str | None, typer.Option(help=ServerSettings.model_fields["database"].description)]


def opened(folder: str | None, database: str | None, *, make: bool = False) -> Store:
    """The store that flags or settings name.

    Args:
        make: one is made where there is none.

    Raises:
        InputError: there is none.
        StoreError: it cannot be opened.
    """
    settings = resolve_server(folder=folder, database=database)
    if not make and not settings.database and not (Path(settings.folder) / FILE).is_file():
        raise InputError(
            f"no server has kept anything in {settings.folder}; name its folder with --folder (AFFEKT_FOLDER), or a --database"
        )
    return open_store(settings.folder, url=settings.database)
