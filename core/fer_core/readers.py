"""Reading data sets as people have them: fer2013.csv, .npz and folder trees, all validated."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fer_core.dataset import SPLIT_NAMES, FerDataset
from fer_core.errors import FerError
from fer_core.files import load_arrays
from fer_core.labels import FER2013_LABELS, ordered_labels
from fer_core.preprocess import PICTURE_SUFFIXES, InputSpec, decode_picture
from fer_core.values import Int64Array, UInt8Array

SHOWN_FAULTS = 5
_FILE_PREFIXES = {"training_": 0, "publictest_": 1, "privatetest_": 2}

Row = tuple[UInt8Array, int, int, int]
"""Pixels (h, w) or (h, w, 3), class index, split index, row number."""


@dataclass(slots=True)
class _Faults:
    """The bad rows of one data set, gathered so that all can be told at once."""

    where: str
    skip: bool
    rows: list[str] = field(default_factory=list)

    def add(self, row: str, what: str) -> None:
        self.rows.append(f"{row}: {what}")

    def settle(self) -> None:
        if not self.rows or self.skip:
            return
        shown = "\n  ".join(self.rows[:SHOWN_FAULTS])
        rest = len(self.rows) - SHOWN_FAULTS
        more = f"\n  and {rest} more" if rest > 0 else ""
        raise FerError(
            f"{self.where}: {len(self.rows)} bad rows\n  {shown}{more}\n"
            "Mend them, or read on without them: --skip-bad"
        )


def default_data_path() -> Path | None:
    """Return where FER2013 is: $FER2013, else data/fer2013.csv or .npz here, else None."""
    named = os.environ.get("FER2013")
    if named:
        return Path(named)
    usual = (Path("data") / f"fer2013{suffix}" for suffix in (".csv", ".npz"))
    return next((path for path in usual if path.is_file()), None)


def load_dataset(
    path: Path | None, spec: InputSpec | None = None, skip_bad: bool = False
) -> FerDataset:
    """Return the data set in a .csv, an .npz or a folder tree; None means FER2013's usual place.

    Pictures are brought to `spec`'s size and colour by the pixel contract; without one, folders
    give 48x48 gray, other forms what they hold. Raises FerError that names file and row for a
    wrong pixel count, a label out of range, an unreadable or empty picture, or an unknown split;
    with `skip_bad` such rows are left out and counted.
    """
    path = path or default_data_path()
    if path is None:
        raise FerError(
            "no data set: give --data PATH, set FER2013=PATH, or put fer2013.csv into data/. "
            "The README says where FER2013 comes from."
        )
    if not path.exists():
        raise FerError(f"there is no data set at {path}; give --data a .csv, .npz or folder")
    faults = _Faults(str(path), skip_bad)
    if path.is_dir():
        dataset = _read_folders(path, spec or InputSpec(), faults)
    elif path.suffix.lower() == ".csv":
        dataset = _read_csv(path, InputSpec(), faults)
    elif path.suffix.lower() == ".npz":
        dataset = _read_npz(path, faults)
    else:
        raise FerError(f"{path} is no data set: give a .csv, an .npz or a folder of pictures")
    faults.settle()
    if len(dataset) == 0:
        raise FerError(f"{path} holds no picture that can be read")
    return dataset.fitted(spec) if spec else dataset


def _assemble(
    rows: Iterable[Row], names: tuple[str, ...], path: Path, faults: _Faults
) -> FerDataset:
    kept = list(rows)
    faults.settle()
    if not kept:
        raise FerError(f"{path} holds no picture that can be read")
    images = np.stack([row[0] for row in kept])
    labels, split, number = (np.array([row[i] for row in kept], np.int64) for i in (1, 2, 3))
    return FerDataset(images, labels, split, names, number, path.name, tuple(faults.rows))


def _read_csv(path: Path, spec: InputSpec, faults: _Faults) -> FerDataset:
    csv.field_size_limit(1 << 24)
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
        missing = {"emotion", "pixels", "usage"} - set(columns)
        if missing:
            raise FerError(
                f"{path} has no column {' and no '.join(sorted(missing))}; "
                "fer2013.csv has emotion, pixels and Usage"
            )
        rows = _csv_rows(reader, columns, spec, faults)
        try:
            return _assemble(rows, FER2013_LABELS, path, faults)
        except csv.Error as error:
            raise FerError(
                f"{path}, line {reader.line_num}: {error}; the file is damaged"
            ) from error


def _csv_rows(
    reader: csv.DictReader[str], columns: dict[str, str], spec: InputSpec, faults: _Faults
) -> Iterator[Row]:
    for number, record in enumerate(reader):
        where = f"line {reader.line_num}"
        emotion, usage = record[columns["emotion"]] or "", record[columns["usage"]] or ""
        if emotion not in {str(i) for i in range(len(FER2013_LABELS))}:
            faults.add(where, f"label {emotion!r}, expected 0 to {len(FER2013_LABELS) - 1}")
            continue
        split = SPLIT_NAMES.get(usage.strip().lower())
        if split is None:
            faults.add(where, f"usage {usage!r}, expected Training, PublicTest or PrivateTest")
            continue
        pixels = _parse_pixels(record[columns["pixels"]] or "")
        if isinstance(pixels, str):
            faults.add(where, pixels)
        elif pixels.size != spec.height * spec.width:
            wanted = f"{spec.height * spec.width} ({spec.width}x{spec.height})"
            faults.add(where, f"{pixels.size} pixels, expected {wanted}")
        else:
            yield pixels.reshape(spec.height, spec.width), int(emotion), split, number


def _parse_pixels(text: str) -> UInt8Array | str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values = np.fromstring(text, np.int64, sep=" ")
        except (DeprecationWarning, ValueError):
            return "pixels that are no whole numbers"
    if values.size and (values.min() < 0 or values.max() > 255):
        return f"pixels from {values.min()} to {values.max()}, expected 0 to 255"
    return values.astype(np.uint8)


def _read_npz(path: Path, faults: _Faults) -> FerDataset:
    held = load_arrays(path)
    missing = {"images", "labels", "usage"} - set(held)
    if missing:
        raise FerError(f"{path} lacks {', '.join(sorted(missing))}; it needs images, labels, usage")
    images, labels = held["images"], held["labels"]
    names = tuple(str(name) for name in np.ravel(held.get("label_names", FER2013_LABELS)))
    if (
        images.ndim not in (3, 4)
        or images.shape[3:] not in ((), (3,))
        or 0 in images.shape[1:]
        or images.dtype != np.uint8
        or labels.shape != (len(images),)
    ):
        raise FerError(
            f"{path}: images must be (n, h, w) or (n, h, w, 3) uint8 with n labels, "
            f"got {images.shape} {images.dtype} and {labels.shape}"
        )
    if labels.dtype.kind not in "iu":
        raise FerError(f"{path}: labels must be whole numbers, got {labels.dtype}")
    labels = labels.astype(np.int64)
    split = _split_indices(held["usage"], len(images), path)
    good = (labels >= 0) & (labels < len(names)) & (split >= 0)
    for row in np.flatnonzero(~good):
        faults.add(
            f"row {row}",
            f"label {labels[row]} (expected 0 to {len(names) - 1}), usage {held['usage'][row]!r}",
        )
    rows = np.flatnonzero(good).astype(np.int64)
    return FerDataset(
        images[rows], labels[rows], split[rows], names, rows, path.name, tuple(faults.rows)
    )


def _split_indices(
    usage: np.ndarray[tuple[int, ...], np.dtype[np.generic]], n: int, path: Path
) -> Int64Array:
    if usage.shape != (n,):
        raise FerError(f"{path}: usage must have {n} entries, got shape {usage.shape}")
    if usage.dtype.kind in "US":
        names = [name.decode("latin-1") if isinstance(name, bytes) else name for name in usage]
        return np.array([SPLIT_NAMES.get(str(name).lower(), -1) for name in names], np.int64)
    split = usage.astype(np.int64)
    return np.where((split >= 0) & (split <= 2), split, -1).astype(np.int64)


def _read_folders(path: Path, spec: InputSpec, faults: _Faults) -> FerDataset:
    root = path / "images" if (path / "images").is_dir() else path
    parts = {
        folder: SPLIT_NAMES[folder.name.lower()]
        for folder in _subfolders(root)
        if folder.name.lower() in SPLIT_NAMES
    } or {root: 0}
    names = ordered_labels({sub.name for part in parts for sub in _subfolders(part)})
    if len(names) < 2:
        raise FerError(
            f"{path} holds {len(names)} class folders, at least 2 are needed: one folder a class, "
            "or train/ and test/ with one folder a class in each"
        )
    rows = _folder_rows(parts, names, spec, faults)
    return replace(_assemble(rows, names, path, faults), numbered=False)


def _folder_rows(
    parts: dict[Path, int], names: tuple[str, ...], spec: InputSpec, faults: _Faults
) -> Iterator[Row]:
    number = 0
    for part, split in parts.items():
        for class_folder in _subfolders(part):
            for file in sorted(class_folder.iterdir()):
                if file.suffix.lower() not in PICTURE_SUFFIXES or not file.is_file():
                    continue
                picture = decode_picture(file.read_bytes(), colour=spec.colour == "rgb")
                if picture is None:
                    faults.add(str(file), "an empty or unreadable picture")
                else:
                    official = _official_split(file.name)
                    label = names.index(class_folder.name)
                    pixels = spec.resized(picture)
                    pixels = pixels[:, :, 0] if spec.colour == "gray" else pixels
                    yield pixels, label, split if official is None else official, number
                number += 1


def _official_split(name: str) -> int | None:
    named = [split for prefix, split in _FILE_PREFIXES.items() if name.lower().startswith(prefix)]
    return named[0] if named else None


def _subfolders(folder: Path) -> list[Path]:
    return sorted(sub for sub in folder.iterdir() if sub.is_dir() and not sub.name.startswith("."))
