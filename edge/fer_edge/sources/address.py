"""The address of a network camera, as messages show it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fer_core.errors import FerError


def without_password(address: str) -> str:
    """Return scheme, host and path: user, password and query stay out of messages.

    A password may hold any character. Where an @ follows a slash or a question mark, nobody knows
    where the host is, unless the text begins with one alone. A path with = or @ is left out: some
    cameras take user and password there, as in rtsp://cam/user=admin&password=...

    Raises:
        ValueError: It names no host, or a wrong port.
    """
    scheme, _, rest = address.partition("://")
    before, _, after = rest.rpartition("@")
    if any(mark in before for mark in "/?#"):
        if re.match(r"[^@:/?#]+[/?#]", rest) is None:
            return f"{scheme.lower()}://..."
        after = rest
    after = after.partition("?")[0]
    parts = urlsplit(f"{scheme}://{after}")
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise ValueError("its port is no number from 1 to 65535") from None
    if not parts.hostname:
        raise ValueError(f"{parts.scheme}:// names no host")
    path = "" if any(mark in parts.path for mark in "=@") else parts.path
    return f"{parts.scheme}://{parts.hostname}{port}{path}"


def no_answer(address: str, more: str = "") -> FerError:
    """Return the error of a camera that does not answer; `more` is another sentence."""
    return FerError(
        f"no answer from {without_password(address)}: is the camera on, the address right?{more}",
        see="camera-no-answer",
    )
