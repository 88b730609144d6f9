"""The face detectors by name. Naming one loads nothing; making it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import FerError
from fer_edge.faces.detector import DetectorRequest, FaceDetector

if TYPE_CHECKING:
    from fer_edge.faces.following import StreamSearch

DEFAULT_DETECTOR = "haar"


def _haar(request: DetectorRequest) -> FaceDetector:
    if request.stream:
        from fer_edge.faces.haar_stream import HaarStream

        return _following(HaarStream(request.plan.min_size_px), request)
    from fer_edge.faces.haar import HaarDetector

    return HaarDetector(times=request.times)


def _yunet(request: DetectorRequest, file: Path | None = None) -> FaceDetector:
    if request.stream:
        from fer_edge.faces.yunet_stream import YuNetStream

        return _following(YuNetStream(request.plan.min_size_px, file), request)
    from fer_edge.faces.yunet_search import YuNetDetector

    return YuNetDetector(file, request.times)


def _following(search: StreamSearch, request: DetectorRequest) -> FaceDetector:
    from fer_edge.faces.following import FollowingDetector

    return FollowingDetector(search, request.plan, request.times, request.executor)


DETECTORS: dict[str, Callable[[DetectorRequest], FaceDetector]] = {"haar": _haar, "yunet": _yunet}
"""What makes each detector, by its name."""
NETWORK_SUFFIX = ".onnx"


def is_detector(name: str) -> bool:
    """Return whether a detector has this name, or it may be the file of one."""
    return name in DETECTORS or name.endswith(NETWORK_SUFFIX)


def require_detector(name: str) -> None:
    """Check that a detector can be made, without making it.

    Args:
        name: That of a detector, or its file.

    Raises:
        FerError: There is no such detector, it is not installed, or the file is none.
    """
    _require_name(name)
    if name == "yunet" or name.endswith(NETWORK_SUFFIX):
        from fer_edge.faces.yunet_file import require_yunet

        require_yunet(Path(name) if name.endswith(NETWORK_SUFFIX) else None)


def make_detector(name: str, request: DetectorRequest) -> FaceDetector:
    """Return the detector of a name, or YuNet from an .onnx file.

    Raises:
        FerError: There is no such detector, or it is not installed.
    """
    _require_name(name)
    if name.endswith(NETWORK_SUFFIX):
        return _yunet(request, Path(name))
    return DETECTORS[name](request)


def _require_name(name: str) -> None:
    if not is_detector(name):
        raise FerError(f"no detector {name!r}; there are {', '.join(DETECTORS)}, or FILE.onnx")
