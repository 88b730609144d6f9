"""How often a bundle is right on labeled pictures it was not trained or chosen on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_bench.crowd import crowd_agreement
from fer_bench.evaluation import ClassMetrics, Crowd, Evaluation, Parity, ReliabilityBin
from fer_bench.rival import as_rival_resizes, is_rival
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import majority_labels, votes_beside
from fer_core.labels import class_keys
from fer_core.metrics import (
    ClassificationReport,
    classification_report,
    mcnemar_exact,
    paired_difference,
    reliability,
)
from fer_core.preprocess import InputSpec, ten_crops
from fer_core.readers import load_dataset
from fer_core.values import BoolArray, FloatArray
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationSplit:
    """The test split, and which of its pictures the training split does not hold as well.

    Attributes:
        not_duplicate: (n,); none without a training split, with which nothing can be compared.
    """

    dataset: FerDataset
    not_duplicate: BoolArray

    @classmethod
    def of(cls, dataset: FerDataset) -> EvaluationSplit:
        """Return the test pictures of a data set.

        Raises:
            FerError: It has none.
        """
        test = dataset.part("test")
        ids = dataset.picture_ids()
        training = ids[dataset.split == 0]
        is_new = ~np.isin(ids[dataset.split == 2], training)
        return cls(test, is_new & (len(training) > 0))


class TestPictures:
    """The test pictures of a data set, read once for each input that a model takes.

    Args:
        data: The data set.
        votes: FER+'s fer2013new.csv, whose majority labels they get; None for their own labels.
        skip_bad: Whether bad rows are left out.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, data: Path, votes: Path | None = None, skip_bad: bool = False) -> None:
        self.data, self.votes, self.skip_bad = data, votes, skip_bad
        self._read: dict[tuple[int, int, int] | None, EvaluationSplit] = {}

    def for_input(self, spec: InputSpec | None) -> EvaluationSplit:
        """Return the pictures in a model's size and colour, in their own for None.

        Raises:
            FerError: The data cannot be read, or holds no test picture.
        """
        shape = spec.shape if spec else None
        if shape in self._read:
            return self._read[shape]
        if spec is None or self.data.is_dir():
            dataset = load_dataset(self.data, spec, self.skip_bad)
            if self.votes:
                dataset = majority_labels(dataset, self.votes)
            pictures = EvaluationSplit.of(dataset)
        else:  # a whole table in a larger size may not fit into memory
            own = self.for_input(None)
            pictures = replace(own, dataset=own.dataset.fitted(spec))
        self._read[shape] = pictures
        if spec is None:  # most models take them as they are
            self._read[pictures.dataset.spec.shape] = pictures
        return pictures

    def crowd(self, accuracy: Accuracy, test: FerDataset) -> Crowd | None:
        """Return how often answers to FER2013's test pictures are what FER+'s voters said.

        Returns:
            None without FER+'s votes beside the data, where they are not of these pictures, or
            for a model that does not know the classes.
        """
        votes = None if self.votes else votes_beside(self.data)
        try:
            return crowd_agreement(accuracy.probabilities, test, votes) if votes else None
        except FerError:
            return None  # other pictures lie beside them

    def remarks(self) -> tuple[str, ...]:
        """Return what a reader of the figures should know of the pictures, a line each."""
        return self.for_input(None).dataset.remarks()

    def described(self) -> tuple[str, str]:
        """Return what is judged on, in words, and the fingerprint of its pictures and labels.

        The pictures are those in their own size (48x48 gray of folders) and their own order of
        classes, so that the fingerprint does not depend on the models. Files are numbered over all
        splits, so their numbers do not count.
        """
        own = self.for_input(None).dataset
        return f"{own.name}, test split, {len(own)} pictures", own.fingerprint(own.numbered)

    def for_model(self, bundle: ModelBundle) -> EvaluationSplit:
        """Return the pictures as a model takes them, their classes in its order.

        The rival resizes the gray ones of a table in its own way; photos in folders, which are of
        any size, come to it as to every model.
        """
        pictures = self._in_the_size_for(bundle)
        dataset = pictures.dataset.in_order(bundle.manifest.labels)
        return pictures if dataset is pictures.dataset else replace(pictures, dataset=dataset)

    def _in_the_size_for(self, bundle: ModelBundle) -> EvaluationSplit:
        if not is_rival(bundle) or self.data.is_dir():
            return self.for_input(bundle.manifest.input)
        own = self.for_input(None)
        if own.dataset.images.ndim != 3:  # RGB
            return self.for_input(bundle.manifest.input)
        return replace(own, dataset=as_rival_resizes(own.dataset))


