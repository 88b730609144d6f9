"""From photographs of people to face pictures to train on, found and cropped as on the device."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_core.class_folders import official_split, split_folders
from fer_core.dataset import SPLIT_NAMES
from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes, write_text
from fer_core.opencv import cv2
from fer_core.pictures import NOT_READ, find_pictures, left_out, read_picture
from fer_core.preprocess import InputSpec
from fer_core.progress import progress_bar
from fer_core.values import Face, Frame
from fer_edge.faces.detector import FaceDetector
from fer_train.photo_series import set_aside
from fer_train.prepared import (
    NOT_READ_HERE,
    RECORD,
    PreparedFolder,
    PreparedPhoto,
    formats_not_read,
    left_out_reasons,
)

SIMILAR_AREA = 0.5
"""A second face with this share of the largest one's area makes it unclear whose photo it is."""


def several_faces(faces: Sequence[Face]) -> bool:
    """Return whether the second face has SIMILAR_AREA of the first; they come largest first."""
    return len(faces) > 1 and faces[1].box.area_px >= SIMILAR_AREA * faces[0].box.area_px


def prepare_photos(
    photos: Path, out: Path, detector: FaceDetector, spec: InputSpec, test: float = 0.0
) -> PreparedFolder:
    """Crop the largest face of every photo into a folder for its class below `out`, as PNG.

    The first folder below `photos` is the class, or the first below one named as a split. Left
    out are photos that cannot be read, those without a face or with two of like size, exact
    copies, and those that lie in two classes; files that are no photos are counted apart.

    Args:
        photos: The folder of photos.
        out: A folder that is not there yet or empty, and not among the photos.
        detector: What finds the faces.
        spec: Size, colour and margin of the crops.
        test: The share (0 to 0.5) of each class that becomes a test set, a series as a whole.

    Raises:
        FerError: No photo lies in a class folder or gave a face, or `out` does not fit.
    """
    files, others = _photo_files(photos)
    if not any(_place(path) for path in files):
        raise FerError(f"{photos} holds no photos in class folders; put them into {photos}/CLASS/")
    if test and any(_is_divided(path) for path in files):
        raise FerError(f"{photos} is divided already: leave --test out")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FerError(f"{out} is there already; choose a new folder for the crops")
    if out.resolve().is_relative_to(photos.resolve()):
        raise FerError(f"{out} is in {photos}; put the crops next to the photos, not among them")
    found = []
    with progress_bar(len(files), "photos") as advance:
        for index, path in enumerate(files):
            found.append(_prepared(photos, path, index, detector, spec))
            advance("")
    prepared = _without_copies(found)
    if all(photo.crop is None for photo in prepared):
        why = [left_out_reasons(prepared), formats_not_read(prepared)]
        raise FerError(f"no photo of {photos} gave a face: {'. '.join(filter(None, why))}")
    prepared, notes = _with_splits(photos, prepared, test) if test else (prepared, ())
    for photo in prepared:
        _save_crop(out, photo)
    _save_record(out / RECORD, prepared)
    return PreparedFolder(out, tuple(prepared), others, notes)


def _photo_files(photos: Path) -> tuple[list[Path], str]:
    """Return the photos below a folder, as paths from there, and what else lies there."""
    if not photos.is_dir():
        raise FerError(f"there is no folder {photos}; give the folder with one folder a class")
    split_folders(photos)  # which refuses folders whose part is unclear
    found = find_pictures(photos)
    unread = [path for path in found.others if path.suffix.lower() in NOT_READ]
    others = left_out(path for path in found.others if path not in unread)
    return [path.relative_to(photos) for path in sorted([*found.files, *unread])], others


def _place(path: Path) -> tuple[Path, str] | None:
    """Return a photo's class folder and file name, its deeper folders joined into the name.

    None for a photo that lies in no class folder.
    """
    parts = list(path.parts)
    above = []
    while parts and parts[0].lower() in {"images", *SPLIT_NAMES}:
        above.append(parts.pop(0))
    return (Path(*above, parts[0]), "~".join(parts[1:])) if len(parts) > 1 else None


