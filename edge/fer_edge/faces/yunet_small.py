"""The small faces of large pictures, with YuNet: a finer search, and a second look at each find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fer_core.values import Face, UInt8Array
from fer_edge.faces.detector import is_one_of
from fer_edge.faces.yunet import YuNet

LARGE_FROM_PX, FINE_PX = 1280, 1280
"""Pictures with a longer side from the first on are searched at the second, too. For the sources of
these numbers see docs/decisions/0005-finding-faces.md."""
FINE_SCORE, SMALL_SCORE, SMALL, MOST_SMALL = 0.5, 0.8, (120, 3.0), 1000
"""Of a face in the fine search, of the same face in a second look, the window of that look, and how
many finds of a picture get one."""


def small_finds(yunet: YuNet, pixels: UInt8Array, known: Sequence[Face]) -> list[Face]:
    """Return what may be further faces at FINE_PX, the surest first.

    Args:
        yunet: The network.
        pixels: BGR (h, w, 3) uint8.
        known: The faces that were found already.
    """
    finds = yunet.find(pixels, min(1.0, FINE_PX / max(pixels.shape[:2])))
    return [find for find in finds if find.score >= FINE_SCORE and not is_one_of(find, known)]


def small_faces(
    yunet: YuNet, pixels: UInt8Array, known: Sequence[Face], finds: Iterable[Face]
) -> Iterator[Face]:
    """Yield those of the small finds that are clearly faces in a second look.

    Args:
        yunet: The network.
        pixels: BGR (h, w, 3) uint8.
        known: The faces that were found already.
        finds: What may be faces, see `small_finds`.
    """
    height, width = pixels.shape[:2]
    kept = list(known)
    for find in finds:
        if is_one_of(find, kept):
            continue
        face = yunet.look(pixels, find, 0.0, SMALL)
        if face is None or face.score < SMALL_SCORE or is_one_of(face, kept):
            continue
        if face.box.clipped(width, height):
            kept.append(face)
            yield face
