"""Finding faces for the studio: in single photos, and in streams that are followed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from fer_core.errors import FerError
from fer_core.values import Face, Frame
from fer_edge.faces.detector import DetectorRequest, FaceDetector
from fer_edge.faces.detectors import make_detector, require_detector

MOST_STREAMS = 8
"""How many streams are followed at a time; the one unused for longest makes room."""


@dataclass(slots=True)
class _Stream:
    """A detector that follows the faces of one stream, and those of its last frame."""

    detector: FaceDetector
    faces: tuple[Face, ...] = ()


class FaceFinder:
    """Finds faces with the runner's detectors; one thread at a time.

    Attributes:
        name: That of the detector.
    """

    def __init__(self, name: str) -> None:
        """Check that there is such a detector.

        Raises:
            FerError: There is none, or it is not installed.
        """
        require_detector(name)
        self.name = name
        self._lock = threading.Lock()
        self._photos: FaceDetector | None = None
        self._streams: OrderedDict[tuple[str, str], _Stream] = OrderedDict()

    def in_photo(self, frame: Frame) -> tuple[Face, ...]:
        """Return the faces of a picture for itself, the largest first."""
        with self._lock:
            if self._photos is None:
                self._photos = make_detector(self.name, DetectorRequest(stream=False))
            return self._photos.detect(frame)

    def in_stream(self, stream: str, frame: Frame) -> tuple[Face, ...]:
        """Return the faces of the next frame of a stream, the largest first.

        Args:
            stream: What tells it from others of the same camera that are followed meanwhile.
            frame: The frame, later than the one before.
        """
        key = frame.camera, stream
        with self._lock:
            followed = self._streams.pop(key, None)
            if followed is None:
                followed = _Stream(make_detector(self.name, DetectorRequest(stream=True)))
            self._streams[key] = followed
            if len(self._streams) > MOST_STREAMS:
                self._streams.popitem(last=False)
            followed.faces = followed.detector.detect(frame, followed.faces)
            return followed.faces

    def forget(self) -> None:
        """Forget where the faces of all streams were."""
        with self._lock:
            self._streams.clear()


def best_detector() -> str:
    """Return yunet where it is installed, else haar."""
    try:
        require_detector("yunet")
    except FerError:
        return "haar"
    return "yunet"
