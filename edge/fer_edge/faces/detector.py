"""What a face detector is, and what one is made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fer_edge.stages import StageTimes

if TYPE_CHECKING:  # `fer-edge --help` names the detectors and needs no numpy
    from concurrent.futures import Executor

    from fer_core.values import Face, Frame

WINDOW_PX = 24
"""The smallest face that the Haar cascade can see, and the one it sees fastest."""
SAME_FACE_IOU = 0.3
"""Two boxes that overlap (intersection over union) by more show one face."""


class FaceDetector(Protocol):
    """Finds the faces of a frame."""

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first; empty when there is none.

        `known` are the faces of the frame before, for detectors that search where they were.
        """


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """When to search the whole frame, in seconds since the last time, and for how small a face.

    `followed_seconds` while every known face is found, `lost_seconds` when one was just lost,
    `empty_seconds` when none is known.
    """

    min_size_px: int = 40
    followed_seconds: float = 0.5
    lost_seconds: float = 0.07
    empty_seconds: float = 0.2


@dataclass(frozen=True, slots=True)
class DetectorRequest:
    """What a detector is made for: a stream or single pictures, and how to search a stream.

    It counts its time in `times`. With a thread pool as `executor`, as for a live camera, it may
    search beside the stream.
    """

    stream: bool
    plan: SearchPlan = field(default_factory=SearchPlan)
    times: StageTimes = field(default_factory=StageTimes)
    executor: Executor | None = None
