"""From photographs of people to face pictures to train on, found and cropped as on the device."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes, write_text
from fer_core.opencv import cv2
from fer_core.preprocess import PICTURE_SUFFIXES, InputSpec, decode_picture
from fer_core.progress import progress_bar
from fer_core.values import Face, Frame, UInt8Array
from fer_edge.detector import FaceDetector

SIMILAR_AREA = 0.5
"""A second face with this share of the largest one's area makes it unclear whose photo it is."""
RECORD, SHEET = "prepared.csv", "contact-sheet.png"


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPhoto:
    """One photo: where it is below the folder of photos, its crop, or why there is none.

    `crop` is (height, width, channels) uint8 as a model takes it, None for a photo left out;
    `face` is what was cropped.
    """

    path: Path
    label: str
    crop: UInt8Array | None
    face: Face | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PreparedFolder:
    """What became of a folder of photos."""

    out: Path
    photos: tuple[PreparedPhoto, ...]

    def text(self) -> str:
        """Return counts by class, and of what was left out by reason."""
        cropped = Counter(photo.label for photo in self.photos if photo.crop is not None)
        reasons = Counter(photo.reason for photo in self.photos if photo.crop is None)
        classes = ", ".join(f"{label} {n}" for label, n in sorted(cropped.items()))
        lines = [
            f"{cropped.total()} of {len(self.photos)} photos cropped into {self.out}: {classes}"
        ]
        if reasons:
            why = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common())
            lines.append(f"{reasons.total()} left out: {why}")
        return "\n".join([*lines, f"look at {self.out / SHEET}; each photo is in {RECORD}"])


def prepare_photos(
    photos: Path, out: Path, detector: FaceDetector, spec: InputSpec
) -> PreparedFolder:
    """Crop the largest face of every photo into the same folders below `out`, as PNG.

    The folder that holds a photo is its class. Left out are unreadable photos, those without a
    face, those with two faces of like size, and exact copies of an earlier crop. Raises FerError
    when there are no photos in class folders, or `out` holds something already.
    """
    files = _photo_files(photos)
    if not files:
        raise FerError(f"{photos} holds no photos in class folders; put them into {photos}/CLASS/")
    if out.exists() and any(out.iterdir()):
        raise FerError(f"{out} is not empty; choose another folder for the crops")
    if out.resolve().is_relative_to(photos.resolve()):
        raise FerError(f"{out} lies in {photos}; put the crops beside the photos, not among them")
    make_folder(out)
    prepared = []
    with progress_bar(len(files), "photos") as advance:
        for photo in _cropped(photos, files, detector, spec):
            if photo.crop is not None:
                _save_crop(out, photo)
            prepared.append(photo)
            advance("")
    if all(photo.crop is None for photo in prepared):
        raise FerError(f"no face was found in the {len(files)} photos of {photos}")
    _save_record(out / RECORD, prepared)
    return PreparedFolder(out, tuple(prepared))


def _photo_files(photos: Path) -> list[Path]:
    """Return the pictures that lie in a folder below `photos`, as paths from there."""
    if not photos.is_dir():
        raise FerError(f"there is no folder {photos}; give the folder with one folder a class")
    below = (path.relative_to(photos) for path in sorted(photos.rglob("*")) if path.is_file())
    return [
        path
        for path in below
        if path.suffix.lower() in PICTURE_SUFFIXES
        and len(path.parts) > 1
        and not any(part.startswith(".") for part in path.parts)
    ]


def _cropped(
    photos: Path, files: list[Path], detector: FaceDetector, spec: InputSpec
) -> Iterator[PreparedPhoto]:
    seen: dict[bytes, Path] = {}
    for index, path in enumerate(files):
        label = path.parent.name
        pixels = decode_picture((photos / path).read_bytes(), colour=True)
        if pixels is None:
            yield PreparedPhoto(path, label, None, reason="unreadable")
            continue
        frame = Frame(pixels, index, 0.0, path.name)
        faces = detector.detect(frame)
        if len(faces) == 0:
            yield PreparedPhoto(path, label, None, reason="no face found")
        elif _unclear(faces):
            yield PreparedPhoto(path, label, None, faces[0], "several faces")
        else:
            crop = spec.pixels(frame, faces[0].box)
            first = seen.setdefault(crop.tobytes(), path)
            same = first is not path
            yield PreparedPhoto(
                path, label, None if same else crop, faces[0], "copy of another" if same else ""
            )


def _unclear(faces: tuple[Face, ...]) -> bool:
    """Return whether the second-largest face is nearly as large as the largest."""
    return len(faces) > 1 and faces[1].box.area_px >= SIMILAR_AREA * faces[0].box.area_px


def _save_crop(out: Path, photo: PreparedPhoto) -> None:
    assert photo.crop is not None
    folder = make_folder(out / photo.path.parent)
    name = photo.path.name.replace(".", "-") + ".png"  # a.jpg and a.png are two photos
    encoded = cv2.imencode(".png", np.ascontiguousarray(photo.crop[:, :, ::-1]))[1]
    write_bytes(folder / name, encoded.tobytes())


def _save_record(path: Path, prepared: list[PreparedPhoto]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("photo", "class", "left_out", "x", "y", "width", "height", "score"))
    for photo in prepared:
        box = photo.face.box if photo.face else None
        where = (box.x, box.y, box.width, box.height) if box else ("",) * 4
        score = f"{photo.face.score:.2f}" if photo.face else ""
        writer.writerow((photo.path.as_posix(), photo.label, photo.reason, *where, score))
    write_text(path, text.getvalue())
