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

__all__ = ["cv2", "errors_alone"]
_LOG_LEVEL_ERROR = 2


def errors_alone() -> None:
    """Let OpenCV say no warnings, such as one at every attempt to open a camera that is away."""
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # by version
    set_level(_LOG_LEVEL_ERROR)
