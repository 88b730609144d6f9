"""How often a bundle is right on labelled pictures it was not trained or chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import majority_labels
from fer_core.metrics import ClassificationReport, classification_report
from fer_core.readers import load_dataset
from fer_core.values import FloatArray
from fer_edge.classifier import classify_images
from fer_edge.interpreter import TfliteModel


def judged_data(
    data: Path, models: Sequence[Path], votes: Path | None = None, skip_bad: bool = False
) -> FerDataset:
    """Return the data set to judge models by, in the largest of their input sizes.

    With `votes`, fer2013new.csv, its labels are FER+'s majority labels.
    """
    inputs = [ModelBundle.load(path).manifest.input for path in models]
    largest = max(inputs, key=lambda spec: spec.height * spec.width)
    colour = "rgb" if any(spec.colour == "rgb" for spec in inputs) else "gray"
    spec = replace(largest, colour=colour) if data.is_dir() else None
    dataset = load_dataset(data, spec, skip_bad)
    return majority_labels(dataset, votes) if votes else dataset


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
    probabilities = classify_images(model, test.fitted(model.bundle.manifest.input).pixels)
    right = probabilities.argmax(axis=1) == test.labels
    report = classification_report(probabilities, test.labels, labels)
    single = right[pictures.without_twin]
    return Accuracy(report, float(single.mean()) if len(single) else None, probabilities)
