"""Every setting of the runner, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from fer_core.cores import usable_cores
from fer_core.errors import FerError
from fer_core.options import option
from fer_edge.faces.detector import WINDOW_PX
from fer_edge.faces.detectors import DEFAULT_DETECTOR, DETECTORS, is_detector
from fer_edge.inference import DEFAULT_MODEL
from fer_edge.session.cameras import CameraSetting, cameras_of

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

    Fields with a help text are options of the command, too. Empty texts and None stand for
    settings that are not given.

    Raises:
        ValueError: A setting is none of its choices or beyond its range.
    """

    camera: CameraSetting = option(  # noqa: RUF009  # a field, as `option` says
        "",
        "0, 1, ..., picamera, or an http:// or rtsp:// address. Several: NAME=0, one each.",
        secret=True,
        several=True,
    )
    video: str = option("", "A video file, read whole.", Path, reads=True)
    demo: bool = option(False, "A clip made from a portrait.", names=("--demo",))
    model: str = option(DEFAULT_MODEL, "A shipped model or a .tflite bundle.", reads=True)
    models: str = option(
        "",
        "Take other models while a camera runs, into FOLDER.",
        Path,
        writes="the models that are sent",
    )
    detector: str = option(
        DEFAULT_DETECTOR, f"What finds faces: {', '.join(DETECTORS)}, or FILE.onnx.", reads=True
    )
    threads: int = option(1, "Threads of the network.")
    size: str = option("", "WIDTHxHEIGHT asked of a camera.")
    fps: float = option(0.0, "Frames a second asked of a camera.")
    rate: float = option(10.0, "How often a second a face is classified, 0: every frame.")
    min_face: int = option(
        40, "Smallest face of a stream, pixels a side: 24 for far faces, 80 to save time."
    )
    """Haar shrinks a frame until such a face is 24 px, YuNet until it is 20 px. YuNet may find
    smaller ones, too, but searches no frame larger than 640 px: where the longer side is more than
    32 times `min_face`, the smallest face is a 32nd of it (60 px of 1920)."""
    search_seconds: float = 0.5
    """How often the whole frame is searched while every face is in sight."""
    rotate: int = option(0, "0, 90, 180 or 270, clockwise.")
    mirror: bool = option(False, "Swap left and right.")
    show: bool | None = option(None, "A live window; by default for cameras with a display.")
    json: str = option("", "A JSON line a face, to FILE or -.", writes="every face")
    events: str = option("", "A JSON line a change, to FILE or -.", writes="every change")
    save: str = option(
        "",
        "Annotated FILE.mp4, FILE.jpg or FOLDER of pictures.",
        Path,
        writes="the annotated pictures",
    )
    plot: str = option(
        "", "One picture beside its probabilities, as OUT.png.", Path, writes="the plot"
    )
    faces: str = option("", "Who people are: a folder of pictures a person.", Path, reads=True)
    name_unknown: bool = option(
        False,
        "Unknown faces on the page, to be named into --faces.",
        names=("--name-unknown",),
    )
    serve: str = option("", "A page with the live picture, as 8080 or HOST:PORT.")
    serve_video: bool = option(
        True, "The picture on the page, or numbers only.", names=("--page-video/--no-video",)
    )
    https: bool = option(
        False, "The page encrypted, by a certificate of this computer's own.", names=("--https",)
    )
    quiet: bool = False
    """Nothing but results is printed, as with --quiet."""
    token: str = field(default="", repr=False)
    """What other computers have to know to see the page."""
    mqtt: str = ""
    """mqtt://HOST or mqtts://HOST of a broker."""
    mqtt_name: str = ""
    """What this device is called there and in every line; else the host name with six digits."""
    mqtt_user: str = ""
    mqtt_password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= usable_cores():
            raise ValueError(
                f"threads must lie in 1 to {usable_cores()}, the cores of this computer, got "
                f"{self.threads}"
            )
        if not is_detector(self.detector):
            raise ValueError(
                f"detector must be one of {', '.join(DETECTORS)}, or FILE.onnx, got "
                f"{self.detector!r}"
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
        self.cameras  # noqa: B018  # raises for cameras that cannot be told apart

    @property
    def cameras(self) -> dict[str, EdgeConfig]:
        """The settings as each camera has them, by its name.

        A run without a camera, or with one that has no name, has these settings under "".

        Raises:
            ValueError: Cameras cannot be told apart, or a setting of one is wrong.
        """
        own = cameras_of(self.camera)
        if own == {"": {"camera": self.camera}}:
            return {"": self}
        return {name: replace(self, **its) for name, its in own.items()}

    @classmethod
    def inputs(cls) -> tuple[str, ...]:
        """Return the settings that name files to read."""
        return tuple(each.name for each in fields(cls) if each.metadata.get("reads"))

    @classmethod
    def is_a_name(cls, setting: str, value: str) -> bool:
        """Return whether a setting names a shipped model or a detector, not the file of one."""
        return setting in ("model", "detector") and not Path(value).suffix

    @classmethod
    def outputs(cls) -> dict[str, str]:
        """Return the settings that name files to write, and what is written there."""
        written = {each.name: each.metadata.get("writes", "") for each in fields(cls)}
        return {name: what for name, what in written.items() if what}

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height in pixels, None when left to the camera.

        Raises:
            ValueError: `size` is no size, or too large.
        """
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

    Args:
        config: The settings.
        file: Where they were read from; None for no file.
        environment: The variables.

    Raises:
        FerError: The file holds a secret, and others may read it.
    """
    secrets = {name: [getattr(config, name)] for name in SECRETS}
    secrets["camera"] = [str(each.camera) for each in config.cameras.values()]
    held = [name for name, values in secrets.items() if any(is_secret(name, v) for v in values)]
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
