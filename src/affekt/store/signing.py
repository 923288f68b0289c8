"""The signing key of a store: it signs receipts, and makes ids that say nobody's name.

Ed25519 as of RFC 8032. The key lies in the store's folder, for its owner alone; servers that share a database need the same file.
"""

import hmac
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from affekt.errors import InputError, StoreError
from affekt.store.database import Store
from affekt.store.tables import new_id

FILE = "signing.key"
_PURPOSE = b"affekt: ids of people in the audit log"  # what the secret of `pseudonym` is derived for


def canonical(given: Mapping[str, Any]) -> bytes:
    """The one way in which an object is written before it is hashed or signed: JSON, names in order, no blanks, UTF-8.

    Raises:
        ValueError: a number in it is not finite.
    """
    return json.dumps(given, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def pseudonym(store: Store, subject: str) -> str:
    """What stands for a person where their id may not: HMAC-SHA-256 of the id, by a secret that only this store has."""
    secret = hmac.digest(_key(store.folder).private_bytes_raw(), _PURPOSE, "sha256")
    return hmac.digest(secret, subject.encode("utf-8", "surrogatepass"), "sha256").hex()


def sign(store: Store, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, with its signature as `signature`, in Base64."""
    return {**given, "signature": b64encode(_key(store.folder).sign(canonical(given))).decode()}


def public_key(store: Store) -> str:
    """The key by which signatures are verified, as PEM."""
    public = _key(store.folder).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def is_signed(given: Mapping[str, Any], *, key: str) -> bool:
    """Whether the signature is that of what was given.

    Args:
        key: as `public_key` gives it.

    Raises:
        InputError: the key is none.
    """
    try:
        public = serialization.load_pem_public_key(key.encode())
    except ValueError as error:
        raise InputError("this is no public key as PEM; GET /v1/receipts/key gives it") from error
    if not isinstance(public, Ed25519PublicKey):
        raise InputError("this is a public key of another kind than Ed25519; GET /v1/receipts/key gives the right one")
    try:
        public.verify(b64decode(str(given.get("signature"))), canonical({name: one for name, one in given.items() if name != "signature"}))
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=16)
def _key(folder: Path) -> Ed25519PrivateKey:
    """The key in a folder, made where there is none.

    Raises:
        StoreError: it cannot be read or written, or is none.
    """
    path = folder / FILE
    try:
        if not path.exists():
            _make(path)
        made = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise StoreError(f"the signing key {path} cannot be used: {error.strerror}; may this user read and write there?") from error
    except (ValueError, TypeError) as error:
        raise StoreError(f"the file {path} is no signing key; put back the one that was there, or move it away for a new one") from error
    if not isinstance(made, Ed25519PrivateKey):
        raise StoreError(f"the file {path} is a key of another kind than Ed25519; put back the one that was there")
    return made


def _make(path: Path) -> None:
    """A new key; where two servers start at the same time, that of the first."""
    part = path.with_name(new_id(".key"))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 (its mode is set as it is made)
        out.write(Ed25519PrivateKey.generate().private_bytes(*form))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