def _prepared(
    photos: Path, path: Path, index: int, detector: FaceDetector, spec: InputSpec
) -> PreparedPhoto:
    place = _place(path)
    label = place[0].name if place else ""
    if place is None:
        return PreparedPhoto(path, label, None, reason="in no class folder")
    if path.suffix.lower() in NOT_READ:
        return PreparedPhoto(path, label, None, reason=NOT_READ_HERE)
    picture = read_picture(photos / path, colour=True)
    if isinstance(picture, str):
        return PreparedPhoto(path, label, None, reason=picture)
    frame = Frame(picture.pixels, index, 0.0, path.name)
    faces = detector.detect(frame)
    found = PreparedPhoto(path, label, None, animated=picture.animated)
    if not faces:
        return replace(found, reason="no face found")
    found = replace(found, face=faces[0].times(picture.reduced))
    if several_faces(faces):
        return replace(found, reason="several faces")
    return replace(found, crop=spec.pixels(frame, faces[0]))


def _without_copies(found: list[PreparedPhoto]) -> list[PreparedPhoto]:
    """Leave out copies of an earlier crop, and every copy of one that lies in two classes."""
    labels: dict[bytes, list[str]] = {}
    for photo in found:
        if photo.crop is not None:
            labels.setdefault(photo.crop.tobytes(), []).append(photo.label)
    seen: set[bytes] = set()
    kept = []
    for photo in found:
        pixels = b"" if photo.crop is None else photo.crop.tobytes()
        if pixels and len(set(labels[pixels])) > 1:
            kept.append(replace(photo, crop=None, reason="in two classes"))
        elif pixels in seen:
            kept.append(replace(photo, crop=None, reason="copy of another"))
        else:
            kept.append(photo)
        seen |= {pixels} - {b""}
    return kept


def _is_divided(path: Path) -> bool:
    """Return whether a photo lies in the folder of a split."""
    place = _place(path)
    folders = place[0].parts[:-1] if place else ()
    return any(name.lower() in SPLIT_NAMES for name in folders)


def _with_splits(
    photos: Path, prepared: list[PreparedPhoto], test: float
) -> tuple[list[PreparedPhoto], tuple[str, ...]]:
    """Divide the photos with a crop into training and test; return all, and what is to be said."""
    by_label: dict[str, list[Path]] = {}
    for photo in prepared:
        if photo.crop is not None:
            by_label.setdefault(photo.label, []).append(photo.path)
    apart = {label: set_aside(photos, files, test) for label, files in by_label.items()}
    divided = [
        replace(photo, split="test" if photo.path in apart[photo.label].photos else "train")
        if photo.crop is not None
        else photo
        for photo in prepared
    ]
    notes = (f"{label}: {each.note}" for label, each in sorted(apart.items()) if each.note)
    return divided, tuple(notes)


def _save_crop(out: Path, photo: PreparedPhoto) -> None:
    place = _place(photo.path)
    if photo.crop is None or place is None:
        return
    folder, name = place
    if photo.split:
        folder = Path(photo.split, photo.label)
        if official_split(name) is not None:  # which would win over the folder
            name = f"photo_{name}"
    encoded = cv2.imencode(".png", np.ascontiguousarray(photo.crop[:, :, ::-1]))[1]
    write_bytes(make_folder(out / folder) / f"{name}.png", encoded.tobytes())


def _save_record(path: Path, prepared: list[PreparedPhoto]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    place = ("x", "y", "width", "height", "roll_degrees", "score")
    writer.writerow(("photo", "class", "split", "left_out", *place))
    for photo in prepared:
        face, where = photo.face, ("",) * len(place)
        if face:
            sides = (face.box.x, face.box.y, face.box.width, face.box.height)
            where = (*map(str, sides), f"{face.roll_degrees:.1f}", f"{face.score:.2f}")
        writer.writerow((photo.path.as_posix(), photo.label, photo.split, photo.reason, *where))
    write_text(path, text.getvalue())
