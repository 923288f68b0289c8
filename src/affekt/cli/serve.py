"""`affekt serve`: the server, by flags that stand for the settings."""

import inspect
import logging
import socket
import sys
from typing import Annotated, Any

import typer

from affekt.errors import InputError
from affekt.settings import ServerSettings, resolve_server
from affekt.store.database import open_store

CONNECTIONS = 900  # at a time; of the 1,024 files that a process may usually open, some are left for the database and for uploads
IDLE = 30  # seconds after a reply in which a connection is kept for another call
GRACE = 60  # seconds in which what was accepted is finished when the server is stopped


def serve(**given: Any) -> None:
    """Serves emotion over HTTP and WebSocket; every setting is a flag, an environment variable AFFEKT_… and a line of affekt.toml."""
    import uvicorn

    from affekt.server.app import make_app

    settings = resolve_server(**given)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for chatty in ("alembic", "faster_whisper", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_tells_no_address)
    open_store(settings.folder, url=settings.database).close()  # what is wrong with it is told in a line, before anything is started
    app, bound = make_app(settings), _bound(settings)
    app.state.address = _address(bound)
    sys.stderr.write(f"affekt: listening on {app.state.address}\n")
    sys.stderr.flush()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # paths hold ids of people; metrics count calls
        server_header=False,
        forwarded_allow_ips=settings.proxies,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=GRACE,
        ws_max_size=settings.most_bytes,
        ws_ping_interval=None,  # where sound must wait, a pong waits behind it; a stream has a time-out of its own
        ws_per_message_deflate=False,  # samples and pictures do not get smaller by it, and a small message may hold a large one
    )
    server = uvicorn.Server(config)
    shut_down = server.shutdown

    async def finish(sockets: list[socket.socket] | None = None) -> None:
        await app.state.service.streams.close()  # before WebSockets are closed, which is the first that uvicorn does
        await shut_down(sockets)

    server.shutdown = finish  # type: ignore[method-assign]
    server.run(sockets=[bound])


def _tells_no_address(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's log is without the address of a WebSocket, which may hold a key."""
    return "WebSocket" not in str(record.msg)


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
        bound.listen()  # who calls before all is loaded waits for a moment
    except OSError as error:
        bound.close()
        raise InputError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}; stop what listens there, or name another --port"
        ) from error
    return bound


def _address(bound: socket.socket) -> str:
    """Where a browser of this machine finds what listens on a socket."""
    host, port = bound.getsockname()[:2]
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _flags() -> inspect.Signature:
    """A flag a setting: what typer reads of a function."""
    flags = []
    for name, field in ServerSettings.model_fields.items():
        kind = field.annotation if field.annotation in (str, int, float, bool) else str
        option = typer.Option(f"--{name.replace('_', '-')}", help=f"{field.description} [{field.default!r}]", show_default=False)
        flags.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]))
    return inspect.Signature(flags)


serve.__signature__ = _flags()  # type: ignore[attr-defined]  # one declaration of settings makes the flags
