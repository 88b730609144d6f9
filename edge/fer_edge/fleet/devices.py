"""What is known of one device of a fleet, and what it is judged to be. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fer_edge.deployment.announcement import Announcement
from fer_edge.outputs.mqtt.report import REPORT_SECONDS, Report
from fer_edge.outputs.mqtt.sensors import BLIND_SECONDS

LATE_SECONDS = 3 * REPORT_SECONDS + 5
"""How long no report may come from a device that is connected."""
HOT_CELSIUS = 80.0
"""Where a Raspberry Pi begins to slow itself (its documentation, "Frequency management")."""
ALIVE, LATE, AWAY, GONE = "alive", "late", "away", "gone"
HOT, WRONG_BUNDLE, NO_PICTURE = "hot", "wrong bundle", "no picture"


@dataclass(slots=True)
class Device:
    """What the broker has told of a device.

    Attributes:
        online: Whether the broker has it, None where that was never told or is told no more.
        report: The newest one.
        heard_at: When the newest message came.
        is_fresh: Whether the device itself sent it just then: the broker keeps old ones.
        judged: Its state and marks.
        number: That of the last change.
    """

    name: str
    heard_at: float
    online: bool | None = None
    report: Report | None = None
    is_fresh: bool = False
    judged: tuple[str, ...] = field(default=(ALIVE,))
    number: int = 0

    def take(self, report: Report | None, kept: bool) -> None:
        """Take a report, None where the broker keeps none any more.

        Up to version 0.2 a device with one camera said that it was offline while that camera gave
        no picture. A new report of a camera without pictures shows that the device is online.
        """
        self.report = report
        if report and not kept and _blind(report):
            self.online = True

    def judge(self, now: float, since: float, wanted: Announcement | None) -> tuple[str, ...]:
        """Return its state, and a mark for each thing that is wrong.

        Args:
            now: The time.
            since: Since when the broker could have told us.
            wanted: The newest bundle that was published for it.
        """
        if self.online is None and self.report is None:
            return (GONE,)
        if self.online is False:
            return (AWAY,)
        late = now - max(self.heard_at, since) > LATE_SECONDS
        return (LATE if late else ALIVE, *self._marks(wanted))

    def _marks(self, wanted: Announcement | None) -> list[str]:
        if self.report is None:
            return []
        report, marks = self.report, []
        celsius = report.temperature_celsius
        if report.slowed or (celsius is not None and celsius >= HOT_CELSIUS):
            marks.append(HOT)
        if wanted and (report.model, report.sha256) != (wanted.bundle, wanted.network):
            marks.append(WRONG_BUNDLE)
        if _blind(report):
            marks.append(NO_PICTURE)
        return marks

    def to_json(self, now: float) -> dict[str, Any]:
        """Return what a page shows, as JSON values."""
        state, *marks = self.judged
        shown: dict[str, Any] = {"name": self.name, "state": state, "marks": marks}
        shown["heard_seconds"] = round(now - self.heard_at, 1) if self.is_fresh else None
        if self.report is None:
            return shown
        report = self.report
        return {
            **shown,
            "version": report.version,
            "model": f"{report.model} {report.sha256[:12]}",
            "trial": report.trial,
            "why": report.why,
            "bundle": [report.bundle.state, report.bundle.why, report.bundle.number],
            "celsius": report.temperature_celsius,
            "slowed": report.slowed,
            "frames": sum(each.frames for each in report.cameras.values()),
            "events": report.counts.get("events", 0),
            "dropped": report.counts.get("frames_dropped", 0),
            "uptime_seconds": report.uptime_seconds,
            "blind": _blind(report),
        }


def _blind(report: Report) -> list[str]:
    """Return the cameras that give no picture."""
    return [name for name, each in report.cameras.items() if each.silent_seconds > BLIND_SECONDS]
