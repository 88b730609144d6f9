"""Soft labels: what teachers say of each training picture, cached so no student runs a teacher.

A teacher is a larger network (Hinton et al., 2015), or the crowd of FER+ (Barsoum et al., 2016):
ten people judged each FER2013 picture. Logistic regression from their votes to FER2013's own
label, fitted on Training alone, turns a picture's votes into the probabilities of the seven
FER2013 classes. A network answers by test-time augmentation: the mean over ten crops of a
picture. Several teachers count the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import read_votes
from fer_core.files import load_arrays, made_folder, written_beside
from fer_core.preprocess import normalize_pixels, ten_crops
from fer_core.values import FloatArray, UInt8Array
from fer_train.run_facts import model_labels, read_run
from fer_train.run_folder import model_file
from fer_train.transfer import load_keras_model

AT_ONCE = 1024
"""Pictures whose ten crops are held at once: 94 MB of float32 at 48x48 gray."""


@dataclass(frozen=True, slots=True, eq=False)
class TeacherAnswers:
    """What a teacher says of the training and the validation pictures, (n, classes) float32."""

    training: FloatArray
    validation: FloatArray

    def accuracy(self, dataset: FerDataset) -> float:
        """Return how often its likeliest label is that of the validation picture, 0 to 1."""
        truth = dataset.part("validation").labels
        return float((self.validation.argmax(axis=1) == truth).mean())


def write_soft_labels(
    teachers: Sequence[Path], dataset: FerDataset, out: Path, say: Callable[[str], None]
) -> str:
    """Write the mean of what teachers say of the training pictures; return what it is worth.

    Args:
        teachers: Each a .csv of FER+'s votes, a run folder or a model file.
        dataset: The pictures, with a validation split to judge the teachers by.
        out: The file to write.
        say: What gets lines on the progress.

    Raises:
        FerError: A teacher cannot be read, or is of other pictures or labels, or a class has no
            training picture.
    """
    dataset, each = dataset.without_empty_classes(), []  # as training takes it
    dataset.require_every_class()
    with made_folder(out.parent):  # before the minutes that the teachers take
        for teacher in teachers:
            each.append(teacher_answers(teacher, dataset))
            seen = ", most of which it learned from" if _is_of_a_fold(teacher) else ""
            say(f"{teacher}: {each[-1].accuracy(dataset):.2%} on validation{seen}")
        mean = mean_answers(each)
        save_soft_labels(out, dataset.part("train"), mean.training)
    return f"{len(mean.training)} soft labels in {out}; {mean.accuracy(dataset):.2%} on validation"


def teacher_answers(source: Path, dataset: FerDataset) -> TeacherAnswers:
    """Return what one teacher says: a .csv of FER+'s votes, a run folder or a model file.

    Raises:
        FerError: It cannot be read, or is of other pictures or labels.
    """
    if source.suffix == ".csv":
        return answers_of_votes(dataset, source)
    return answers_of_model(dataset, model_file(source))


def _is_of_a_fold(source: Path) -> bool:
    """Return whether a teacher is the network of a fold, which learned from both splits."""
    return source.suffix != ".csv" and bool(read_run(model_file(source)).config.held_out)


def mean_answers(answers: Sequence[TeacherAnswers]) -> TeacherAnswers:
    """Return the mean of several teachers."""
    training = np.mean([each.training for each in answers], axis=0)
    validation = np.mean([each.validation for each in answers], axis=0)
    return TeacherAnswers(training, validation)


def answers_of_model(dataset: FerDataset, file: Path) -> TeacherAnswers:
    """Return a network's probabilities, each the mean over ten crops (test-time augmentation).

    Raises:
        FerError: It knows other labels or takes other pictures.
    """
    model = load_keras_model(file)
    labels, taken = model_labels(file), model.input_shape[1:]
    if not labels:
        raise FerError(f"no labels of {file}: metrics.json of its run must lie next to it")
    if labels != dataset.label_names or taken != dataset.spec.shape:
        raise FerError(
            f"{file} takes {taken} and knows {', '.join(labels)}; the data is "
            f"{dataset.spec.shape} with {', '.join(dataset.label_names)}"
        )

    def said(part: str) -> FloatArray:
        pixels = dataset.part(part).pixels
        chunks = [pixels[start : start + AT_ONCE] for start in range(0, len(pixels), AT_ONCE)]
        return np.concatenate([_mean_over_crops(model, chunk) for chunk in chunks])

    return TeacherAnswers(said("train"), said("validation"))


def _mean_over_crops(model: keras.Model, pixels: UInt8Array) -> FloatArray:
    views = map(normalize_pixels, ten_crops(pixels))
    each = [model.predict(view, batch_size=256, verbose=0) for view in views]
    return np.asarray(np.mean(each, axis=0), np.float32)


def answers_of_votes(dataset: FerDataset, votes_file: Path) -> TeacherAnswers:
    """Return what the crowd of FER+ says.

    Args:
        dataset: FER2013 from a table.
        votes_file: FER+'s fer2013new.csv, in the row order of fer2013.csv.

    Raises:
        FerError: Its rows are not those of the data set.
    """
    from sklearn.linear_model import LogisticRegression

    votes = read_votes(votes_file, dataset)
    share = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    features = np.concatenate([share, np.sqrt(share)], axis=1)
    training, validation = dataset.split == 0, dataset.split == 1
    crowd = LogisticRegression(C=10.0, max_iter=2000)
    crowd.fit(features[training], dataset.labels[training])
    said = crowd.predict_proba(features).astype(np.float32)
    return TeacherAnswers(said[training], said[validation])


class OtherPicturesError(FerError):
    """Soft labels were made for other pictures."""


def save_soft_labels(path: Path, training: FerDataset, soft: FloatArray) -> None:
    """Write soft labels as float16 with the pictures and class names they belong to.

    Args:
        path: The file to write.
        training: The training pictures.
        soft: (n, classes), a row for each of them.
    """
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

    Raises:
        OtherPicturesError: A row that the file knows holds another picture than it was made for.
        FerError: The file cannot be read.
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
            f"{path} was made for other training pictures; make it again: fer-train soft-labels"
        )
    soft = np.eye(len(training.label_names), dtype=np.float32)[training.labels]
    soft[known] = held["soft"][index].astype(np.float32)
    return np.asarray(soft / soft.sum(axis=1, keepdims=True), np.float32)


def _checksums(dataset: FerDataset) -> npt.NDArray[np.uint32]:
    """Return the CRC-32 (n,) of every picture's bytes."""
    return np.array([zlib.crc32(image.tobytes()) for image in dataset.images], np.uint32)
