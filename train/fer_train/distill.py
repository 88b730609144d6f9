"""Soft labels: what a teacher says of each training picture, cached so no student runs a teacher.

The teacher here is the crowd of FER+ (Barsoum et al., 2016): ten people judged each FER2013
picture. Logistic regression from their votes to FER2013's own label, fitted on Training alone,
turns a picture's votes into the probabilities of the seven FER2013 classes.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import read_votes
from fer_core.files import load_arrays, written_beside
from fer_core.values import FloatArray


def soft_labels_from_votes(dataset: FerDataset, votes_file: Path) -> tuple[FloatArray, float]:
    """Return soft labels (n, classes) for the training part, and their validation accuracy.

    `votes_file` is fer2013new.csv of FER+, in the row order of fer2013.csv. Raises FerError
    when its rows are not those of the data set.
    """
    from sklearn.linear_model import LogisticRegression

    votes = read_votes(votes_file, dataset)
    share = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    features = np.concatenate([share, np.sqrt(share)], axis=1)
    training, validation = dataset.split == 0, dataset.split == 1
    crowd = LogisticRegression(C=10.0, max_iter=2000)
    crowd.fit(features[training], dataset.labels[training])
    soft = crowd.predict_proba(features[training]).astype(np.float32)
    return soft, float(crowd.score(features[validation], dataset.labels[validation]))


class OtherPicturesError(FerError):
    """Soft labels were made for other pictures."""


def save_soft_labels(path: Path, training: FerDataset, soft: FloatArray) -> None:
    """Write soft labels as float16 with the pictures and class names they belong to."""
    with written_beside(path) as beside, beside.open("wb") as file:
        np.savez_compressed(
            file,
            soft=soft.astype(np.float16),
            rows=training.rows,
            checksums=_checksums(training),
            label_names=np.array(training.label_names),
        )


def load_soft_labels(path: Path, training: FerDataset) -> FloatArray:
    """Return cached soft labels (n, classes) float32, the plain label where a row has none.

    Raises OtherPicturesError unless every row that the file knows holds the very picture it was
    made for, and FerError when it cannot be read.
    """
    held = load_arrays(path)
    if missing := {"soft", "rows", "checksums", "label_names"} - set(held):
        raise FerError(f"{path} lacks {', '.join(sorted(missing))}: it holds no soft labels")
    place = {int(row): index for index, row in enumerate(held["rows"])}
    known = np.array([int(row) in place for row in training.rows])
    index = np.array([place[int(row)] for row in training.rows[known]], np.int64)
    same = np.array_equal(held["checksums"][index], _checksums(training.only(known)))
    if not (known.any() and same and tuple(held["label_names"]) == training.label_names):
        raise OtherPicturesError(
            f"{path} was made for other training pictures; make it anew: fer-train soft-labels"
        )
    soft = np.eye(len(training.label_names), dtype=np.float32)[training.labels]
    soft[known] = held["soft"][index].astype(np.float32)
    return np.asarray(soft / soft.sum(axis=1, keepdims=True), np.float32)


def _checksums(dataset: FerDataset) -> npt.NDArray[np.uint32]:
    """Return the CRC-32 (n,) of every picture's bytes."""
    return np.array([zlib.crc32(image.tobytes()) for image in dataset.images], np.uint32)
