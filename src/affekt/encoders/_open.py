"""Opens a model by its name, or in a folder: ours, one that training wrote, or one in the format of the Hugging Face hub."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from affekt import catalog
from affekt.encoders import face_transformers, speech_transformers
from affekt.encoders._card import CARD, read_card
from affekt.encoders._hub import HUB, HUB_CARD, fetch, find, is_ours
from affekt.encoders._shared import check_files, refuse_endpoints
from affekt.parts import OpenEncoder


def exists(name: str) -> bool:
    """Whether there is a model of that name, or a folder; a name on the hub is taken at its word."""
    return name.startswith(HUB) or name in catalog.names("encoders") or Path(name).is_dir()


def open_encoder(name: str, threads: int = 0) -> OpenEncoder:
    """The model of that name, or the one in a folder of that name (its card says of which family it is, or the hub's config.json).

    A model is opened once and shared; a folder whose card has been written anew is opened anew.

    Raises:
        UnknownName: neither a model nor a folder.
        InputError: a model in the hub's format that tells no emotions from sound or pictures.
        MissingExtra: a library that the model needs is not installed.
        WeightsError: the folder holds no card, or its files are broken; a model cannot be fetched.
    """
    folder = Path(name).resolve()
    if name in catalog.names("encoders"):
        return _opened(name, None, threads, 0)
    if name.startswith(HUB):
        return _opened_from_hub(name, threads, 0)
    if not (folder / CARD).is_file() and (folder / HUB_CARD).is_file():
        return _opened_from_hub(str(folder), threads, (folder / HUB_CARD).stat().st_mtime_ns)
    if folder.is_dir():
        family = str(read_card(folder).facts.get("family", "text_affekt"))
        return _opened(family, folder, threads, (folder / CARD).stat().st_mtime_ns)
    return _opened(name, None, threads, 0)


@lru_cache(maxsize=4)
def _opened(family: str, folder: Path | None, threads: int, written: int) -> OpenEncoder:  # noqa: ARG001 (`written` is part of the key)
    return catalog.find("encoders", family).load(folder, threads)


@lru_cache(maxsize=2)
def _opened_from_hub(name: str, threads: int, written: int) -> OpenEncoder:  # noqa: ARG001
    folder = fetch(name) if name.startswith(HUB) else Path(name)
    if is_ours(folder):
        card = read_card(folder)
        refuse_endpoints(card)
        check_files(folder, card)
        return catalog.find("encoders", str(card.facts.get("family", "text_affekt"))).load(folder, threads)
    found = find(name, folder=folder)
    opens: dict[str, Callable[..., OpenEncoder]] = {"speech": speech_transformers.open_found, "face": face_transformers.open_found}
    return opens[found.modality](found, threads=threads)
