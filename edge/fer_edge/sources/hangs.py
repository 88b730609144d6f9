"""A driver that never answers: when its thread is given up, and when that does not help."""

from __future__ import annotations

import logging
import threading
from collections import deque

from fer_core.errors import FerError

log = logging.getLogger(__name__)

STUCK_SECONDS = 30.0
"""How long a read or an opening may take before its thread is given up and another one tries."""
STUCK_OPENING_SECONDS = 120.0
"""The same for the opening of a network camera: nameservers that are silent take 20 to 40 s."""
MOST_RESTARTS, RESTART_SECONDS = 3, 600.0
"""How many threads may be given up within so many seconds; one more ends the source."""
RECOVERY_SECONDS = 120.0
"""How long the thread after one that still hangs, and may hold the device, has for a picture."""


class Hangs:
    """Counts the threads of one camera that were given up."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._at: deque[float] = deque(maxlen=MOST_RESTARTS)
        self._given_up: threading.Thread | None = None

    def gives_up(
        self,
        thread: threading.Thread,
        now: float,
        alive_at: float,
        picture_at: float,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> bool:
        """Return whether a capture thread is given up now, so that another one may try.

        Args:
            thread: The one that captures.
            now: In seconds of the camera's clock, as the other two.
            alive_at: When it last asked a driver for something, or got it.
            picture_at: When the last picture came.
            stuck_seconds: How long what it does now may take.

        Raises:
            FerError: The driver hangs and a new thread does not help.
        """
        held = self._given_up is not None and self._given_up.is_alive()
        if held and now - max(picture_at, self._at[-1]) > RECOVERY_SECONDS:
            raise FerError(
                f"{self._name} hangs and holds its device; only a new start frees it",
                see="camera-hangs",
            )
        if now - alive_at < stuck_seconds:
            return False
        if len(self._at) == MOST_RESTARTS and now - self._at[0] < RESTART_SECONDS:
            raise FerError(
                f"{self._name} hangs again and again; its driver does not answer",
                see="camera-hangs",
            )
        if held:
            raise FerError(
                f"{self._name} hangs once more, and has not yet let go", see="camera-hangs"
            )
        log.warning("%s has hung for %.0f s; retrying", self._name, now - alive_at)
        self._given_up = thread
        self._at.append(now)
        return True
