"""Reading data sets as people have them: fer2013.csv, .npz and folder trees, all validated."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fer_core.class_folders import read_folders
from fer_core.dataset import SPLIT_NAMES, FerDataset
from fer_core.errors import FerError
from fer_core.files import load_arrays
from fer_core.labels import FER2013_LABELS, require_plain_labels
from fer_core.preprocess import InputSpec
from fer_core.rows import Faults, Row, assemble
from fer_core.values import Int64Array, UInt8Array


def default_data_path() -> Path | None:
    """Return where FER2013 is: $FER2013, else data/fer2013.csv or .npz here, else None."""
    named = os.environ.get("FER2013")
    if named:
        return Path(named)
    usual = (Path("data") / f"fer2013{suffix}" for suffix in (".csv", ".npz"))
    return next((path for path in usual if path.is_file()), None)


def required_data_path(path: Path | None) -> Path:
    """Return where a data set is, FER2013's usual place for None, without reading it.

    Raises:
        FerError: Nothing is there.
    """
    path = path or default_data_path()
    if path is None:
        raise FerError(
            "no data set: give --data PATH, set FER2013=PATH, or put fer2013.csv into data/. "
            "docs/how-to/fer2013.md says where to get FER2013.",
            see="data-not-found",
        )
    if not path.exists():
        raise FerError(
            f"there is no data set at {path}; give --data a .csv, .npz or folder",
            see="data-not-found",
        )
    return path


def load_dataset(
    path: Path | None, spec: InputSpec | None = None, skip_bad: bool = False
) -> FerDataset:
    """Return the data set in a .csv, an .npz or a folder tree.

    Args:
        path: Where it is; None means FER2013's usual place.
        spec: The size and colour to bring pictures to, by the pixel contract. With None, folders
            give 48x48 gray, other forms what they hold.
        skip_bad: Whether bad rows are left out and counted.

    Raises:
        FerError: There is no data set or no picture in it, or, with file and row, a wrong pixel
            count, a label out of range, an unreadable or empty picture, or an unknown split.
    """
    path = required_data_path(path)
    faults = Faults(str(path), skip_bad)
    if path.is_dir():
        dataset = read_folders(path, spec or InputSpec(), faults)
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


def _read_csv(path: Path, spec: InputSpec, faults: Faults) -> FerDataset:
    csv.field_size_limit(1 << 24)
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        try:
            columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
            missing = {"emotion", "pixels", "usage"} - set(columns)
            if missing:
                raise FerError(
                    f"{path} has no column {' and no '.join(sorted(missing))}; "
                    "fer2013.csv has emotion, pixels and Usage"
                )
            rows = _csv_rows(reader, columns, spec, faults)
            return assemble(rows, FER2013_LABELS, path, faults)
        except csv.Error as error:
            raise FerError(
                f"{path}, line {max(reader.line_num, 1)}: {error}; the file is damaged"
            ) from error


def _csv_rows(
    reader: csv.DictReader[str], columns: dict[str, str], spec: InputSpec, faults: Faults
) -> Iterator[Row]:
    for number, record in enumerate(reader):
        where = f"line {reader.line_num}"
        emotion, usage = record[columns["emotion"]] or "", record[columns["usage"]] or ""
        label = _parse_label(emotion)
        if label is None:
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
            yield pixels.reshape(spec.height, spec.width), label, split, number


def _parse_label(text: str) -> int | None:
    """Return a class index, also of a whole number written as 3.0; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value in range(len(FER2013_LABELS)) else None


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


def _read_npz(path: Path, faults: Faults) -> FerDataset:
    held = load_arrays(path)
    missing = {"images", "labels", "usage"} - set(held)
    if missing:
        raise FerError(f"{path} lacks {', '.join(sorted(missing))}; it needs images, labels, usage")
    images, labels = held["images"], held["labels"]
    names = tuple(str(name) for name in np.ravel(held.get("label_names", FER2013_LABELS)))
    require_plain_labels(names, str(path))
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
    if labels.dtype.kind not in "iuf" or not np.array_equal(labels, np.round(labels)):
        raise FerError(f"{path}: labels must be whole numbers, got {labels.dtype}")
    with np.errstate(invalid="ignore"):  # infinity becomes a number that is out of range
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
