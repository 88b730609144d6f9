"""Where frames come from: pictures, video files and cameras."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from fer_core.values import Frame, Gap


class FrameSource(Protocol):
    """Gives frames until it ends or is told to stop."""

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        """Yield frames, and a gap a second while none comes.

        Args:
            stop: The source returns soon after it is set.

        Raises:
            FerError: The source fails, or has pictures that cannot be read.
        """

    def close(self) -> None:
        """Give back the device or file; harmless when called twice."""
