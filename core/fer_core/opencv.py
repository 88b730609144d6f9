"""OpenCV, or a word about how to get it. Everything here imports it from this place."""

from __future__ import annotations

import os

MOST_PIXELS = 40_000_000
"""The largest picture that is decoded at its own size; larger JPEGs are decoded smaller."""
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_PIXELS))  # read when OpenCV loads

from fer_core.errors import FerError  # noqa: E402
from fer_core.native import native_output_is_shown  # noqa: E402

try:
    import cv2
except ImportError as error:
    raise FerError(
        f"OpenCV does not load ({error}). Install the extra that fits, in the folder of "
        "fer-edge-kit: pip install '.[edge]' (with windows; on Debian also apt install libgl1) or "
        "'.[edge-headless]' (servers, a Pi without a screen).",
        see="opencv-missing",
    ) from error

__all__ = ["MOST_PIXELS", "cv2", "silence_opencv"]
_SILENT = 0
_FFMPEG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"


def silence_opencv() -> None:
    """Let OpenCV and its FFmpeg say nothing, as at every attempt to open a camera that is away.

    What matters of it is said by this program, once. `--verbose` leaves them their words.
    """
    if native_output_is_shown():
        return
    os.environ.setdefault(_FFMPEG_LEVEL, "-8")  # AV_LOG_QUIET
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # by version
    set_level(_SILENT)
