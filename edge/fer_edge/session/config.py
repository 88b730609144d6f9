"""Every setting of the runner, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_core.cores import usable_cores
from fer_core.logs import LOG_FORMAT_HELP, LOG_FORMATS
from fer_core.options import option
from fer_edge.faces.detector import WINDOW_PX
from fer_edge.faces.detectors import DEFAULT_DETECTOR, DETECTORS, detector_problem
from fer_edge.inference import DEFAULT_MODEL, RATE_HZ
from fer_edge.session.cameras import CameraSetting, cameras_of
from fer_edge.session.masks import BLUR_CHOICES, masks_of

if TYPE_CHECKING:
    from fer_edge.sources.masks import Polygon

ROTATIONS = (0, 90, 180, 270)
LARGEST_SIDE_PX = 16384
MOST = {
    "fps": 1000,
    "rate": 1000,
    "search_seconds": 3600,
    "clips_before": 300,
    "clips_after": 300,
    "clips_mb": 1_000_000,
}
"""The largest value of each setting that may be 0 or more."""


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
        "0, 1, ..., picamera, or an http:// or rtsp:// address. Several: NAME=0 for each.",
        secret=True,
        several=True,
    )
    video: str = option("", "A video file. Every frame is read.", Path, reads=True)
    demo: bool = option(False, "Play a clip made from a portrait.", names=("--demo",))
    model: str = option(DEFAULT_MODEL, "A shipped model or a .tflite bundle.", reads=True)
    models: str = option(
        "", "Take new models during the run, into FOLDER.", Path, writes="the models that are sent"
    )
    detector: str = option(
        DEFAULT_DETECTOR, f"What finds faces: {', '.join(DETECTORS)}, or FILE.onnx.", reads=True
    )
    threads: int = option(1, "Threads of the network.")
    size: str = option("", "Picture size to ask the camera for, such as 640x480.")
    fps: float = option(0.0, "Frames per second to ask the camera for.")
    rate: float = option(RATE_HZ, "How often per second to classify each face. 0: in every frame.")
    min_face: int = option(
        40, "Side of the smallest face of a stream, in pixels: 24 for far faces, 80 to save time."
    )
    """Haar shrinks a frame until such a face is 24 px, YuNet until it is 20 px. YuNet may find
    smaller faces, but it searches at most 640 px. So of wide frames it finds faces from a 32nd of
    the longer side on: 60 px of 1920."""
    search_seconds: float = 0.5
    """How often the whole frame is searched while every face is in sight."""
    rotate: int = option(0, "Turn the picture clockwise by 0, 90, 180 or 270 degrees.")
    mirror: bool = option(False, "Swap left and right.")
    show: bool | None = option(
        None, "Show a live window. This is the default for a camera where there is a display."
    )
    json: str = option(
        "", "Write a JSON line for each face to FILE, or - for stdout.", writes="every face"
    )
    events: str = option(
        "", "Write a JSON line for each change to FILE, or - for stdout.", writes="every change"
    )
    save: str = option(
        "",
        "Save what it sees as FILE.mp4, FILE.jpg or FOLDER.",
        Path,
        writes="the annotated pictures",
    )
    clips: str = option(
        "", "Save a short video of each moment in FOLDER.", Path, writes="videos of moments"
    )
    clips_on: str = option(
        "", "Expressions to make clips of: happy,surprise. Default: every change.", names=("--on",)
    )
    clips_person: str = option(
        "", "Make clips of this person only. Needs --faces.", names=("--person",)
    )
    clips_before: float = option(
        5.0, "Seconds of a clip before the expression begins.", names=("--before",)
    )
    clips_after: float = option(5.0, "Seconds of a clip after it ends.", names=("--after",))
    clips_mb: float = 1000.0
    """What the videos of moments may take together, in MB; the oldest are removed."""
    plot: str = option(
        "", "Draw one picture next to its probabilities, as OUT.png.", Path, writes="the plot"
    )
    history: str = option(
        "",
        "Keep how long each expression was seen, by minute, in FILE or postgresql://...",
        secret=True,
        writes="how long each expression is seen, and every change",
    )
    history_days: int = option(30, "Days to keep minutes and changes. Hours are kept for good.")
    faces: str = option(
        "", "Name known people: a folder of pictures for each person.", Path, reads=True
    )
    blur: str = option(
        "", "Make faces unrecognizable in every picture: all, or strangers (people without a name)."
    )
    mask: Sequence[Mapping[str, Any]] = ()
    """Places that are black in every picture: tables with `points`, and perhaps a `camera`."""
    name_unknown: bool = option(
        False,
        "Show unknown faces on the page, so that you can name them. Needs --faces.",
        names=("--name-unknown",),
    )
    serve: str = option(
        "", "Serve a page with the live picture on PORT or HOST:PORT, such as 8080."
    )
    serve_video: bool = option(
        True, "Show the picture on the page, or numbers only.", names=("--page-video/--no-video",)
    )
    https: bool = option(
        False, "Encrypt the page with a certificate that this computer makes.", names=("--https",)
    )
    log_format: str = option("text", LOG_FORMAT_HELP)
    quiet: bool = False
    """Print results only. A stream prints nothing unless json or events is -."""
    token: str = field(default="", repr=False)
    """What other computers have to know to see the page."""
    mqtt: str = ""
    """mqtt://HOST or mqtts://HOST of a broker."""
    mqtt_name: str = ""
    """What this device is called there and in every line; else the host name with six digits."""
    mqtt_user: str = ""
    mqtt_password: str = field(default="", repr=False)
    mqtt_pictures: bool = False
    """Whether the broker gets the picture of each change."""
    mqtt_clips: bool = False
    """Whether the broker is told of each clip of a moment; the video stays here."""
    fleet_key: str = ""
    """Whose signature lets a bundle in that is published over MQTT; see `fer-edge fleet key`."""

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= usable_cores():
            raise ValueError(
                f"threads must lie in 1 to {usable_cores()}, the cores of this computer, got "
                f"{self.threads}"
            )
        if problem := detector_problem(self.detector):
            raise ValueError(problem)
        if self.rotate not in ROTATIONS:
            raise ValueError(f"rotate must be one of {ROTATIONS}, got {self.rotate}")
        for name, most in MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in 0 to {most}, got {getattr(self, name)}")
        if not 1 <= self.history_days <= 3650:
            raise ValueError(f"history_days must lie in 1 to 3650, got {self.history_days}")
        if not WINDOW_PX <= self.min_face <= LARGEST_SIDE_PX:
            raise ValueError(
                f"min_face must lie in {WINDOW_PX} to {LARGEST_SIDE_PX}, got {self.min_face}"
            )
        if self.log_format not in LOG_FORMATS:
            raise ValueError(f"log_format must be text or json, got {self.log_format!r}")
        self._check_clips()
        if self.blur not in ("", *BLUR_CHOICES):
            raise ValueError(f"blur must be strangers or all, got {self.blur!r}")
        if self.blur == "strangers" and not self.faces:
            raise ValueError("blur = strangers needs to know who is no stranger: --faces FOLDER")
        self.size_px  # noqa: B018  # raises for a malformed size
        self.masks  # noqa: B018  # raises for cameras or masks that are none

    def _check_clips(self) -> None:
        """Raise ValueError for settings of clips and pictures without those that they go with."""
        if self.mqtt_pictures and not self.mqtt:
            raise ValueError('mqtt_pictures goes with mqtt, as mqtt = "mqtt://HOST"')
        if self.mqtt_clips and not (self.mqtt and self.clips):
            raise ValueError('mqtt_clips goes with mqtt and clips, as clips = "clips"')
        if not self.clips and (self.clips_on or self.clips_person):
            raise ValueError("clips_on and clips_person go with clips, as --clips FOLDER")
        if self.clips_person and not self.faces:
            raise ValueError("clips_person needs to know who people are: --faces FOLDER")

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
        return {name: replace(self, **its, mask=()) for name, its in own.items()}

    @property
    def masks(self) -> dict[str, list[Polygon]]:
        """The places that are black in the pictures of each camera, by its name.

        Raises:
            ValueError: A mask is none, or is that of no camera.
        """
        return masks_of(self.mask, tuple(self.cameras), watched=bool(self.camera))

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
