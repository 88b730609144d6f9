"""Settings that may be secret: who may read them, and how the environment holds them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fer_core.errors import FerError
from fer_edge.session.config import EdgeConfig

SECRETS = {
    "token": "FER_EDGE_TOKEN",
    "mqtt_password": "FER_EDGE_MQTT_PASSWORD",
    "camera": "FER_EDGE_CAMERA",
}
"""Settings that may be secret, and where in the environment they may stand. Every user of this
computer can read the command line of a process."""


def with_secrets(
    config: EdgeConfig, file: Path | None, environment: Mapping[str, str] = os.environ
) -> EdgeConfig:
    """Return the settings with the secrets that the environment holds.

    Args:
        config: The settings.
        file: Where they were read from; None for no file.
        environment: The variables.

    Raises:
        FerError: The file holds a secret, and others may read it.
    """
    secrets = {name: [getattr(config, name)] for name in (*SECRETS, "history")}
    secrets["camera"] = [str(each.camera) for each in config.cameras.values()]
    held = [name for name, values in secrets.items() if any(is_secret(name, v) for v in values)]
    if held and file and os.name == "posix" and file.stat().st_mode & 0o077:
        raise FerError(
            f"{file} holds the setting {held[0]} and other users may read it: chmod 600 {file}",
            see="secret-readable",
        )
    given = {name: environment[key] for name, key in SECRETS.items() if environment.get(key)}
    if config.camera or config.video or config.demo:
        given.pop("camera", None)
    return replace(config, **given)  # type: ignore[arg-type]  # both are text


def is_secret(name: str, value: str) -> bool:
    """Return whether a setting holds a secret; an address with a user or a query may."""
    if name == "history" and "://" not in value:
        return False
    return bool(value) and (name not in ("camera", "history") or "@" in value or "?" in value)
