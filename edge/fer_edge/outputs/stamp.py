"""Where and when something was seen, as every line and every message says it."""

from __future__ import annotations

import hashlib
import platform
import re
from datetime import datetime
from pathlib import Path

from fer_core.values import Frame, Gap

_MACHINE_ID = Path("/etc/machine-id")


def own_name(machine_id: Path = _MACHINE_ID) -> str:
    """Return this device's name: its host name and six digits that tell it from others.

    Two Raspberry Pis are both called `raspberrypi` until somebody renames one. The digits come
    from the system's machine id, else from the network card, and stay the same.
    """
    host = re.sub(r"[^a-z0-9_-]+", "-", platform.node().lower()).strip("-") or "fer-edge"
    try:
        machine = machine_id.read_text().strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    if not machine:
        import uuid

        machine = str(uuid.getnode())
    digest = hashlib.sha256(machine.encode()).hexdigest()
    return f"{host}-{digest[:6]}"


def local_time(wall: float) -> str:
    """Return a moment, in seconds since 1970, as RFC 3339 with this computer's zone."""
    return datetime.fromtimestamp(wall).astimezone().isoformat(timespec="milliseconds")


class Stamp:
    """Tells the wall-clock time of moments on a source's own clock, the source and the device.

    The wall clock is read anew with every frame of a camera: after it was set right, what follows
    is right. Files have no wall-clock time.
    """

    def __init__(self, device: str) -> None:
        self._device, self._sources = device, dict[str, str]()
        self._offset: float | None = None

    def see(self, newest: Frame | Gap) -> None:
        """Take in the newest frame, or that there is none."""
        if isinstance(newest, Frame):
            self._sources[newest.camera], at = newest.source, newest.captured_at
        else:
            at = newest.at
        self._offset = None if newest.wall_clock is None else newest.wall_clock - at

    def facts(self, at: float, camera: str = "") -> dict[str, str]:
        """Return what comes first in a line about a moment.

        Args:
            at: The moment, in seconds of the source's clock.
            camera: Which camera saw it, empty where the run has one without a name.

        Returns:
            `time` (RFC 3339 with zone, of a camera alone), `camera` (where it has a name),
            `source` and `device`.
        """
        named = {"camera": camera} if camera else {}
        told = {**named, "source": self._sources.get(camera, ""), "device": self._device}
        if self._offset is None:
            return told
        return {"time": local_time(at + self._offset), **told}
