"""Keys that sign models: Ed25519 (RFC 8032), so that a device can only check."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import ArgumentError, FerError
from fer_core.text import typed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES, SIGNATURE_BYTES = 32, 64
_MAKE_ONE = "fer-edge models key FILE makes one in a file that is not there yet"


class NoCryptographyError(FerError):
    """`cryptography` is not installed."""


def check_public_key(text: str) -> bytes:
    """Return the bytes of the setting `fleet_key`.

    Raises:
        ArgumentError: It is no key.
    """
    key = _decoded(text)
    if len(key) != KEY_BYTES:
        raise ArgumentError(
            "fleet_key must be the 44 characters that fer-edge fleet key FILE prints: copy them "
            "again"
        )
    return key


def canonical_key(text: str) -> str:
    """Return the public half of a key in the one form of its 44 characters, "" for what is none."""
    return _canonical(text, KEY_BYTES)


def canonical_signature(text: str) -> str:
    """Return a signature in the one form of its 88 characters, "" for what is none."""
    return _canonical(text, SIGNATURE_BYTES)


def _canonical(text: str, length: int) -> str:
    """Return bytes in base64, which can write the same bytes in several ways, in one of them."""
    content = _decoded(text)
    return base64.b64encode(content).decode() if len(content) == length else ""


def require_cryptography() -> None:
    """Make sure that signatures can be checked here.

    Raises:
        FerError: `cryptography` is not installed.
    """
    try:
        import cryptography.exceptions  # noqa: F401
    except ImportError as error:
        raise _no_cryptography() from error


def is_signed(content: bytes, signature: str, public_key: str) -> bool:
    """Return whether a signature in base64 is that of the content.

    Raises:
        FerError: `cryptography` is not installed.
        ArgumentError: The key is none.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise _no_cryptography() from error
    key = Ed25519PublicKey.from_public_bytes(check_public_key(public_key))
    try:
        key.verify(_decoded(signature), content)
    except InvalidSignature:
        return False
    return True


class SigningKey:
    """The secret half of a key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def load(cls, file: Path) -> SigningKey:
        """Return the key in a file.

        Raises:
            FerError: There is none, other users may read it, or `cryptography` is not installed.
        """
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
            from cryptography.hazmat.primitives.serialization import load_pem_private_key
        except ImportError as error:
            raise _no_cryptography() from error
        try:
            key = load_pem_private_key(file.read_bytes(), None)
            is_open = os.name == "posix" and file.stat().st_mode & 0o077
        except FileNotFoundError as error:
            raise FerError(
                f"there is no key {file}: fer-edge models key {typed(file)} makes one"
            ) from error
        except OSError as error:
            raise FerError(f"cannot read the key {file}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise FerError(f"{file} holds no key: {_MAKE_ONE}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise FerError(f"{file} holds a key of another kind: {_MAKE_ONE}")
        if is_open:
            raise FerError(f"other users may read the key in {file}: chmod 600 {typed(file)}")
        return cls(key)

    @classmethod
    def make(cls, file: Path) -> SigningKey:
        """Make a key and write it into a new file, which its owner alone may read.

        Raises:
            FerError: The file cannot be written, or `cryptography` is not installed.
        """
        try:
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        except ImportError as error:
            raise _no_cryptography() from error
        key = Ed25519PrivateKey.generate()
        kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        content = key.private_bytes(*kinds, serialization.NoEncryption())
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as opened:
                    opened.write(content)
                    opened.flush()
                    os.fsync(handle)  # a power cut could leave an empty key
            except OSError:
                file.unlink()  # half a key would be in the way of a whole one
                raise
        except OSError as error:
            raise FerError(f"cannot write the key {file}: {error.strerror}") from error
        return cls(key)

    @property
    def public(self) -> str:
        """The other half, 44 characters, as the setting `fleet_key` has it."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes) -> str:
        """Return a signature in base64."""
        return base64.b64encode(self._key.sign(content)).decode()


def _decoded(text: str) -> bytes:
    """Return what base64 stands for, nothing for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _no_cryptography() -> NoCryptographyError:
    return NoCryptographyError(
        "signed bundles need cryptography: pip install '.[fleet]' in the folder of fer-edge-kit",
        see="cryptography-missing",
    )
