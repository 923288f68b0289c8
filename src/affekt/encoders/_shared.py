"""A model folder that comes from somebody else, or goes to somebody else: what may be in it, and whether it is whole."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from affekt.encoders._card import CARD
from affekt.errors import WeightsError
from affekt.parts import Card

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")  # opening such a file may run code that is in it
FACTS = (".json", ".npz", ".onnx", ".safetensors")  # numbers and words alone
WEIGHTS = (".npz", ".onnx", ".safetensors")
ASKS = ("text_llm", "llm")  # family, and key of the facts, of a model that sends the texts it reads to an endpoint that its card names
NAME = re.compile(r"\w[\w.-]*")  # of a file in the folder itself


def refuse_pickles(names: Iterable[str], *, where: str) -> None:
    """Nothing, if none of the files is one that may run code when it is opened.

    Raises:
        WeightsError: some are; it lists them.
    """
    found = sorted(name for name in names if PurePosixPath(name).suffix.lower() in PICKLED)
    if found:
        allowed = ", ".join(FACTS)
        raise WeightsError(f"{where} holds pickled files, which may run code: {', '.join(found)}; a model is shared as {allowed}")


def refuse_endpoints(card: Card) -> None:
    """Nothing, if the model works by itself: a stranger's card must not say where texts and keys are sent to.

    Raises:
        WeightsError: it asks a language model elsewhere.
    """
    family, fact = ASKS
    if card.facts.get("family") == family or fact in card.facts:
        says = f"{card.name} asks a language model at an endpoint, which would get whatever is read"
        raise WeightsError(f"{says}; such a card is not shared, make one of your own with affekt.training.text_llm.make")


def listed(card: Card) -> Mapping[str, str]:
    """The files that belong to a card, but for itself, each with its SHA-256.

    Raises:
        WeightsError: it names none, or something that is no file of its own folder.
    """
    found = card.facts.get("sha256")
    if not isinstance(found, dict) or not any(str(name).endswith(WEIGHTS) for name in found):
        raise WeightsError(f'the card of {card.name} names no weights in "sha256"; that is no model')
    for name, digest in found.items():
        plain = NAME.fullmatch(name) and name.endswith(FACTS) and name != CARD
        if not plain or not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
            raise WeightsError(f'the card of {card.name} lists {name!r} in "sha256"; it lists files beside it, each with its checksum')
    return found


def check_files(folder: Path, card: Card) -> None:
    """Nothing, if every file that the card lists is there, as it was when the card was written.

    Raises:
        WeightsError: one is absent, or another than the card says.
    """
    for name, digest in listed(card).items():
        if not (folder / name).is_file():
            raise WeightsError(f"{name} is absent from {folder}, and the card of {card.name} lists it; fetch the folder again")
        if (found := sha256_of(folder / name)) != digest:
            says = f"{name} in {folder} has the SHA-256 {found[:12]}…, and the card of {card.name} says {digest[:12]}…"
            raise WeightsError(f"{says}; it was changed or broken on its way: fetch the folder again")


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, in hex.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
