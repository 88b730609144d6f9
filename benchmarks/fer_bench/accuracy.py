"""How often a bundle is right on labelled pictures it was not trained or chosen on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_bench.rival import as_rival_resizes, is_rival
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import majority_labels
from fer_core.metrics import ClassificationReport, classification_report
from fer_core.preprocess import InputSpec, ten_crops
from fer_core.readers import load_dataset
from fer_core.values import BoolArray, FloatArray
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPictures:
    """The test split, and which of its pictures have no exact twin in the training split."""

    dataset: FerDataset
    without_twin: BoolArray

    @classmethod
    def of(cls, dataset: FerDataset) -> JudgedPictures:
        """Return the test pictures of a data set; raise FerError when it has none."""
        test = dataset.part("test")
        ids = dataset.picture_ids()
        twins = np.isin(ids[dataset.split == 2], ids[dataset.split == 0])
        return cls(test, ~twins)


class TestPictures:
    """The test pictures of a data set, read once for each input that a model takes.

    With `votes`, fer2013new.csv, their labels are FER+'s majority labels.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, data: Path, votes: Path | None = None, skip_bad: bool = False) -> None:
        self._data, self._votes, self._skip_bad = data, votes, skip_bad
        self._read: dict[tuple[int, int, int] | None, JudgedPictures] = {}

    def for_input(self, spec: InputSpec | None) -> JudgedPictures:
        """Return the pictures in a model's size and colour, in their own for None."""
        shape = spec.shape if spec else None
        if shape not in self._read:
            dataset = load_dataset(self._data, spec, self._skip_bad)
            if self._votes:
                dataset = majority_labels(dataset, self._votes)
            self._read[shape] = JudgedPictures.of(dataset)
        return self._read[shape]

    def for_model(self, bundle: ModelBundle) -> JudgedPictures:
        """Return the pictures as a model takes them, their classes in its order.

        The rival resizes the gray ones of a table in its own way; photos in folders, which are of
        any size, come to it as to every model.
        """
        pictures = self._in_the_size_for(bundle)
        dataset = pictures.dataset.in_order(bundle.manifest.labels)
        return pictures if dataset is pictures.dataset else replace(pictures, dataset=dataset)

    def _in_the_size_for(self, bundle: ModelBundle) -> JudgedPictures:
        if not is_rival(bundle) or self._data.is_dir():
            return self.for_input(bundle.manifest.input)
        own = self.for_input(None)
        if own.dataset.images.ndim != 3:  # RGB
            return self.for_input(bundle.manifest.input)
        return replace(own, dataset=as_rival_resizes(own.dataset))


@dataclass(frozen=True, slots=True, eq=False)
class Accuracy:
    """The report on all test pictures, and the accuracy on those without a twin, if there are.

    `probabilities` (n, classes) are the answers, `right` (n,) says which of them are true.
    """

    report: ClassificationReport
    without_twins: float | None
    probabilities: FloatArray
    right: BoolArray


def measure_accuracy(model: TfliteModel, pictures: JudgedPictures) -> Accuracy:
    """Classify every test picture, single crop."""
    test, labels = pictures.dataset, model.bundle.manifest.labels
    if test.label_names != labels:
        raise FerError(
            f"{model.bundle.name} knows {', '.join(labels)}; {test.name} holds "
            f"{', '.join(test.label_names)}. Give data of the same classes."
        )
    probabilities = classify_images(model, test.pixels)
    right = probabilities.argmax(axis=1) == test.labels
    report = classification_report(probabilities, test.labels, labels)
    single = right[pictures.without_twin]
    return Accuracy(report, float(single.mean()) if len(single) else None, probabilities, right)


def ten_crop_accuracy(model: TfliteModel, test: FerDataset) -> float:
    """Return the accuracy (0 to 1) of the mean over ten crops of each picture."""
    mean = sum(classify_images(model, view) for view in ten_crops(test.pixels))
    return float((np.asarray(mean).argmax(axis=1) == test.labels).mean())
