"""What a run can watch: the kinds of run, and what opens the source of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.logs import talk
from fer_edge.session.options import RunOptions
from fer_edge.sources import FrameSource
from fer_edge.sources.files import PictureSource, VideoSource

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fer_edge.session.config import EdgeConfig
    from fer_edge.sources.live import CameraSource
    from fer_edge.sources.shared import Shared


@dataclass(frozen=True, slots=True)
class RunKind:
    """How the frames of a run come, and what follows from that.

    Attributes:
        stream: Whether they follow each other in time, or each is a picture for itself.
        live: Whether they are a camera's, which gives the newest frame and drops others.
    """

    stream: bool
    live: bool

    @property
    def reading(self) -> str:
        """The stage that the time between two frames counts as."""
        return "wait" if self.live else "read"

    @property
    def outlasts_faults(self) -> bool:
        """Whether the run goes on when the camera is away or a disk is full, until it is ended."""
        return self.live

    def thread(self, name: str, stack: ExitStack) -> Executor | None:
        """Return a thread for work beside the frames, which leaving the stack ends.

        None where each frame waits for what is done with it, so that the same frames always give
        the same results.
        """
        if not self.live:
            return None
        from concurrent.futures import ThreadPoolExecutor

        return stack.enter_context(ThreadPoolExecutor(1, name))


PICTURES, FILE, LIVE = RunKind(False, False), RunKind(True, False), RunKind(True, True)


def _camera(options: RunOptions) -> FrameSource:
    from fer_edge.sources.camera import open_camera
    from fer_edge.sources.several import SeveralCameras
    from fer_edge.systemd import is_supervised

    patient = is_supervised()

    def opener(own: EdgeConfig) -> Callable[[Shared], CameraSource]:
        where, fps = str(own.camera), own.fps or None
        return lambda shared: open_camera(where, own.size_px, fps, patient, shared)

    return SeveralCameras({name: opener(own) for name, own in options.settings.cameras.items()})


def _demo(options: RunOptions) -> FrameSource:
    from fer_edge.sources.demo import DemoSource

    return DemoSource()


def _pictures(options: RunOptions) -> FrameSource:
    return PictureSource(options.pictures, talk(options.quiet))


SOURCES: dict[str, tuple[RunKind, Callable[[RunOptions], FrameSource]]] = {
    "camera": (LIVE, _camera),
    "video": (FILE, lambda options: VideoSource(Path(options.settings.video))),
    "demo": (FILE, _demo),
    "pictures": (PICTURES, _pictures),
}
"""The kind of run and what opens its source, by the setting that names what to watch."""
