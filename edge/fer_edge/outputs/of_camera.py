"""An output for the frames of one camera alone."""

from __future__ import annotations

from pathlib import Path

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output
from fer_edge.outputs.encoding import CODINGS
from fer_edge.outputs.recording import SAVED_SUFFIXES


class OfCamera(Output):
    """Hands the frames of one camera on to another output."""

    def __init__(self, camera: str, inner: Output) -> None:
        self._camera, self._inner = camera, inner

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Hand on a frame of this camera."""
        if frame.camera == self._camera:
            self._inner.write(frame, seen)

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Hand on a gap of this camera."""
        if gap.camera == self._camera:
            self._inner.idle(gap, seen)

    def finish(self, seen: Analysis) -> None:
        """Hand on the end."""
        self._inner.finish(seen)


def path_of_camera(path: Path, camera: str) -> Path:
    """Return where the output of a camera goes: seen-door.mp4 for seen.mp4, seen/door for seen.

    A folder that is there may have a dot in its name: d.1/door for d.1.
    """
    if not camera:
        return path
    if path.suffix.lower() in {*CODINGS, *SAVED_SUFFIXES} or (path.suffix and not path.is_dir()):
        return path.with_stem(f"{path.stem}-{camera}")
    return path / camera
