"""The cameras of V4L2 by number and by path, and why one does not open."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fer_core.errors import FerError

DEVICE = "/dev/video"


def device_number(where: str, by_id: Path = Path("/dev/v4l/by-id")) -> int:
    """Return the number that a camera has now.

    Args:
        where: A number, or a path below /dev, which may be a link.
        by_id: The folder whose names are told where there is no such camera.

    Raises:
        FerError: There is no such camera now.
    """
    number = where.removeprefix(DEVICE)
    if not number.isdecimal():
        number = str(Path(where).resolve()).removeprefix(DEVICE)
    if not number.isdecimal():
        found = ", ".join(map(str, sorted(by_id.glob("*")))) or "none"
        raise FerError(f"there is no camera {where} now; found: {found}", see="camera-not-found")
    return int(number)


def why_not_open(where: int) -> FerError:
    """Return why a camera does not open, and what to do, by its number."""
    if not sys.platform.startswith("linux"):
        reasons = "in use, not there, or not allowed for this program"
        return FerError(f"camera {where} does not open: {reasons}", see="camera-does-not-open")
    device = Path(f"{DEVICE}{where}")
    if not device.exists():
        found = sorted(path.name[5:] for path in Path("/dev").glob("video*"))
        return FerError(
            f"there is no camera {where} ({device}); found: {', '.join(found) or 'none'}",
            see="camera-not-found",
        )
    try:
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError:
        return FerError(
            f"not allowed to open {device}: sudo usermod -aG video $USER, then log in again",
            see="camera-not-allowed",
        )
    except OSError as error:
        reason = f"{error.strerror} ({device})"
        return FerError(f"camera {where} does not open: {reason}", see="camera-does-not-open")
    return FerError(
        f"camera {where} is there but gives no picture: in use by another program (fuser {device})."
        f" Or it is not a camera (v4l2-ctl -d {device} --list-formats-ext)",
        see="camera-in-use",
    )
