"""What a face detector is, and what one is made for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fer_edge.stages import StageTimes

if TYPE_CHECKING:  # `fer-edge --help` names the detectors and needs no numpy
    from concurrent.futures import Executor

    from fer_core.values import Box, Face, Frame

WINDOW_PX = 24
"""The smallest face that the Haar cascade can see, and the one it sees fastest."""
SAME_PLACE_IOU = 0.3
"""Two boxes that overlap (intersection over union) by more are at one place and of a like size."""
MOST_SHARED = 0.5
"""Of the smaller of two boxes; if they share more, they show one face. For the source of the number
see docs/decisions/0005-finding-faces.md."""


def show_one_face(box: Box, other: Box) -> bool:
    """Return whether two boxes share so much that they show one face, also if one is larger."""
    across = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
    down = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
    return max(0, across) * max(0, down) > MOST_SHARED * min(box.area_px, other.area_px)


def is_one_of(face: Face, faces: Iterable[Face]) -> bool:
    """Return whether a face shows one of these."""
    return any(show_one_face(face.box, other.box) for other in faces)


def surest_apart(faces: Iterable[Face]) -> list[Face]:
    """Return the faces, the surest first; of those that show one face only the surest."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not is_one_of(face, kept):
            kept.append(face)
    return kept


class FaceDetector(Protocol):
    """Finds the faces of a frame."""

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Find the faces of a frame.

        Args:
            frame: The frame; a detector for streams gets them in the order of their time.
            known: The faces of the frame before, for detectors that search where they were.

        Returns:
            The faces, the largest first, with boxes in pixels of the frame; empty if there is none.

        Raises:
            FerError: The detector does not answer.
        """


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """When to search the whole frame, in seconds since the last time, and for how small a face.

    Attributes:
        min_size_px: Side of the smallest wanted face, in pixels of the frame.
        followed_seconds: While every known face is found.
        lost_seconds: When one was just lost.
        missing_seconds: When none is known, or there are fewer than before a loss not longer ago
            than `missing_for_seconds`: whoever looked down is soon back.
    """

    min_size_px: int = 40
    followed_seconds: float = 0.5
    lost_seconds: float = 0.07
    missing_seconds: float = 0.2
    missing_for_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class DetectorRequest:
    """What a detector is made for.

    Attributes:
        stream: Whether the frames follow each other in time, or each is a picture for itself.
        plan: How to search a stream.
        times: What counts the detector's time.
        executor: A thread pool, as for a live camera, that searches beside the stream; if None,
            every search ends before its frame does.
    """

    stream: bool
    plan: SearchPlan = field(default_factory=SearchPlan)
    times: StageTimes = field(default_factory=StageTimes)
    executor: Executor | None = None
