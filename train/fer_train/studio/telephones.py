"""How other devices find the page, and how people there know that it is this computer."""

from __future__ import annotations

from typing import Any

from fer_edge.page.door import Door
from fer_edge.page.qr import qr_svg, qr_text


def address_json(door: Door) -> dict[str, Any]:
    """Return where other devices find the page, as JSON values; nothing where they cannot."""
    address, certificate = door.access.address, door.certificate
    if certificate is None or address.is_loopback:
        return {"addresses": [], "fingerprint": ""}
    return {"addresses": list(address.urls), "fingerprint": certificate.fingerprint}


def address_svg(door: Door) -> bytes:
    """Return the QR code of the address that every telephone understands, the one in numbers.

    Raises:
        FerError: `segno` is not installed.
    """
    return qr_svg(door.access.address.urls[-1])


def telephone_words(door: Door) -> str:
    """Return what the terminal shows of an encrypted page: QR code and fingerprint.

    Raises:
        FerError: `segno` is not installed.
    """
    address, certificate = door.access.address, door.certificate
    if certificate is None:
        return ""
    if address.is_loopback:
        return "only this computer reaches the page: --host 0.0.0.0 lets phones in"
    return (
        f"{qr_text(address.urls[-1])}\n"
        "A phone warns of the certificate, since this computer made it: compare SHA-256\n"
        f"{certificate.fingerprint}"
    )
