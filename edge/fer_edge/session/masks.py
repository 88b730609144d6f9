"""The places that the settings leave out of every picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the settings are read without OpenCV
    from fer_edge.sources.masks import Polygon

_Point = tuple[float, float]
BLUR_CHOICES = ("strangers", "all")
_WANTED = "each [[mask]] needs at least three points, as points = [[0, 0], [0.3, 0], [0.3, 1]]"


def masks_of(given: object, cameras: Sequence[str], watched: bool) -> dict[str, list[Polygon]]:
    """Return the masked places of each camera; a mask without a camera is for all.

    Args:
        given: Tables with `points` and perhaps `camera`.
        cameras: The names of the cameras.
        watched: Whether they are known. Without a camera, the masks of named ones are left out.

    Raises:
        ValueError: A mask is none, or is that of no camera.
    """
    masks: dict[str, list[Polygon]] = {}
    for table in given if isinstance(given, Sequence) else [given]:
        polygon, camera = _polygon(table)
        if camera and camera not in cameras:
            if not watched:
                continue
            raise ValueError(f"[[mask]] names a camera {camera!r} that is not there")
        for name in [camera] if camera else cameras:
            masks.setdefault(name, []).append(polygon)
    return masks


def _polygon(table: object) -> tuple[Polygon, str]:
    if not isinstance(table, Mapping):
        raise ValueError(_WANTED)
    keys: dict[str, Any] = dict(table)
    points, camera = keys.pop("points", None), keys.pop("camera", "")
    if keys:
        raise ValueError(f"[[mask]] has an unknown key {next(iter(keys))!r}; known: points, camera")
    if not isinstance(points, Sequence) or len(points) < 3:
        raise ValueError(_WANTED)
    polygon: list[tuple[float, float]] = []
    for point in points:
        numbers = isinstance(point, Sequence) and all(type(each) in (int, float) for each in point)
        if not numbers or len(point) != 2 or not all(0 <= each <= 1 for each in point):
            raise ValueError(
                f"a point of a [[mask]] is [x, y] in shares of the picture, 0 to 1, got {point!r}"
            )
        polygon.append((float(point[0]), float(point[1])))
    if _crosses_itself(polygon):
        raise ValueError(
            f"the sides of a [[mask]] cross, so a part of it would be seen: give its points in "
            f"their order around the place, got {list(points)!r}"
        )
    return polygon, str(camera)


def _crosses_itself(polygon: Polygon) -> bool:
    sides = zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    return any(
        _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0
        for (a, b), (c, d) in combinations(sides, 2)
    )


def _side(a: _Point, b: _Point, c: _Point) -> float:
    """Return on which side of the line from `a` to `b` a point lies: above, below or at 0."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
