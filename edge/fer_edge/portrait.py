"""The portrait that is shipped: of Eileen Collins, NASA, Great Images in NASA, public domain."""

from __future__ import annotations

from importlib.resources import files

from fer_core.errors import FerError
from fer_core.pictures import decode_picture
from fer_core.values import Box, UInt8Array

PORTRAIT_FACE = Box(178, 67, 92, 92)
"""Where its face is."""


def demo_portrait() -> UInt8Array:
    """Return the portrait, (512, 512, 3) uint8 BGR.

    Raises:
        FerError: It is damaged.
    """
    encoded = files("fer_edge").joinpath("assets/astronaut.jpg").read_bytes()
    portrait = decode_picture(encoded, colour=True)
    if portrait is None:
        raise FerError("the demo's portrait is damaged; install the package again")
    return portrait
