"""Reading folder trees: one folder a class, or such folders in one for each split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fer_core.dataset import SPLIT_NAMES, FerDataset
from fer_core.errors import FerError
from fer_core.labels import FER2013_LABELS, ordered_labels, require_plain_labels
from fer_core.path_order import by_name
from fer_core.pictures import (
    NOT_READ,
    PICTURE_SUFFIXES,
    find_pictures,
    is_junk,
    left_out,
    read_picture,
)
from fer_core.preprocess import InputSpec
from fer_core.rows import Faults, Row, assemble
from fer_core.text import composed, counted, name_key

CONTACT_SHEET = "contact-sheet.png"
"""What `fer-train prepare` writes beside the class folders; it is no picture of a class."""
SQUEEZED = 1.25
"""Sides that differ by more than this factor tell of whole photos, not of cropped faces."""
_FILE_PREFIXES = {"training_": 0, "publictest_": 1, "privatetest_": 2}


def read_folders(path: Path, spec: InputSpec, faults: Faults) -> FerDataset:
    """Return the pictures of a folder tree.

    Class names that differ in capitals or the form of accents (NFC, NFD) alone are one class.

    Args:
        path: The folder of the classes, or of train/, test/ and so on with the classes below.
        spec: The size and colour to bring the pictures to.
        faults: What gathers the pictures that cannot be read.

    Raises:
        FerError: There are fewer than two classes, it is unclear which part a folder is, no picture
            can be read, or there are bad ones that are not to be left out.
    """
    root = _root_of(path)
    parts = split_folders(root) or {root: 0}
    classes: dict[str, list[tuple[Path, int]]] = {}
    for part, split in parts.items():
        for folder in _subfolders(part):
            classes.setdefault(name_key(folder.name), []).append((folder, split))
    labels = {
        name: name if name in FER2013_LABELS else composed(held[0][0].name)
        for name, held in classes.items()
    }
    require_plain_labels(labels.values(), str(path))
    names = ordered_labels(set(labels.values()))
    if len(names) < 2:
        raise FerError(
            f"{path} holds {len(names)} class folders, at least 2 are needed: one folder a class, "
            "or train/ and test/ with one folder a class in each"
        )
    folders = [
        (folder, names.index(labels[name]), split)
        for name, held in classes.items()
        for folder, split in held
    ]
    others: list[Path] = []
    loose = [path for part in sorted({root, *parts}) for path in _loose_pictures(part)]
    shapes: list[tuple[int, int]] = []
    rows = _folder_rows(folders, spec, faults, others, shapes)
    dataset = replace(assemble(rows, names, path, faults), numbered=False)
    return replace(dataset, notes=tuple(_folder_notes(classes, others, loose, shapes, spec)))


def _root_of(path: Path) -> Path:
    """Return the folder that holds the splits or classes: `images/` in some of Kaggle's archives.

    Raises FerError when `images/` lies beside class folders, where it may be a class or not.
    """
    images = path / "images"
    if not (images.is_dir() and _subfolders(images)):
        return path
    beside = [folder.name for folder in _subfolders(path) if folder != images]
    if beside:
        raise FerError(
            f"{path} holds images/ next to {', '.join(beside[:5])}: give the one that holds the "
            "classes as --data, or move the other out"
        )
    return images


def split_folders(root: Path) -> dict[Path, int]:
    """Return the folders named as splits, each with its index into SPLITS.

    Raises:
        FerError: Other folders lie beside them.
    """
    folders = _subfolders(root)
    parts = {f: SPLIT_NAMES[f.name.lower()] for f in folders if f.name.lower() in SPLIT_NAMES}
    others = [folder.name for folder in folders if folder not in parts]
    if parts and others:
        raise FerError(
            f"{root} holds {', '.join(others[:5])} next to {', '.join(p.name for p in parts)}: "
            "name the folder train, validation or test, or move it out"
        )
    return parts


def _folder_rows(
    folders: list[tuple[Path, int, int]],
    spec: InputSpec,
    faults: Faults,
    others: list[Path],
    shapes: list[tuple[int, int]],
) -> Iterator[Row]:
    """Yield the pictures of class folders and of those below them, with what else they hold.

    `others` gets the files that are no pictures, `shapes` height and width of each picture.
    """
    number = 0
    for folder, label, split in sorted(folders, key=lambda each: (each[2], by_name(each[0]))):
        found = find_pictures(folder)
        others += found.others
        for file in found.files:
            picture = read_picture(file, colour=spec.colour == "rgb")
            if isinstance(picture, str):
                faults.add(str(file), picture)
            else:
                official = official_split(file.name)
                if official is None or (split and not official):  # no test picture is learned from
                    official = split
                shapes.append((picture.pixels.shape[0], picture.pixels.shape[1]))
                pixels = spec.resized(picture.pixels)
                pixels = pixels[:, :, 0] if spec.colour == "gray" else pixels
                yield pixels, label, official, number
            number += 1


def _folder_notes(
    classes: dict[str, list[tuple[Path, int]]],
    others: list[Path],
    loose: list[Path],
    shapes: list[tuple[int, int]],
    spec: InputSpec,
) -> Iterator[str]:
    """Yield what a reader of the folders should know."""
    if "images" in classes and len(classes) > 1:
        yield "images/ is taken for a class: move it out if it is none"
    for held in classes.values():
        spellings = sorted({folder.name for folder, _ in held})
        if len(spellings) > 1:
            yield f"taken for one class: {', '.join(spellings)}"
    if others:
        yield f"left out: {left_out(others)}"
    if loose:
        pictures = counted(len(loose), "picture")
        yield f"left out: {pictures} in no class folder, such as {loose[0].name}"
    squeezed = [shape for shape in shapes if not 1 / SQUEEZED < shape[0] / shape[1] < SQUEEZED]
    if squeezed:
        height, width = max(squeezed)
        yield (
            f"{len(squeezed)} of {len(shapes)} pictures are not square (up to {width}x{height}) "
            f"and were squeezed to {spec.width}x{spec.height}. If they are whole photos, "
            "fer-train prepare finds and crops the faces"
        )


def _loose_pictures(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder itself."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and path.name != CONTACT_SHEET
        and not is_junk(path)
        and path.suffix.lower() in {*PICTURE_SUFFIXES, *NOT_READ}
    ]


def official_split(name: str) -> int | None:
    """Return the index into SPLITS that the name of a FER2013 picture gives, None for others."""
    named = [split for prefix, split in _FILE_PREFIXES.items() if name.lower().startswith(prefix)]
    return named[0] if named else None


def _subfolders(folder: Path) -> list[Path]:
    subfolders = (sub for sub in folder.iterdir() if sub.is_dir() and not is_junk(sub))
    return sorted(subfolders, key=by_name)
