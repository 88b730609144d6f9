"""One thread that writes a history, so that no disk and no server holds up the camera."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from fer_core.errors import FerError
from fer_edge.history.rows import Batch, Bucket, EventRow
from fer_edge.history.store import Store

WRITE_SECONDS = 30.0
"""How often is written; a power cut costs what came since."""
MOST_WAITING = 20_000
"""How many rows may wait while nothing can be written: three people fill them in about a day."""
CLOSING_SECONDS = 8.0
THIN_SECONDS, STEADY_SECONDS = 600.0, 60.0
"""How often old rows are deleted, and by how much the clock may have been set since the last time;
after more it may be wrong, and nothing is deleted until the next time."""
log = logging.getLogger(__name__)


class HistoryWriter:
    """Takes rows at once, and writes them in batches from a thread of its own.

    Attributes:
        dropped: How many rows are lost, as too many waited.
    """

    def __init__(
        self,
        store: Store,
        days: int,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Take where to write and how long to keep it; nothing is opened before entering.

        Args:
            store: Used by the thread alone.
            days: How long minutes and events are kept.
            clock: Gives seconds, and never goes back.
            wall_clock: Gives seconds since 1970.
        """
        self._store, self._kept_seconds = store, days * 86400
        self._clock, self._wall_clock = clock, wall_clock
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._waiting, self._being_written, self._ill = Batch(), 0, False
        self._looked = (clock(), wall_clock())
        self.dropped = self._dropped_lately = 0
        self._thread = threading.Thread(target=self._work, name="history", daemon=True)

    def __enter__(self) -> HistoryWriter:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Write what waits; take CLOSING_SECONDS at most."""
        self._closing.set()
        self._thread.join(CLOSING_SECONDS)
        with self._lock:
            left = len(self._waiting) + self._being_written
        if left:
            log.warning("%d rows of the history could not be written", left)

    def add(self, seconds: Mapping[Bucket, float], events: Sequence[EventRow]) -> None:
        """Take rows; this never waits for a disk."""
        with self._lock:
            self._take(seconds, events)

    def _take(self, seconds: Mapping[Bucket, float], events: Sequence[EventRow]) -> None:
        waiting = self._waiting
        for bucket, more in seconds.items():
            if bucket in waiting.seconds:
                waiting.seconds[bucket] += more
            elif self._has_room():
                waiting.seconds[bucket] = more
        for event in events:
            if self._has_room():
                waiting.events.append(event)

    def _has_room(self) -> bool:
        room = len(self._waiting) < MOST_WAITING
        self.dropped += not room
        self._dropped_lately += not room
        return room

    def _work(self) -> None:
        while not self._closing.wait(WRITE_SECONDS):
            self.write()
        self.write()
        self._store.close()

    def write(self) -> None:
        """Write what waits, and delete what is old; say once that it cannot be done."""
        with self._lock:
            batch, self._waiting = self._waiting, Batch()
            self._being_written = len(batch)
        try:
            if len(batch):
                self._store.write(batch)
        except FerError as error:
            with self._lock:
                newer, self._waiting = self._waiting, batch
                self._take(newer.seconds, newer.events)
                self._being_written = 0
            self._tell_of_fault(error)
            return
        self._being_written = 0
        try:
            self._thin()
        except FerError as error:
            self._tell_of_fault(error)
        else:
            self._tell_of_recovery()

    def _tell_of_fault(self, error: FerError) -> None:
        if not self._ill:
            log.warning("history: %s; what is new waits", error)
        self._ill = True

    def _tell_of_recovery(self) -> None:
        if not self._ill:
            return
        with self._lock:
            lost, self._dropped_lately = self._dropped_lately, 0
        self._ill = False
        log.warning("history: can write %s again; %d rows were dropped", self._store.shown, lost)

    def _thin(self) -> None:
        looked_at, wall_then = self._looked
        now, wall = self._clock(), self._wall_clock()
        if now - looked_at < THIN_SECONDS:
            return
        self._looked = (now, wall)
        if abs((wall - wall_then) - (now - looked_at)) < STEADY_SECONDS:
            while not self._closing.is_set() and self._store.thin(int(wall) - self._kept_seconds):
                pass
