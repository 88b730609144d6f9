"""What Ctrl-C and SIGTERM do to a run."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from fer_core.entry import INTERRUPTED


class Signals:
    """Ends a run at Ctrl-C or SIGTERM.

    In the loop the signal sets the event `stop`; what is open is completed within the block. A
    second signal ends the process at once: a write into a pipe that nobody reads may last for
    ever. Recordings then play up to their last piece.

    Raises:
        KeyboardInterrupt: The signal came while things were being opened.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop, self.in_loop, self.came = stop, False, False
        self._before: dict[signal.Signals, Any] = {}

    def _take(self, number: int, frame: object) -> None:
        if self.came:
            os._exit(INTERRUPTED)
        self.came = True
        self._stop.set()
        if not self.in_loop:
            raise KeyboardInterrupt

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            kinds = (signal.SIGINT, signal.SIGTERM)
            self._before = {kind: signal.signal(kind, self._take) for kind in kinds}
        return self

    def __exit__(self, *raised: object) -> None:
        for kind, handler in self._before.items():
            signal.signal(kind, handler)
