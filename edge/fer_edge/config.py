"""Every knob of the runner, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from fer_edge.detector import WINDOW_PX
from fer_edge.models import DEFAULT_MODEL

ROTATIONS = (0, 90, 180, 270)


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """Settings of `fer-edge`, read from TOML and the command line.

    `size` is WIDTHxHEIGHT in pixels and `fps` frames a second, both asked of a camera; empty and
    0 leave them to it. `rate` is how often a second each face of a stream is classified at most,
    0 for every frame; `min_face` the side in pixels of the smallest face to find in a stream, and
    `search_seconds` how often the whole frame is searched while every face is in sight.
    `rotate` turns the picture clockwise, in degrees.
    """

    model: str = DEFAULT_MODEL
    threads: int = 1
    size: str = ""
    fps: float = 0.0
    rate: float = 10.0
    min_face: int = 40
    search_seconds: float = 0.5
    rotate: int = 0
    mirror: bool = False

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")
        if self.rotate not in ROTATIONS:
            raise ValueError(f"rotate must be one of {ROTATIONS}, got {self.rotate}")
        for name in ("fps", "rate", "search_seconds"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.min_face < WINDOW_PX:
            raise ValueError(f"min_face must be at least {WINDOW_PX}, got {self.min_face}")
        self.size_px  # noqa: B018  # raises for a malformed size

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height in pixels, None when left to the camera."""
        if not self.size:
            return None
        width, _, height = self.size.partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise ValueError(f"size must look like 640x480, got {self.size!r}")
        return int(width), int(height)
