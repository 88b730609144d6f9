"""The pictures that teachers learn from, in one file small enough to carry to another machine.

    python train/studies/teacher_data.py --data fer2013.csv --votes fer2013new.csv --out T.zip

writes it where fer-train is installed; `unpack` needs numpy and OpenCV alone. The test pictures
(PrivateTest) are not in the file, so that nobody can look at them by mistake. `--elsewhere` adds
sets of other faces to judge on, each a file of at most 2,048 pictures that fer-bench reads.
`--earlier` adds what the teachers of an earlier run say of the Training pictures.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

ROWS, COLUMNS, SIDE = 32, 64, 48
"""A mosaic holds this many rows and columns of pictures, each SIDE x SIDE pixels."""
PICTURES = ROWS * COLUMNS
TRAINING, PUBLIC = 0, 1
STUDENTS = ("fer-nano", "fer-small", "fer-base")

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Pictures (n, 48, 48) uint8, FER2013's labels (n,) and the crowd's (n, 7) probabilities.

    `earlier` (n, 7) are those of an earlier run's teachers, where they were packed.
    """

    pictures: UInt8Array
    labels: npt.NDArray[np.int64]
    crowd: FloatArray
    earlier: FloatArray | None = None

    def targets(self, label_share: float, earlier_share: float = 0.0) -> FloatArray:
        """Return (n, 7) targets.

        Earlier teachers have `earlier_share` of each; of the rest FER2013's label has
        `label_share`, and the crowd what remains. Raises ValueError where no earlier ones were
        packed.
        """
        labels = np.eye(self.crowd.shape[1], dtype=np.float32)[self.labels]
        told = label_share * labels + (1 - label_share) * self.crowd
        if earlier_share and self.earlier is None:
            raise ValueError("no earlier teachers were packed: teacher_data.py --earlier")
        if self.earlier is not None:
            told = (1 - earlier_share) * told + earlier_share * self.earlier
        return np.asarray(told, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class StudyData:
    """What a study needs: the pictures, and the students' networks as Keras JSON.

    The sets from elsewhere, by name, have no crowd.
    """

    training: Part
    public: Part
    students: dict[str, dict[str, Any]]
    elsewhere: dict[str, Part]


def pack(
    data: Path, votes: Path, out: Path, elsewhere: list[Path], earlier: Path | None = None
) -> None:
    """Write the Training and PublicTest pictures of FER2013, the crowd's labels, the students.

    `data` and `elsewhere` are what `fer-train --data` takes, `votes` fer2013new.csv of FER+,
    `earlier` a soft-labels.npz of `results`.
    """
    import keras

    from fer_core.readers import load_dataset
    from fer_train.architectures import build_model
    from fer_train.soft_labels import answers_of_votes

    dataset = load_dataset(data)
    crowd = answers_of_votes(dataset, votes)
    kept = dataset.split <= PUBLIC
    shares = np.zeros((len(dataset), len(dataset.label_names)), np.float32)
    shares[dataset.split == TRAINING] = crowd.training
    shares[dataset.split == PUBLIC] = crowd.validation
    networks = {}
    for name in STUDENTS:
        keras.utils.clear_session()  # so that layers are numbered from the start
        model = build_model(name, dataset.spec.shape, len(dataset.label_names))
        networks[name] = model.to_json()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for index, mosaic in enumerate(_mosaics(dataset.images[kept])):
            archive.writestr(f"{index:02}.webp", _encoded(mosaic))
        for name, array in {
            "labels": dataset.labels[kept],
            "split": dataset.split[kept],
            "crowd": shares[kept].astype(np.float16),
        }.items():
            _write_array(archive, name, array)
        if earlier:
            with np.load(earlier) as held:
                mean = held["training"].mean(0, np.float32)
                _write_array(archive, "earlier", mean.astype(np.float16))
        for name, network in networks.items():
            archive.writestr(f"students/{name}.json", network, zipfile.ZIP_DEFLATED)
        for path in elsewhere:
            _pack_elsewhere(archive, path, load_dataset(path), dataset.label_names)


def _pack_elsewhere(
    archive: zipfile.ZipFile, path: Path, others: Any, labels: tuple[str, ...]
) -> None:
    if others.label_names != labels or len(others) > PICTURES:
        raise SystemExit(f"{path} must have FER2013's classes and at most {PICTURES:,} pictures")
    (mosaic,) = _mosaics(others.images)
    archive.writestr(f"elsewhere/{path.stem}.webp", _encoded(mosaic))
    _write_array(archive, f"elsewhere/{path.stem}", others.labels)


def unpack(path: Path, limit: int = 0) -> StudyData:
    """Return what `pack` wrote; with a `limit` only so many of Training and PublicTest."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        labels, split, crowd = (_read_array(archive, name) for name in ("labels", "split", "crowd"))
        main = [name for name in names if name.endswith(".webp") and "/" not in name]
        mosaics = [_decoded(archive.read(name)) for name in main]
        earlier = _read_array(archive, "earlier") if "earlier.npy" in names else None
        students = {
            Path(name).stem: json.loads(archive.read(name))
            for name in names
            if name.startswith("students/")
        }
        elsewhere = {
            Path(name).stem: _elsewhere(archive, name)
            for name in names
            if name.startswith("elsewhere/") and name.endswith(".webp")
        }
    pictures = np.concatenate([_tiles(mosaic) for mosaic in mosaics])[: len(labels)]

    def part(which: int, earlier: npt.NDArray[Any] | None = None) -> Part:
        chosen = np.flatnonzero(split == which)[: limit or None]
        told = None if earlier is None else earlier[: len(chosen)].astype(np.float32)
        return Part(pictures[chosen], labels[chosen], crowd[chosen].astype(np.float32), told)

    return StudyData(part(TRAINING, earlier), part(PUBLIC), students, elsewhere)


def _elsewhere(archive: zipfile.ZipFile, name: str) -> Part:
    labels = _read_array(archive, name.removesuffix(".webp"))
    pictures = _tiles(_decoded(archive.read(name)))[: len(labels)]
    return Part(pictures, labels, np.zeros((len(labels), 0), np.float32))


def _mosaics(pictures: UInt8Array) -> list[UInt8Array]:
    missing = -len(pictures) % PICTURES
    padded = np.concatenate([pictures, np.zeros((missing, SIDE, SIDE), np.uint8)])
    tiles = padded.reshape(-1, ROWS, COLUMNS, SIDE, SIDE).transpose(0, 1, 3, 2, 4)
    return list(np.ascontiguousarray(tiles.reshape(-1, ROWS * SIDE, COLUMNS * SIDE)))


def _tiles(mosaic: UInt8Array) -> UInt8Array:
    tiles = mosaic.reshape(ROWS, SIDE, COLUMNS, SIDE).transpose(0, 2, 1, 3)
    return tiles.reshape(PICTURES, SIDE, SIDE)


def _encoded(mosaic: UInt8Array) -> bytes:
    """Return the mosaic as lossless WebP (a quality above 100)."""
    encoded = cv2.imencode(".webp", mosaic, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    if not np.array_equal(_decoded(encoded), mosaic):
        raise RuntimeError("this OpenCV's WebP is not lossless")
    return encoded


def _decoded(encoded: bytes) -> UInt8Array:
    mosaic = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(mosaic, np.uint8)


def _write_array(archive: zipfile.ZipFile, name: str, array: npt.NDArray[Any]) -> None:
    held = io.BytesIO()
    np.save(held, array)
    archive.writestr(f"{name}.npy", held.getvalue(), zipfile.ZIP_DEFLATED)


def _read_array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    return np.asarray(np.load(io.BytesIO(archive.read(f"{name}.npy"))))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Pack FER2013 and FER+ for teachers.py.")
    for option in ("--data", "--votes", "--out"):
        parser.add_argument(option, type=Path, required=True)
    parser.add_argument("--elsewhere", type=Path, nargs="*", default=[])
    parser.add_argument("--earlier", type=Path)
    arguments = parser.parse_args()
    pack(*(getattr(arguments, n) for n in ("data", "votes", "out", "elsewhere", "earlier")))


if __name__ == "__main__":
    main()
