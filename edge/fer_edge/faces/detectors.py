"""The face detectors by name. Naming one loads nothing; making it does."""

from __future__ import annotations

from collections.abc import Callable

from fer_edge.faces.detector import DetectorRequest, FaceDetector

DEFAULT_DETECTOR = "haar"


def _haar(request: DetectorRequest) -> FaceDetector:
    from fer_edge.faces.following import FollowingDetector
    from fer_edge.faces.haar import HaarDetector

    if request.stream:
        return FollowingDetector(request.plan, request.times, request.executor)
    return HaarDetector(times=request.times)


DETECTORS: dict[str, Callable[[DetectorRequest], FaceDetector]] = {"haar": _haar}
"""What makes each detector, by its name."""
