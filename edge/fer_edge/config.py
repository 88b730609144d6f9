"""Every knob of the runner, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fer_core.cores import usable_cores
from fer_core.errors import FerError
from fer_edge.faces.detector import WINDOW_PX
from fer_edge.inference.models import DEFAULT_MODEL

ROTATIONS = (0, 90, 180, 270)
LARGEST_SIDE_PX = 16384
SECRETS = {
    "token": "FER_EDGE_TOKEN",
    "mqtt_password": "FER_EDGE_MQTT_PASSWORD",
    "camera": "FER_EDGE_CAMERA",
}
"""Settings that may be secret, and where in the environment they may stand. Every user of this
computer can read the command line of a process."""


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """Settings of `fer-edge`, read from TOML and the command line.

    What to watch is at most one of `camera` (a number, picamera or an address, which may hold a
    password), `video` (a file) and `demo`; without any the command names pictures. `json`,
    `events`, `save` and `plot` say where to write, `faces` is the folder of who people are,
    all empty for none; `show` is whether there is a window, None for where a display is.

    `size` is WIDTHxHEIGHT in pixels and `fps` frames a second, both asked of a camera; empty and
    0 leave them to it. `rate` is how often a second each face of a stream is classified at most,
    0 for every frame; `min_face` the side in pixels of the smallest face to find in a stream, and
    `search_seconds` how often the whole frame is searched while every face is in sight.
    `rotate` turns the picture clockwise, in degrees.

    `serve` is HOST:PORT of the page, empty for none, `serve_video` whether it shows the picture,
    and `token` what other computers have to know. `mqtt` is mqtt://HOST or mqtts://HOST of a
    broker, `mqtt_name` the name of this device there and in every line, empty for the host name
    with six digits of its own.
    """

    camera: str = field(default="", repr=False)
    video: str = ""
    demo: bool = False
    json: str = ""
    events: str = ""
    save: str = ""
    plot: str = ""
    faces: str = ""
    show: bool | None = None
    model: str = DEFAULT_MODEL
    threads: int = 1
    size: str = ""
    fps: float = 0.0
    rate: float = 10.0
    min_face: int = 40
    search_seconds: float = 0.5
    rotate: int = 0
    mirror: bool = False
    serve: str = ""
    serve_video: bool = True
    token: str = field(default="", repr=False)
    mqtt: str = ""
    mqtt_name: str = ""
    mqtt_user: str = ""
    mqtt_password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= usable_cores():
            raise ValueError(
                f"threads must lie in 1 to {usable_cores()}, the cores of this computer, got "
                f"{self.threads}"
            )
        if self.rotate not in ROTATIONS:
            raise ValueError(f"rotate must be one of {ROTATIONS}, got {self.rotate}")
        for name, most in (("fps", 1000), ("rate", 1000), ("search_seconds", 3600)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in 0 to {most}, got {getattr(self, name):g}")
        if not WINDOW_PX <= self.min_face <= LARGEST_SIDE_PX:
            raise ValueError(
                f"min_face must lie in {WINDOW_PX} to {LARGEST_SIDE_PX}, got {self.min_face}"
            )
        self.size_px  # noqa: B018  # raises for a malformed size

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height in pixels, None when left to the camera."""
        if not self.size:
            return None
        width, _, height = self.size.partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise ValueError(f"size must look like 640x480, got {self.size!r}")
        if max(len(width), len(height)) > 5 or max(int(width), int(height)) > LARGEST_SIDE_PX:
            raise ValueError(f"size must be at most {LARGEST_SIDE_PX} a side, got {self.size!r}")
        return int(width), int(height)


def with_secrets(
    config: EdgeConfig, file: Path | None, environment: Mapping[str, str] = os.environ
) -> EdgeConfig:
    """Return the settings with the secrets that the environment holds.

    Raises FerError when the file they were read from holds one and others may read it.
    """
    held = [name for name in SECRETS if is_secret(name, getattr(config, name))]
    if held and file and os.name == "posix" and file.stat().st_mode & 0o077:
        raise FerError(
            f"{file} holds the setting {held[0]} and other users may read it: chmod 600 {file}"
        )
    given = {name: environment[key] for name, key in SECRETS.items() if environment.get(key)}
    if config.camera or config.video or config.demo:
        given.pop("camera", None)
    return replace(config, **given)  # type: ignore[arg-type]  # both are text


def is_secret(name: str, value: str) -> bool:
    """Return whether a setting holds a secret; a camera's address with a user or a query may."""
    return bool(value) and (name != "camera" or "@" in value or "?" in value)
