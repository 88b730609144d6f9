"""The computer's own camera, whose newest frame any number of requests may take."""

from __future__ import annotations

import threading
from collections.abc import Callable

from fer_core.errors import FerError
from fer_core.values import Frame, Gap
from fer_edge.page.pictures import SharedJpeg
from fer_edge.sources import FrameSource
from fer_train.studio.told import ToldError

FRESH_SECONDS = 1.0
"""How long a request waits for a frame that it has not had."""


class SharedCamera:
    """Keeps the newest frame of a source while the block runs."""

    def __init__(self, open_source: Callable[[], FrameSource]) -> None:
        """Take what opens the camera; the block opens it."""
        self._open = open_source
        self._arrived, self._jpeg = threading.Condition(), SharedJpeg()
        self._stop = threading.Event()
        self._newest: Frame | None = None
        self._fault = ""

    def __enter__(self) -> SharedCamera:
        source = self._open()
        self._thread = threading.Thread(
            target=self._keep_newest, args=(source,), name="camera", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        with self._arrived:
            self._arrived.notify_all()
        self._thread.join()

    def _keep_newest(self, source: FrameSource) -> None:
        try:
            for came in source.frames(self._stop):
                with self._arrived:
                    self._newest = None if isinstance(came, Gap) else came
                    self._arrived.notify_all()
        except FerError as error:
            self._fault = str(error)
        finally:
            source.close()

    def next_frame(self, after: int = -1) -> Frame | None:
        """Return a frame later than number `after`; None where none comes in FRESH_SECONDS.

        Raises:
            ToldError: The camera has failed.
        """
        with self._arrived:
            self._arrived.wait_for(
                lambda: self._stop.is_set() or (self._newest and self._newest.index > after),
                FRESH_SECONDS,
            )
            frame = self._newest
        if self._fault:
            raise ToldError(self._fault, code="camera_failed", said=self._fault)
        return frame if frame and frame.index > after and not self._stop.is_set() else None

    def next_jpeg(self, after: int) -> tuple[int, bytes] | None:
        """Return number and JPEG of a frame later than `after`; None where none comes in time.

        Raises:
            FerError: The camera has failed.
        """
        frame = self.next_frame(after)
        if frame is None:
            return None
        return self._jpeg.of(frame.index, lambda: frame.pixels)
