"""Which labeled pictures a run learns from and is judged by: settings, and the data they name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import VOTES_FILE, majority_labels, votes_beside
from fer_core.files import load_arrays
from fer_core.labels import FER2013_LABELS
from fer_core.preprocess import InputSpec
from fer_core.readers import default_data_path, load_dataset
from fer_core.values import Int64Array

LABELS = ("fer2013", "ferplus", "ferplus-votes")


@dataclass(frozen=True, slots=True)
class DataSettings:
    """The settings of a run that decide its pictures, their labels and their splits.

    Attributes:
        data: A path, empty for FER2013's usual place.
        skip_bad: Whether bad rows are left out.
        labels: "fer2013", "ferplus" or "ferplus-votes".
        votes: The file of FER+'s votes, which the last two need.
        without: Classes to leave out with their pictures, separated by commas.
        size: The side of the pictures in pixels; 0 as the data is, but 48 for folders and "rgb".
        colour: "gray" or "rgb".
        seed: What divides off a validation split where there is none.
        held_out: The answers of a fold of a cross-validation, whose pictures are the validation
            split; empty for that of the data.

    Raises:
        ValueError: A setting is not among its choices or beyond its range.
    """

    data: str = ""
    skip_bad: bool = False
    labels: str = "fer2013"
    votes: str = ""
    without: str = ""
    size: int = 0
    colour: str = "gray"
    seed: int = 1
    held_out: str = ""

    def __post_init__(self) -> None:
        for name, choices in (("labels", LABELS), ("colour", ("gray", "rgb"))):
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {value!r}")
        for name, most in (("size", 1024), ("seed", 2**32 - 1)):
            if not 0 <= (value := getattr(self, name)) <= most:
                raise ValueError(f"{name} must lie in 0 to {most}, got {value}")

    def with_whole_paths(self, base: Path) -> DataSettings:
        """Return the settings with whole paths, so that they mean the same from everywhere.

        Empty data becomes FER2013's usual place, if it is there; empty votes those beside the data.

        Args:
            base: The folder that relative paths are taken from.
        """
        data = base / self.data if self.data else default_data_path()
        votes = base / self.votes if self.votes else None
        if self.labels != "fer2013" and votes is None and data:
            votes = votes_beside(data)
        return replace(
            self,
            data=str(data.resolve()) if data else "",
            votes=str(votes.resolve()) if votes else "",
            held_out=str((base / self.held_out).resolve()) if self.held_out else "",
        )

    def load(self, spec: InputSpec | None = None) -> FerDataset:
        """Return the data set that the settings name, with the validation split they give it.

        Args:
            spec: Decides size and colour in place of the settings, unless None.

        Raises:
            FerError: There is no such data set, votes or class, or they cannot be read, or the
                pictures are not those of the fold.
        """
        path = Path(self.data) if self.data else None
        if spec is None and (self.size or self.colour != "gray"):
            side = self.size or InputSpec().height
            spec = InputSpec(side, side, self.colour)
        dataset = load_dataset(path, spec, self.skip_bad)
        if spec is None:  # an .npz may hold colors
            dataset = dataset.fitted(replace(dataset.spec, colour=self.colour))
        if self.labels != "fer2013":
            dataset = majority_labels(dataset, self.votes_file())
        if self.without:
            dataset = _without(dataset, {name.strip() for name in self.without.split(",")})
        if self.held_out:
            return _judged_by_fold(dataset, Path(self.held_out))
        return dataset.with_validation(self.seed)

    def votes_file(self) -> Path:
        """Return the file of FER+ votes that the settings name, else the one beside the data.

        Raises:
            FerError: There is none.
        """
        data = Path(self.data) if self.data else default_data_path()
        votes = Path(self.votes) if self.votes else data and votes_beside(data)
        if not votes:
            raise FerError(
                f"{self.labels} labels need the votes of FER+: put {VOTES_FILE} next to the data "
                "(https://github.com/microsoft/FERPlus); fer-train takes it as --votes, too"
            )
        return votes


def _without(dataset: FerDataset, names: set[str]) -> FerDataset:
    """Return a data set without classes, in FER2013's order if FER2013's classes remain."""
    known = dataset.label_names
    kept = tuple(name for name in known if name not in names)
    if unknown := sorted(names - set(known)):
        raise FerError(
            f"{dataset.name} has no class {unknown[0]!r} to leave out: it has {', '.join(known)}"
        )
    if len(kept) < 2:
        raise FerError(
            f"without = {', '.join(sorted(names))} leaves {len(kept)} of the classes "
            f"{', '.join(known)}: a network needs two or more"
        )
    remaining = dataset.only(np.isin(dataset.labels, [known.index(name) for name in kept]))
    return remaining.in_order(FER2013_LABELS if set(kept) == set(FER2013_LABELS) else kept)


def with_held_out(dataset: FerDataset, rows: Int64Array) -> FerDataset:
    """Return a data set with other splits; the test split stays.

    Args:
        dataset: The data set.
        rows: What is its validation split, by `FerDataset.rows`; all else is for training.
    """
    chosen = np.isin(dataset.rows, rows).astype(np.int64)
    return replace(dataset, split=np.where(dataset.split == 2, dataset.split, chosen))


def _judged_by_fold(dataset: FerDataset, answers: Path) -> FerDataset:
    """Return a data set with the pictures that a fold did not learn from as validation split."""
    held = load_arrays(answers)
    if not {"rows", "data"} <= held.keys():
        raise FerError(f"{answers} does not say which pictures a fold did not learn from")
    divided = with_held_out(dataset, held["rows"])
    judged = divided.without_empty_classes().only(divided.split == 1)
    if judged.fingerprint() != str(held["data"]):
        raise FerError(
            f"the pictures of {dataset.name} are not those of the fold {answers.parent}: give the "
            "--data that it was trained on, unchanged"
        )
    return divided
