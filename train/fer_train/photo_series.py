"""Setting photos aside for a test, those of one series together.

Two photos of one burst, or frames of one clip, are nearly the same picture: one in training and one
in the test would make a model look better than it is.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

SAME_SERIES_SECONDS = 120.0
"""Photos of one camera that follow each other faster are of one series."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The photos of a class that are set aside, and what there is to say of it, if anything."""

    photos: frozenset[Path]
    note: str = ""


_EXIF_IFD, _TIME_TAKEN = 0x8769, 0x9003


def set_aside(photos: Path, files: Sequence[Path], share: float, seed: int = 1) -> Apart:
    """Return some of the photos of one class, whole series at a time.

    At least one series, never more than half of the photos; where that cannot be, the last part
    of them in the order of time or number.

    Args:
        photos: The folder of all photos.
        files: The photos of the class, as paths below it.
        share: About how many to set aside, 0 to 1.
        seed: What chooses the series.
    """
    wanted, series = max(1, round(share * len(files))), series_of(photos, files)
    if len(files) < 2:
        return Apart(frozenset(), "one photo, for training")
    small = [part for part in series if 2 * len(part) <= len(files)]
    if not small:
        last = max(series, key=len)[-min(wanted, len(files) // 2) :]
        return Apart(frozenset(last), "all of one series, which is divided")
    chosen: set[Path] = set()
    for index in np.random.default_rng(seed).permutation(len(small)):
        more = chosen | set(small[index])
        nearer = abs(len(more) - wanted) < abs(len(chosen) - wanted)
        if (nearer or not chosen) and 2 * len(more) <= len(files):
            chosen = more
    return Apart(frozenset(chosen))


def series_of(photos: Path, files: Sequence[Path]) -> list[list[Path]]:
    """Return photos of one class by series, each in its order.

    Photos of one folder are divided where the camera rested, if each says when it was taken, else
    by their names without the number.
    """
    folders: dict[Path, list[Path]] = {}
    for file in sorted(files, key=_natural):
        folders.setdefault(file.parent, []).append(file)
    return [part for group in folders.values() for part in _divided(photos, group)]


def _divided(photos: Path, files: list[Path]) -> list[list[Path]]:
    times = {file: time_taken(photos / file) for file in files}
    known = sorted((at, file) for file, at in times.items() if at is not None)
    parts: list[list[Path]] = []
    if len(known) < len(files):
        named: dict[str, list[Path]] = {}
        for file in files:
            named.setdefault(without_number(file.stem), []).append(file)
        return list(named.values())
    for index, (at, file) in enumerate(known):
        if index == 0 or at - known[index - 1][0] > SAME_SERIES_SECONDS:
            parts.append([])
        parts[-1].append(file)
    return parts


def without_number(name: str) -> str:
    """Return a file's name without the number at its end, which files of one series share."""
    return re.sub(r"\W*\d+\W*$", "", name)


def _natural(path: Path) -> list[tuple[str, int]]:
    """Return what sorts clip_9 before clip_10."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", str(path))]


def time_taken(file: Path) -> float | None:
    """Return when a photo was taken by its EXIF, in seconds, None where it does not say."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file) as picture:
            said = picture.getexif().get_ifd(_EXIF_IFD).get(_TIME_TAKEN)
        return datetime.strptime(str(said), "%Y:%m:%d %H:%M:%S").timestamp()
    except (OSError, ValueError, SyntaxError, OverflowError, TypeError):
        return None
    except Image.DecompressionBombError:  # a large photo, of which only the head was read
        return None
