"""What a server says and puts on record when it starts: who may call it, and what its deployment declares."""

import sys
from typing import TextIO

from affekt import __version__
from affekt.policy.deployment import deployment_of
from affekt.server.access import is_loopback
from affekt.settings import ServerSettings
from affekt.store.audit import SERVER, append
from affekt.store.database import Store
from affekt.store.keys import any_keys, make_first_key

OPEN = """\
affekt: no key is needed: everyone and every program on this machine may do everything here, and read what is saved.
affekt: to close it, make a key: affekt keys make NAME --role admin (from then on every call needs one), or start with --access keys
"""
OPEN_TO_ALL = """\
affekt: no key is needed: everyone who reaches this server at {host} may do everything here; to close it, start with --access keys
"""
FIRST = """\
affekt: every call needs a key. This is the first one, of the role admin; it is shown this once, so keep it:
affekt: {word}
"""


def decide_access(settings: ServerSettings, store: Store, *, out: TextIO | None = None) -> bool:
    """Whether calls need no key. Where they need one and there is none, it is made and shown, but not logged.

    Args:
        out: where it is shown; None: standard error.
    """
    out = sys.stderr if out is None else out
    local = is_loopback(settings.host)
    if settings.access == "open" or (settings.access == "auto" and local and not any_keys(store)):
        out.write(OPEN if settings.access == "auto" else OPEN_TO_ALL.format(host=settings.host))
        out.flush()
        return True
    if (word := make_first_key(store)) is not None:
        out.write(FIRST.format(word=word))
        out.flush()
    return False


def declare(settings: ServerSettings, store: Store) -> None:
    """Puts the deployment's declaration on record."""
    deployment = deployment_of(settings)
    told = {name: getattr(deployment, name) for name in ("purpose", "setting", "reason")}
    with store.writes() as session:
        append(session, "server.started", who=SERVER, detail={"version": __version__, **told, "require_consent": settings.require_consent})
