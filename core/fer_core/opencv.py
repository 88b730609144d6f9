"""OpenCV, or a word about how to get it. Everything here imports it from this place."""

from __future__ import annotations

import os
from pathlib import Path

from fer_core.errors import FerError
from fer_core.native import native_output_is_shown

try:
    import cv2
except ImportError as error:
    raise FerError(
        f"OpenCV does not load ({error}). Install the extra that fits, where fer-edge-kit lies: "
        "pip install '.[edge]' (with windows; on Debian also apt install libgl1) or "
        "'.[edge-headless]' (servers, a Pi without a screen)."
    ) from error

__all__ = ["cv2", "name_for_opencv", "silence_opencv"]
_SILENT = 0
_FFMPEG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"


def name_for_opencv(path: Path) -> str:
    """Return a path as OpenCV takes it; raise FerError for a name that would crash it."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise FerError(
            f"{path}: OpenCV opens no video whose name is not UTF-8; rename it"
        ) from error
    return str(path)


def silence_opencv() -> None:
    """Let OpenCV and its FFmpeg say nothing, as at every attempt to open a camera that is away.

    What matters of it is said by this program, once. `--verbose` leaves them their words.
    """
    if native_output_is_shown():
        return
    os.environ.setdefault(_FFMPEG_LEVEL, "-8")  # AV_LOG_QUIET
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # by version
    set_level(_SILENT)
