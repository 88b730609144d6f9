"""The frames of several cameras as one source."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from fer_core.errors import FerError
from fer_core.values import Frame, Gap
from fer_edge.sources.live import CLOSE_SECONDS, CameraSource
from fer_edge.sources.shared import Shared

log = logging.getLogger(__name__)


class SeveralCameras:
    """Yields the newest frame of each camera in turn.

    Each turn takes one frame of every camera that has one. A computer that is too slow for all of
    them looks at each equally often.

    Attributes:
        cameras: The cameras by name.
    """

    def __init__(self, openers: Mapping[str, Callable[[Shared], CameraSource]]) -> None:
        """Open the cameras. Their frames share one clock.

        Args:
            openers: What opens each camera, by its name.

        Raises:
            FerError: One does not open, and is not to be waited for.
        """
        self._arrived = threading.Condition()
        self._failed = set[str]()
        self.cameras: dict[str, CameraSource] = {}
        began_at: float | None = None
        try:
            for name, opened in openers.items():
                camera = self.cameras[name] = opened(Shared(name, began_at, self._arrived))
                began_at = camera.began_at
        except BaseException:
            self.close()
            raise

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        """Yield frames, and a gap a second for each camera that gives none, until told to stop.

        A camera that fails for good is told once, gives gaps alone and is stopped, also if its
        driver answers later; the others go on.

        Raises:
            FerError: Every camera has failed.
        """
        while not stop.is_set():
            with self._arrived:
                self._arrived.wait_for(self._has_frame, timeout=0.1)
            for name in self.cameras:
                taken = None if stop.is_set() else self._taken(name)
                if taken is not None:
                    yield taken

    def _has_frame(self) -> bool:
        """Return whether one has a frame; those of a failed one are not taken, so do not count."""
        return any(
            camera.has_frame for name, camera in self.cameras.items() if name not in self._failed
        )

    def _taken(self, name: str) -> Frame | Gap | None:
        """Return what one camera gives now; raise FerError when it is the last that fails."""
        camera = self.cameras[name]
        if name in self._failed:
            return camera.gap_if_due()
        try:
            return camera.take()
        except FerError as error:
            self._failed.add(name)
            camera.stop()
            if len(self._failed) == len(self.cameras):
                raise
            told = "camera %s has failed, the others continue: %s"
            log.warning(told, name, error, extra={"see": error.see})
            return None

    def close(self) -> None:
        """Close every camera; all of them have the time of one."""
        for camera in self.cameras.values():
            camera.stop()
        ends = time.monotonic() + CLOSE_SECONDS
        for camera in self.cameras.values():
            camera.close(max(0.1, ends - time.monotonic()))
