"""How long to wait for a camera's next picture: as its own pace wants it."""

from __future__ import annotations

from fer_edge.sources.hangs import STUCK_SECONDS

LEAST_SECONDS, GROWN_SECONDS, MOST_SECONDS = 4.0, 12.0, 24.0
"""To begin with; after waits in vain; at a slow camera's pace. All lie below the time after which a
read counts as hung (STUCK_SECONDS)."""
PICTURES = 3.0
"""How many pictures of a steady camera may fail to come."""


class Patience:
    """Grows with each wait that was in vain, and follows the pace once pictures come.

    A camera of one picture in five seconds would else be away and back for ever. A network camera
    that is open keeps the patience that it was opened with.

    Attributes:
        seconds: How long to wait now.
        opening_seconds: How long an opening may take before it counts as hung.
    """

    def __init__(self, opening_seconds: float = STUCK_SECONDS) -> None:
        self.opening_seconds = opening_seconds
        self.seconds = LEAST_SECONDS
        self._last: float | None = None
        self._pause = 0.0

    @property
    def is_slow(self) -> bool:
        """Whether the camera's pictures are rare, by their pace; waits in vain tell nothing."""
        return PICTURES * self._pause > LEAST_SECONDS

    def missed(self, waited: float) -> None:
        """Note that no picture came in so many seconds; an error at once is no wait."""
        if waited >= 0.8 * self.seconds:
            self.seconds = max(self.seconds, min(2 * self.seconds, GROWN_SECONDS))

    def came(self, now: float) -> None:
        """Note a picture at `now`, in seconds of any clock."""
        if self._last is not None and now - self._last <= MOST_SECONDS:
            self._pause = max(now - self._last, 0.9 * self._pause)
            self.seconds = min(max(PICTURES * self._pause, LEAST_SECONDS), MOST_SECONDS)
        self._last = now
