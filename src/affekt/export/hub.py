"""Models to and from the Hugging Face hub, by its own library, with the login or HF_TOKEN that it finds; only what is data travels."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from affekt.encoders._card import CARD, read_card
from affekt.encoders._hub import HUB, library, named
from affekt.encoders._shared import listed, refuse_pickles
from affekt.errors import AffektError, InputError, WeightsError
from affekt.export.hub_folder import PAGE, take_hub_folder, write_hub_folder
from affekt.parts import Card

WHY = {
    400: "the hub takes it for malformed",
    401: "the hub does not know you, or has no such model; log in with: hf auth login, or set HF_TOKEN",
    403: "the hub does not allow you that; its page says who may read it, your token what you may write",
    404: "the hub has no such model or revision; check the name, and log in if it is private",
    429: "the hub asks for fewer requests; wait a while",
}


def push(model: Path, name: str, *, private: bool = False) -> tuple[str, list[str]]:
    """Sends a model folder to the hub; returns its address there, and the names of the files that stayed behind.

    Args:
        name: "owner/model"; it is made where it is not there yet.
        private: as it is made; one that is there already must be private then.

    Raises:
        InputError: the name or the folder is none.
        MissingExtra: huggingface_hub is not installed.
        WeightsError: the folder is not shared so, or the hub does not take it.
    """
    name = target(name)
    with TemporaryDirectory() as work:
        folder = Path(work) / "model"
        behind = write_hub_folder(model, folder, name=name)
        api = library("huggingface_hub").HfApi()
        _asked(lambda: api.create_repo(name, repo_type="model", private=private or None, exist_ok=True), f"{name} cannot be made")
        if private and not _asked(lambda: api.model_info(name), f"{name} cannot be looked at").private:
            raise WeightsError(f"{name} is there already, for everybody to see; make it private on its page first, or leave --private out")
        _asked(lambda: api.upload_folder(repo_id=name, folder_path=folder, commit_message="A model of Affekt"), f"{name} cannot be sent")
    return f"{api.endpoint}/{name}", behind


def target(name: str) -> str:
    """The "owner/model" that a model is pushed to.

    Raises:
        InputError: the name is none, or that of a revision.
    """
    found, revision = named(name if name.startswith(HUB) else HUB + name)
    if revision is not None:
        raise InputError(f"a model is pushed to {found} itself, not to a revision; leave @{revision} out")
    return found


def pull(source: str, out: Path) -> Card:
    """Fetches a model into a folder, and checks that it is whole.

    Args:
        source: "owner/model", "owner/model@revision", either with "hf:" before it; or a folder in the hub's format.

    Raises:
        InputError: the name is none, or `out` is there already.
        MissingExtra: huggingface_hub is not installed.
        WeightsError: the model cannot be fetched, is none of Affekt's, holds pickled files, or is not whole.
    """
    if out.exists():
        raise InputError(f"{out} is there already; choose another folder")
    if not source.startswith(HUB) and Path(source).is_dir():
        return take_hub_folder(Path(source), out)
    name, revision = named(source if source.startswith(HUB) else HUB + source)
    hub = library("huggingface_hub")
    info = _asked(lambda: hub.HfApi().model_info(name, revision=revision), f"{source} cannot be found")
    names = [one.rfilename for one in info.siblings]
    if CARD not in names:
        raise WeightsError(f"{name} has no {CARD}, so it is no model of Affekt's; sounds and pictures are read with --model {HUB}{name}")
    refuse_pickles(names, where=name)
    with TemporaryDirectory() as work:

        def download(*files: str) -> Any:
            return hub.snapshot_download(name, revision=info.sha, allow_patterns=list(files), local_dir=work)

        _asked(lambda: download(CARD, PAGE), f"{source} cannot be fetched")
        wanted = listed(read_card(Path(work)))
        _asked(lambda: download(*wanted), f"{source} cannot be fetched")
        return take_hub_folder(Path(work), out)


def _asked(ask: Callable[[], Any], failing: str) -> Any:
    """What the hub answers.

    Raises:
        WeightsError: nothing, or no.
    """
    try:
        return ask()
    except AffektError:
        raise
    except Exception as error:  # of the library and of what it sends with, whose types differ between versions
        if isinstance(error, OSError) and error.filename:  # the disk's
            raise
        raise WeightsError(f"{failing}: {_why(error)}") from error


def _why(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return WHY.get(status, f"the hub answers with status {status}")
    if isinstance(error, ValueError):  # a name or a page that the hub does not take
        return str(error)
    return f"the hub cannot be reached ({type(error).__name__}); check the network, and HF_ENDPOINT where it is set"
