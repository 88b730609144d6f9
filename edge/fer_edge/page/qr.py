"""An address as a QR code, for the terminal and for a page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fer_core.errors import FerError

if TYPE_CHECKING:
    from segno import QRCode


def qr_text(address: str) -> str:
    """Return a QR code in half blocks, light on dark.

    Raises:
        FerError: `segno` is not installed.
    """
    text = io.StringIO()
    _code(address).terminal(out=text, compact=True)
    return text.getvalue()


def qr_svg(address: str) -> bytes:
    """Return a QR code as a file of its own for <img>, black on white.

    Raises:
        FerError: `segno` is not installed.
    """
    svg = io.BytesIO()
    _code(address).save(svg, kind="svg", scale=8, border=2, light="white")
    return svg.getvalue()


def _code(address: str) -> QRCode:
    try:
        import segno
    except ImportError as error:
        raise FerError(
            "a QR code needs segno: pip install '.[studio]' in the folder of fer-edge-kit"
        ) from error
    return segno.make_qr(address)
