"""OpenCV, or a word about how to get it. Everything here imports it from this place."""

from __future__ import annotations

from fer_core.errors import FerError

try:
    import cv2
except ImportError as error:
    raise FerError(
        f"OpenCV does not load ({error}). Install the extra that fits, where fer-edge-kit lies: "
        "pip install '.[edge]' (with windows; on Debian also apt install libgl1) or "
        "'.[edge-headless]' (servers, a Pi without a screen)."
    ) from error

__all__ = ["cv2"]
