"""The signature of a bundle: the comment of its zip archive, over every byte before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import write_bytes
from fer_edge.deployment.signing.keys import (
    SigningKey,
    canonical_key,
    canonical_signature,
    is_signed,
)

_CONTEXT = b"fer-edge bundle file\n"
"""Stands before what is signed, so that nothing else that a key signs passes for a bundle."""
_MARK = b"fer-edge-signature\n"
_KEY_LETTERS, _SIGNATURE_LETTERS = 44, 88
_LENGTH = len(_MARK) + _KEY_LETTERS + 1 + _SIGNATURE_LETTERS + 1
_END_OF_ZIP, _END_BYTES = b"PK\5\6", 22
_SIGNED_LENGTH, _UNSIGNED_LENGTH = _LENGTH.to_bytes(2, "little"), b"\0\0"
"""The last two bytes of a zip archive without its comment: how long that is."""


class UnsignedError(FerError):
    """A bundle carries no signature."""


@dataclass(frozen=True, slots=True)
class FileSignature:
    """What a bundle carries at its end. Nobody has checked it yet.

    Attributes:
        key: The public half of the key that is said to have signed, 44 characters; "" if the
            signature is damaged.
        signature: In base64.
        signed: The bytes that it is of.
    """

    key: str
    signature: str
    signed: bytes

    @classmethod
    def read(cls, content: bytes) -> FileSignature | None:
        """Return the signature that a bundle carries, None without one."""
        comment = content[-_LENGTH:]
        if not comment.startswith(_MARK):
            return None
        key, _, signature = comment[len(_MARK) : -1].decode("ascii", "replace").partition("\n")
        is_whole = _comment(canonical_key(key), canonical_signature(signature)) == comment
        return cls(key if is_whole else "", signature, content[:-_LENGTH])


def signer_of(content: bytes, what: str) -> str:
    """Return the public half of the key that has signed a bundle, once that is proved.

    Args:
        content: The file.
        what: What messages call it.

    Raises:
        UnsignedError: It carries no signature.
        FerError: It was changed after it was signed, or `cryptography` is not installed.
    """
    carried = FileSignature.read(content)
    if carried is None:
        raise UnsignedError(f"{what} is not signed")
    if not carried.key or not is_signed(_CONTEXT + carried.signed, carried.signature, carried.key):
        raise FerError(
            f"{what} was changed after it was signed, or damaged: copy it again",
            see="signature-broken",
        )
    return carried.key


def signed(content: bytes, key: SigningKey, what: str) -> bytes:
    """Return a bundle with the signature of a key, in place of one that it may have.

    Args:
        content: The file.
        key: What signs.
        what: What messages call it.

    Raises:
        FerError: It is no bundle, or its archive has another comment.
    """
    bare = unsigned(content)
    if bare[-_END_BYTES:][:4] != _END_OF_ZIP or not bare.endswith(_UNSIGNED_LENGTH):
        raise FerError(
            f"{what} cannot be signed: it is no bundle, or its zip archive has a comment already"
        )
    to_sign = bare[:-2] + _SIGNED_LENGTH
    signature = key.sign(_CONTEXT + to_sign)
    return to_sign + _comment(key.public, signature)


def _comment(key: str, signature: str) -> bytes:
    return _MARK + f"{key}\n{signature}\n".encode()


def unsigned(content: bytes) -> bytes:
    """Return a bundle without its signature, as it was before."""
    carried = FileSignature.read(content)
    if carried is None or not carried.signed.endswith(_SIGNED_LENGTH):
        return content
    return carried.signed[:-2] + _UNSIGNED_LENGTH


def read_file(file: Path) -> bytes:
    """Return what a bundle's file holds.

    Raises:
        FerError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise FerError(f"cannot read {file}: {error.strerror}") from error


def sign_file(file: Path, key: SigningKey) -> None:
    """Sign the bundle in a file.

    Raises:
        FerError: It holds no bundle, or cannot be read or written.
    """
    content = read_file(file)
    write_bytes(file, signed(content, key, str(file)))
