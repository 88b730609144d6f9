"""The key of one's own that signs what this computer converts: made at first use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes
from fer_core.locks import alone_in
from fer_core.places import secrets_folder
from fer_edge.deployment.signing.file_signature import signed
from fer_edge.deployment.signing.keys import NoCryptographyError, SigningKey, require_cryptography

KEY_FILE = "models-key.pem"
_LOCK, _LOCK_SECONDS = ".fer-key", 5.0
_TOLD_FILE = "unsigned-told"
HOW_TO_TRUST = "fer-edge models key prints what a device needs to trust it"


def own_key_file() -> Path:
    """Return where the key is, or will be.

    Raises:
        FerError: The user has no home.
    """
    return secrets_folder() / KEY_FILE


def own_key() -> tuple[SigningKey, bool]:
    """Return this user's key, and whether it is new.

    Raises:
        FerError: `cryptography` is not installed, other users may read the key, or the disk
            refuses.
    """
    require_cryptography()
    file = own_key_file()
    if _is_there(file):
        return SigningKey.load(file), False
    folder = make_folder(file.parent)
    with alone_in(folder, "fer-edge", "wait for it, then try again", _LOCK, _LOCK_SECONDS):
        if _is_there(file):  # another process was faster
            return SigningKey.load(file), False
        beside = folder / f".{KEY_FILE}-{os.getpid()}"
        try:
            key = SigningKey.make(beside)
            beside.replace(file)
        except OSError as error:
            raise FerError(f"cannot write the key {file}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                beside.unlink()
        return key, True


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a folder that this user may not look into
        return False


def save_signed(bundle: ModelBundle, path: Path) -> str:
    """Write a bundle signed with this user's key, or without a signature if that cannot be.

    Args:
        bundle: The bundle.
        path: The file.

    Returns:
        A line to print: of a new key, or why it is not signed; "" for nothing new.

    Raises:
        FerError: The file cannot be written.
    """
    content = bundle.to_bytes()
    try:
        key, is_new = own_key()
        content = signed(content, key, str(path))
        told = f"signed with a new key of yours, {own_key_file()}: {HOW_TO_TRUST}" if is_new else ""
    except FerError as error:
        told = f"{path} is not signed: {error}"
        if isinstance(error, NoCryptographyError):
            told = _told_once(f"{told}; only devices that demand signatures need it")
    write_bytes(path, content)
    return told


def _told_once(line: str) -> str:
    """Return a line the first time on this computer, "" afterwards."""
    try:
        mark = secrets_folder() / _TOLD_FILE
        if mark.exists():
            return ""
        make_folder(mark.parent)
        mark.touch()
    except (FerError, OSError):
        return ""  # nowhere to remember it
    return line
