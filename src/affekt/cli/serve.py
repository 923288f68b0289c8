"""`affekt serve`: the server, by flags that stand for the settings."""

import inspect
import logging
import socket
import sys
from typing import Annotated, Any

import typer

from affekt.errors import InputError
from affekt.settings import ServerSettings, resolve_server

GRACE = 60  # seconds in which what was accepted is finished when the server is stopped


def serve(**given: Any) -> None:
    """Serves emotion over HTTP and WebSocket; every setting is a flag, an environment variable AFFEKT_… and a line of affekt.toml."""
    import uvicorn

    from affekt.server.app import make_app

    settings = resolve_server(**given)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = uvicorn.Config(
        make_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # paths hold ids of people; metrics count calls
        server_header=False,
        forwarded_allow_ips=settings.proxies,
        timeout_graceful_shutdown=GRACE,
        ws_max_size=settings.most_bytes,
    )
    uvicorn.Server(config).run(sockets=[_bound(settings)])


def _bound(settings: ServerSettings) -> socket.socket:
    """The socket to listen on, before anything else is started.

    Raises:
        InputError: another program listens there, or this one may not.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise InputError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}; stop what listens there, or name another --port"
        ) from error
    return bound


def _flags() -> inspect.Signature:
    """A flag a setting: what typer reads of a function."""
    flags = []
    for name, field in ServerSettings.model_fields.items():
        kind = field.annotation if field.annotation in (str, int, float, bool) else str
        option = typer.Option(f"--{name.replace('_', '-')}", help=f"{field.description} [{field.default!r}]", show_default=False)
        flags.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]))
    return inspect.Signature(flags)


serve.__signature__ = _flags()  # type: ignore[attr-defined]  # one declaration of settings makes the flags
