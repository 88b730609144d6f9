"""What the outputs of one run are made from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fer_edge.outputs.stamp import Stamp
from fer_edge.session.models import RunModel
from fer_edge.session.options import RunOptions
from fer_edge.session.sources import RunKind
from fer_edge.sources import FrameSource
from fer_edge.stages import StageTimes

if TYPE_CHECKING:
    from fer_edge.identity.live_enrolment import LiveEnrolment
    from fer_edge.outputs.clips.folder import ClipFolder
    from fer_edge.sources.live import CameraSource


@dataclass(slots=True)
class Run:
    """What the outputs of one run are made from.

    Attributes:
        stack: Leaving it completes what the outputs opened.
        stop: Ends the run.
        model: What classifies.
        enrolment: What names unknown faces, None where the page names none.
        people: The names of who is known at the start.
        clips: Where clips of moments lie, None where none are written.
        saved: What the outputs may write, and which version of it was there before; each notes
            its own by `saves`.
        counters: What the outputs count; each adds its own.
        slowed: Returns what slows the board, empty for nothing.
    """

    options: RunOptions
    kind: RunKind
    source: FrameSource
    model: RunModel
    stamp: Stamp
    stop: threading.Event
    stack: ExitStack
    times: StageTimes
    enrolment: LiveEnrolment | None = None
    people: tuple[str, ...] = ()
    clips: ClipFolder | None = None
    saved: dict[Path, tuple[int, int] | None] = field(default_factory=dict)
    counters: dict[str, Callable[[], int]] = field(default_factory=dict)
    slowed: Callable[[], str] = str

    def saves(self, path: Path) -> None:
        """Note a file or folder that an output may write, before it does."""
        self.saved[path] = _version(path)

    def written(self) -> tuple[Path, ...]:
        """Return what the outputs have written, once they have been completed.

        A camera that gave no picture leaves no file, or that of an earlier run as it was.
        """
        return tuple(
            path for path, before in self.saved.items() if _version(path) not in (None, before)
        )

    @property
    def cameras(self) -> dict[str, CameraSource]:
        """The cameras by name; none for a file."""
        if not self.kind.live:
            return {}
        from fer_edge.sources.several import SeveralCameras

        return self.source.cameras if isinstance(self.source, SeveralCameras) else {}

    def counts(self) -> dict[str, dict[str, int]]:
        """Return what every part of the run counts, by name and camera; "" is the whole run."""
        counted = {name: {"": count()} for name, count in self.counters.items()}
        if cameras := self.cameras.items():
            counted["frames_dropped"] = {name: each.dropped for name, each in cameras}
            counted["frames_damaged"] = {name: each.damaged for name, each in cameras}
            counted["camera_reconnects"] = {name: each.reconnects for name, each in cameras}
        if self.model.exchangeable:
            counted["model_swaps"] = {"": self.model.exchangeable.swaps}
        return counted


def _version(path: Path) -> tuple[int, int] | None:
    """Return what tells a file or folder from what it was before, None where none is reached."""
    try:
        known = path.stat()
    except OSError:
        return None
    return known.st_ino, known.st_mtime_ns
