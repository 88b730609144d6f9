"""Where programs of a user keep what only that user may read."""

from __future__ import annotations

import os
from pathlib import Path

from fer_core.errors import FerError


def secrets_folder() -> Path:
    """Return the folder of certificates and keys: that of the service, or in the user's settings.

    Raises:
        FerError: The user has no home.
    """
    service = os.environ.get("STATE_DIRECTORY")  # systemd's; the home is read-only there
    settings = os.environ.get("XDG_CONFIG_HOME")
    try:
        return Path(service or settings or Path.home() / ".config") / "fer-edge"
    except RuntimeError as error:
        raise FerError("this user has no home: name a folder in $XDG_CONFIG_HOME") from error
