"""One JPEG of the newest frame, however many look."""

from __future__ import annotations

import threading
from collections.abc import Callable

from fer_core.opencv import cv2
from fer_core.values import UInt8Array

_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]
_NONE = (-1, b"")


class SharedJpeg:
    """Holds the JPEG of the newest frame; whoever comes first encodes it for all."""

    def __init__(self) -> None:
        self._encoding = threading.Lock()
        self._newest: tuple[int, bytes] = _NONE

    def of(self, number: int, draw: Callable[[], UInt8Array]) -> tuple[int, bytes]:
        """Return number and JPEG of a frame, or of a later one that was encoded meanwhile.

        Args:
            number: Which frame it is; they grow.
            draw: Returns its pixels, (h, w, 3) uint8 BGR.
        """
        with self._encoding:
            if self._newest[0] < number:
                encoded = cv2.imencode(".jpg", draw(), _QUALITY)[1]
                self._newest = (number, encoded.tobytes())
            return self._newest

    def forget(self) -> None:
        """Drop it, since nobody looks."""
        self._newest = _NONE
