"""What a publisher says of a bundle for a fleet: a signed line, retained by the broker."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated

from msgspec import Meta

from fer_core.bundle import MOST_MODEL_BYTES
from fer_core.errors import FerError
from fer_core.typed_json import read_json
from fer_edge.deployment.signing.keys import SigningKey, is_signed

EVERYBODY = ""
"""The device of a bundle that is for all."""
_CONTEXT = b"fer-edge bundle\n"
"""Stands before what is signed, so that no other message of a key passes for an announcement."""
_SIGNATURE_LETTERS = 88
_Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Device = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{0,200}\Z")]


@dataclass(frozen=True, slots=True)
class Announcement:
    """A bundle that devices are to take.

    Attributes:
        bundle: Its name.
        network: SHA-256 of its network.
        sha256: That of the whole file.
        size: Of the file, in bytes.
        device: Which device it is for, EVERYBODY for all.
        number: Grows with each announcement: when it was made, in milliseconds since 1970.
    """

    bundle: Annotated[str, Meta(max_length=300)]
    network: _Sha256
    sha256: _Sha256
    size: Annotated[int, Meta(ge=1, le=MOST_MODEL_BYTES)]
    device: _Device
    number: Annotated[int, Meta(ge=1, le=2**53)]

    @property
    def content_topic(self) -> str:
        """Where the file is."""
        return f"fer-edge/bundle/{self.sha256}"


@dataclass(frozen=True, slots=True)
class Signed:
    """An announcement as it came: nobody has checked its signature yet."""

    announcement: Announcement
    text: bytes
    signature: str

    @classmethod
    def read(cls, payload: bytes) -> Signed:
        """Read a message.

        Raises:
            FerError: It is no announcement.
        """
        signature, _, text = payload.partition(b"\n")
        if len(signature) != _SIGNATURE_LETTERS or not signature.isascii():
            raise FerError("what was published begins with no signature")
        announcement = read_json(text, Announcement, "what was published")
        return cls(announcement, text, signature.decode())

    def is_by(self, public_key: str) -> bool:
        """Return whether it is signed by the other half of a key.

        Raises:
            FerError: `cryptography` is not installed.
            ArgumentError: The key is none.
        """
        return is_signed(_CONTEXT + self.text, self.signature, public_key)


def signed_payload(announcement: Announcement, key: SigningKey) -> bytes:
    """Return the message that announces a bundle."""
    text = json.dumps(asdict(announcement)).encode()
    return key.sign(_CONTEXT + text).encode() + b"\n" + text


def announced_at(device: str) -> str:
    """Return the topic of the bundle for a device, or for EVERYBODY."""
    return f"fer-edge/{device}/bundle" if device else "fer-edge/bundle"
