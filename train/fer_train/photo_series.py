"""Setting photos aside for a test, those of one series together.

Two photos of one burst, or frames of one clip, are nearly the same picture: one in training and one
in the test would make a model look better than it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

SAME_SERIES_SECONDS = 120.0
"""Photos of one camera that follow each other faster are of one series."""
_EXIF_IFD, _TIME_TAKEN = 0x8769, 0x9003


def set_aside(photos: Path, files: Sequence[Path], share: float, seed: int = 1) -> set[Path]:
    """Return about `share` (0 to 1) of the photos of one class, whole series at a time.

    `files` are paths below `photos`. Never more than half; where all are of one series it is the
    last part of them, in the order of their names. One photo alone is not set aside.
    """
    wanted = round(share * len(files))
    series = series_of(photos, files)
    if len(series) < 2:
        return set(sorted(files)[len(files) - wanted :]) if len(files) > 1 else set()
    chosen: set[Path] = set()
    for index in np.random.default_rng(seed).permutation(len(series)):
        more = chosen | set(series[index])
        nearer = abs(len(more) - wanted) < abs(len(chosen) - wanted)
        if nearer and 2 * len(more) <= len(files):
            chosen = more
    return chosen


def series_of(photos: Path, files: Sequence[Path]) -> list[list[Path]]:
    """Return photos of one class by series: folder, name up to its number, time taken."""
    named: dict[tuple[Path, str], list[Path]] = {}
    for file in sorted(files):
        named.setdefault((file.parent, re.sub(r"\d+$", "", file.stem)), []).append(file)
    return [part for group in named.values() for part in _by_time(photos, group)]


def _by_time(photos: Path, files: list[Path]) -> list[list[Path]]:
    """Divide photos where the camera rested; leave them together if one has no time."""
    times = {file: time_taken(photos / file) for file in files}
    known = sorted((at, file) for file, at in times.items() if at is not None)
    if len(known) < len(files):
        return [files]
    parts: list[list[Path]] = []
    for index, (at, file) in enumerate(known):
        if index == 0 or at - known[index - 1][0] > SAME_SERIES_SECONDS:
            parts.append([])
        parts[-1].append(file)
    return parts


def time_taken(file: Path) -> float | None:
    """Return when a photo was taken by its EXIF, in seconds, None where it does not say."""
    from PIL import Image

    try:
        with Image.open(file) as picture:
            said = picture.getexif().get_ifd(_EXIF_IFD).get(_TIME_TAKEN)
        return datetime.strptime(str(said), "%Y:%m:%d %H:%M:%S").timestamp()
    except (OSError, ValueError, SyntaxError, OverflowError, TypeError):
        return None
