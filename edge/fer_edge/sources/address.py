"""The address of a network camera, as messages show it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fer_core.errors import FerError


def without_password(address: str) -> str:
    """Return scheme, host and path: user, password and query stay out of messages.

    A password may hold any character. Where an @ follows a slash, what stands before it may be
    one, and is left out. So is a path with an equals sign: some cameras take user and password
    there, as in rtsp://cam/user=admin&password=...

    Raises:
        ValueError: It names no host, or a wrong port.
    """
    scheme, _, rest = address.partition("://")
    before, at, after = rest.rpartition("@")
    if "?" in before and _is_host(host := re.split("[/?]", rest, maxsplit=1)[0]):
        if ":" in host:  # host:port, or user:password
            return f"{scheme}://..."
        before, at, after = "", "", rest  # the @ is in the query
    after = after.partition("?")[0]
    parts = urlsplit(f"{scheme}://{after}")
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise ValueError("its port is no number from 1 to 65535") from None
    if not parts.hostname:
        raise ValueError(f"{parts.scheme}:// names no host")
    hidden = "...@" if at and "/" in before else ""
    path = "/..." if "=" in parts.path else parts.path
    return f"{parts.scheme}://{hidden}{parts.hostname}{port}{path}"


def _is_host(text: str) -> bool:
    return re.fullmatch(r"[^@:]+(:\d+)?", text) is not None


def no_answer(address: str, more: str = "") -> FerError:
    """Return the error of a camera that does not answer; `more` is another sentence."""
    return FerError(
        f"no answer from {without_password(address)}: is the camera on, the address right?{more}",
        see="camera-no-answer",
    )
