"""How often a bundle is right on labelled pictures it was not trained or chosen on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.metrics import ClassificationReport, classification_report
from fer_core.values import FloatArray
from fer_edge.classifier import classify_images
from fer_edge.interpreter import TfliteModel


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPictures:
    """The test split, and which of its pictures have no exact twin in the training split."""

    dataset: FerDataset
    without_twin: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    @classmethod
    def of(cls, dataset: FerDataset) -> JudgedPictures:
        """Return the test pictures of a data set; raise FerError when it has none."""
        test = dataset.part("test")
        ids = dataset.picture_ids()
        twins = np.isin(ids[dataset.split == 2], ids[dataset.split == 0])
        return cls(test, ~twins)


@dataclass(frozen=True, slots=True, eq=False)
class Accuracy:
    """The report on all test pictures, and the accuracy on those without a twin, if there are."""

    report: ClassificationReport
    without_twins: float | None
    probabilities: FloatArray


def measure_accuracy(model: TfliteModel, pictures: JudgedPictures) -> Accuracy:
    """Classify every test picture, single crop."""
    test, labels = pictures.dataset, model.bundle.manifest.labels
    if test.label_names != labels:
        raise FerError(
            f"{model.bundle.name} knows {', '.join(labels)}; {test.name} holds "
            f"{', '.join(test.label_names)}. Give data of the same classes."
        )
    if test.images.shape[1:] != model.bundle.manifest.input.shape[:2]:
        raise FerError(
            f"{model.bundle.name} takes {model.bundle.manifest.input.shape[:2]} pixels, "
            f"{test.name} holds {test.images.shape[1:]}"
        )
    probabilities = classify_images(model, test.images)
    right = probabilities.argmax(axis=1) == test.labels
    report = classification_report(probabilities, test.labels, labels)
    single = right[pictures.without_twin]
    return Accuracy(report, float(single.mean()) if len(single) else None, probabilities)
