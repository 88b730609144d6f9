"""Settings that may be secret: who may read them, and how the environment holds them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from fer_core.errors import ArgumentError, FerError
from fer_core.settings import load_settings
from fer_core.text import typed
from fer_edge.session.config import EdgeConfig

SECRETS = {
    "token": "FER_EDGE_TOKEN",
    "mqtt_password": "FER_EDGE_MQTT_PASSWORD",
    "camera": "FER_EDGE_CAMERA",
}
"""Settings that may be secret, and where in the environment they may stand. Every user of this
computer can read the command line of a process."""


def load_with_secrets(
    file: Path | None,
    given: Mapping[str, object],
    without: Iterable[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> EdgeConfig:
    """Return the settings of a file, those given, and the secrets that the environment holds.

    Args:
        file: The settings file; None for none.
        given: Settings that take the place of the file's; None for those that are not given.
        without: Secrets that the environment's variables shall not give.
        environment: The variables.

    Raises:
        FerError: The file cannot be read, or holds a secret and others may read it.
        ArgumentError: What is given, or a variable, is no allowed value.
    """
    if file:
        _require_private(file, load_settings(EdgeConfig, file, {}))
    config = load_settings(EdgeConfig, file, given)
    if config.camera or config.video or config.demo:
        without = [*without, "camera"]
    held = {name: environment.get(key, "") for name, key in SECRETS.items()}
    found = {name: value for name, value in held.items() if value and name not in without}
    try:
        return replace(config, **found)  # type: ignore[arg-type]  # all are text
    except ValueError as error:  # of the tokens and passwords nothing is asked
        raise ArgumentError(f"{SECRETS['camera']}: {error}", see="setting-wrong") from error


def _require_private(file: Path, its: EdgeConfig) -> None:
    """Raise FerError where a file holds a secret that others may read."""
    secrets = {name: [getattr(its, name)] for name in (*SECRETS, "history")}
    secrets["camera"] = [str(each.camera) for each in its.cameras.values()]
    held = [name for name, values in secrets.items() if any(is_secret(name, v) for v in values)]
    if held and os.name == "posix" and file.stat().st_mode & 0o077:
        raise FerError(
            f"{file} holds the setting {held[0]} and other users may read it: "
            f"chmod 600 {typed(file)}",
            see="secret-readable",
        )


def is_secret(name: str, value: str) -> bool:
    """Return whether a setting holds a secret.

    An address may, if it has a user, a query, or a path such as /user=admin&password=...
    """
    if name not in ("camera", "history"):
        return bool(value)
    _, is_address, address = value.partition("://")
    if name == "history" and not is_address:
        return False
    return "@" in value or "?" in value or "=" in address.partition("/")[2]