@dataclass(frozen=True, slots=True, eq=False)
class Accuracy:
    """What a model answered.

    Attributes:
        without_duplicates: The accuracy (0 to 1) on pictures that the training split does not hold,
            None without any.
        probabilities: (n, classes) float32.
        right: Whether each answer is right, (n,).
    """

    report: ClassificationReport
    without_duplicates: float | None
    probabilities: FloatArray
    right: BoolArray

    def flips(self, parent: Accuracy) -> int:
        """Return how many pictures got another label from the parent, whatever its order."""
        mine, its = (
            np.array(class_keys(each.report.labels))[each.probabilities.argmax(axis=1)]
            for each in (self, parent)
        )
        return int((mine != its).sum())

    def evaluation(
        self,
        test_time_augmentation: float | None = None,
        robustness: dict[str, float] | None = None,
        crowd: Crowd | None = None,
    ) -> Evaluation:
        """Return the figures to store, beside those of changed pictures and of FER+'s voters."""
        report = self.report
        per_class = zip(
            report.labels, report.precision, report.recall, report.f1, report.support, strict=True
        )
        bins = reliability(self.probabilities, self.right)
        return Evaluation(
            count=report.count,
            accuracy=report.accuracy,
            accuracy_interval95=report.accuracy_interval95,
            macro_f1=report.macro_f1,
            ece=report.ece,
            per_class={
                label: ClassMetrics(
                    precision=float(precision), recall=float(recall), f1=float(f1), support=int(n)
                )
                for label, precision, recall, f1, n in per_class
            },
            confusion=tuple(tuple(row) for row in report.confusion.tolist()),
            accuracy_without_duplicates=self.without_duplicates,
            accuracy_test_time_augmentation=test_time_augmentation,
            reliability=tuple(
                ReliabilityBin(confidence=b.confidence, accuracy=b.accuracy, count=b.count)
                for b in bins
            ),
            robustness=robustness or {},
            crowd=crowd,
        )


def measure_accuracy(model: TfliteModel, pictures: EvaluationSplit) -> Accuracy:
    """Classify every test picture, single crop.

    Raises:
        FerError: The model knows other labels than the pictures.
    """
    test, labels = pictures.dataset, model.bundle.manifest.labels
    if test.label_names != labels:
        raise FerError(
            f"{model.bundle.name} knows {', '.join(labels)}; {test.name} holds "
            f"{', '.join(test.label_names)}. Give data of the same classes."
        )
    probabilities = classify_images(model, test.pixels)
    right = probabilities.argmax(axis=1) == test.labels
    report = classification_report(probabilities, test.labels, labels)
    new = right[pictures.not_duplicate]
    return Accuracy(report, float(new.mean()) if len(new) else None, probabilities, right)


def parity_of(accuracy: Accuracy, parent: Accuracy) -> Parity:
    """Return the accuracy against that of the float32 parent on the same pictures."""
    change, interval = paired_difference(accuracy.right, parent.right)
    return Parity(
        accuracy_change=change,
        accuracy_change_interval95=interval,
        mcnemar_p=mcnemar_exact(accuracy.right, parent.right),
    )


def augmented_accuracy(model: TfliteModel, test: FerDataset) -> float:
    """Return the accuracy (0 to 1) with test-time augmentation: the mean over ten crops."""
    mean = sum(classify_images(model, view) for view in ten_crops(test.pixels))
    return float((np.asarray(mean).argmax(axis=1) == test.labels).mean())
