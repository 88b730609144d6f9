"""The bundles that are published for this device: fetched, checked, given to ModelIntake."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Set
from dataclasses import dataclass

from fer_core.errors import BusyError, FerError, InUseError
from fer_core.text import printable_name
from fer_edge.deployment.announcement import EVERYBODY, Announcement, Signed, announced_at
from fer_edge.deployment.intake import ModelIntake
from fer_edge.deployment.published_record import PublishedRecord
from fer_edge.outputs.mqtt.client import MOST_MESSAGE_BYTES
from fer_edge.outputs.mqtt.report import CHECKING, FETCHING, REFUSED, TAKEN, BundleReport

BUSY_TRIES, BUSY_SECONDS = 36, 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Came:
    announcement: Announcement
    content: bytes


def in_a_thread(work: Callable[[], None]) -> None:
    """Let work be done beside the client, which must not wait for it."""
    threading.Thread(target=work, name="published", daemon=True).start()


class PublishedBundles:
    """An inbox for bundles that are signed by one key. Each is tried once, the newest alone.

    First comes an announcement. Only when its signature is right is the file asked for, and no
    more bytes are taken than are signed for.
    """

    def __init__(
        self,
        device: str,
        public_key: str,
        intake: ModelIntake,
        record: PublishedRecord,
        beside: Callable[[Callable[[], None]], None] = in_a_thread,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the parts.

        Args:
            device: What this device is called.
            public_key: The setting `fleet_key`.
            intake: What checks bundles and puts them on trial.
            record: Remembers which was the newest.
            beside: Does what takes long.
            pause: Waits while another model is on trial.
        """
        self._announced = {announced_at(EVERYBODY): EVERYBODY, announced_at(device): device}
        self._key, self._intake, self._record = public_key, intake, record
        self._beside, self._pause = beside, pause
        self._lock = threading.Lock()
        self._wanted: Announcement | None = None
        self._largest = 0
        self._next: _Came | None = None
        self._works = self._deaf = False
        self._told = BundleReport()
        self._newest = 0
        try:
            tried = record.read()
            self._newest = tried.newest_done
            self._told = BundleReport(tried.number, tried.state, tried.why)
        except FerError as error:  # an old bundle might be taken for a new one
            self._deaf = True
            self._refuse(0, str(error))

    @property
    def topics(self) -> Set[str]:
        """The announcements, and the file that is wanted."""
        if self._deaf:
            return frozenset()
        wanted = [self._wanted.content_topic] if self._wanted else []
        return {*self._announced, *wanted}

    @property
    def most_bytes(self) -> int:
        """What an announcement may have, and a file that is wanted or was: it may still come."""
        return MOST_MESSAGE_BYTES + self._largest

    def report(self) -> BundleReport:
        """Return what became of the newest bundle."""
        return self._told

    def too_large(self) -> None:
        """Listen no more: the same message would end every connection."""
        self._deaf, self._wanted = True, None
        self._refuse(
            self._told.number,
            "a published message is larger than it may be: no more are read until fer-edge "
            "starts again",
        )

    def take(self, topic: str, payload: bytes) -> None:
        """Take an announcement or a file."""
        try:
            if topic in self._announced:
                if payload:  # else it was withdrawn
                    self._hear(Signed.read(payload), self._announced[topic])
            elif self._wanted and topic == self._wanted.content_topic:
                wanted, self._wanted = self._wanted, None
                _require_content(wanted, payload)
                self._give(_Came(wanted, payload))
        except FerError as error:
            self._refuse(self._told.number, str(error))

    def _hear(self, signed: Signed, device: str) -> None:
        """Want the file of an announcement that is newer; raise FerError for a wrong one."""
        announced = signed.announcement
        if announced.number <= self._newest:
            return  # the broker sends it anew with each connection
        if announced.device != device:
            raise FerError(f"a bundle for {announced.device or 'all devices'} came as one for us")
        if not signed.is_by(self._key):
            name = printable_name(announced.bundle)  # a stranger's
            raise FerError(f"{name} is not signed by the key of fleet_key")
        self._wanted, self._newest = announced, announced.number
        self._largest = max(self._largest, announced.size)
        self._told = BundleReport(announced.number, FETCHING)

    def _give(self, came: _Came) -> None:
        """Let a file be checked, after the one that is being checked."""
        self._told = BundleReport(came.announcement.number, CHECKING)
        with self._lock:
            self._next, begins = came, not self._works
            self._works = True
        if begins:
            self._beside(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                came, self._next = self._next, None
                self._works = came is not None
            if came is None:
                return
            try:
                self._try(came)
            except (FerError, OSError) as error:  # or a full disk
                self._refuse(came.announcement.number, str(error))

    def _try(self, came: _Came) -> None:
        number = came.announcement.number
        self._record.begin(number)  # first: the check may end the process
        for _ in range(BUSY_TRIES):
            try:
                held = self._intake.receive(came.content)
            except BusyError as error:
                why = str(error)
                self._pause(BUSY_SECONDS)
                if self._next:
                    return
                continue
            except InUseError as error:
                log.warning("a bundle was published: %s", error)
                self._end(BundleReport(number, TAKEN))
                return
            except FerError as error:
                self._end(BundleReport(number, REFUSED, str(error)))
                return
            log.warning("the bundle %s was published, and is taken", held.facts.mark)
            self._end(BundleReport(number, TAKEN))
            return
        self._end(BundleReport(number, REFUSED, why))

    def _end(self, became: BundleReport) -> None:
        self._record.end(became.number, became.state, became.why)
        self._told = became
        if became.state == REFUSED:
            log.warning("a published bundle is refused: %s", became.why)

    def _refuse(self, number: int, why: str) -> None:
        if self._told.state != REFUSED:  # once: anybody may publish garbage, as often as they like
            log.warning("a published bundle is refused: %s", why)
        self._told = BundleReport(number, REFUSED, why)


def _require_content(announced: Announcement, content: bytes) -> None:
    if not content:
        raise FerError(f"the file of {announced.bundle} is no longer at the broker")
    if len(content) != announced.size or _sha256(content) != announced.sha256:
        raise FerError(f"the file of {announced.bundle} is not the one that was signed")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
