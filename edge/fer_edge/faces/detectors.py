"""The face detectors by name. Naming one loads nothing; making it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import ArgumentError
from fer_core.text import did_you_mean
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


def detector_problem(name: str) -> str:
    """Return why no detector has this name, nor may be the file of one; empty if one has.

    Args:
        name: That of a detector or of a file, in small or capital letters.
    """
    if _is_file(name) or _in_table(name):
        return ""
    there = f"no detector {name!r}; there are {', '.join(DETECTORS)}, or FILE{NETWORK_SUFFIX}"
    return f"{there}{did_you_mean(name, DETECTORS)}"


def require_detector(name: str) -> None:
    """Check that a detector can be made, without making it.

    Args:
        name: That of a detector, or its file.

    Raises:
        ArgumentError: There is no such detector.
        FerError: It is not installed, or the file is none.
    """
    _require_name(name)
    if _is_file(name) or _in_table(name) == "yunet":
        from fer_edge.faces.yunet_file import require_yunet

        require_yunet(Path(name) if _is_file(name) else None)


def make_detector(name: str, request: DetectorRequest) -> FaceDetector:
    """Return the detector of a name, or YuNet from an .onnx file.

    Raises:
        ArgumentError: There is no such detector.
        FerError: It is not installed, or the file is none.
    """
    _require_name(name)
    if _is_file(name):
        return _yunet(request, Path(name))
    return DETECTORS[_in_table(name)](request)


def _is_file(name: str) -> bool:
    return name.lower().endswith(NETWORK_SUFFIX)


def _in_table(name: str) -> str:
    """Return a detector's name as the table has it, empty for none."""
    return next((known for known in DETECTORS if known.lower() == name.lower()), "")


def _require_name(name: str) -> None:
    if problem := detector_problem(name):
        raise ArgumentError(problem)
