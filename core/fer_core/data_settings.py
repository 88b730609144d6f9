"""Which labeled pictures a run learns from and is judged by: settings, and the data they name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import VOTES_FILE, majority_labels, votes_beside
from fer_core.preprocess import InputSpec
from fer_core.readers import default_data_path, load_dataset

LABELS = ("fer2013", "ferplus", "ferplus-votes")


@dataclass(frozen=True, slots=True)
class DataSettings:
    """The settings of a run that decide its pictures, their labels and their splits.

    Attributes:
        data: A path, empty for FER2013's usual place.
        skip_bad: Whether bad rows are left out.
        labels: "fer2013", "ferplus" or "ferplus-votes".
        votes: The file of FER+'s votes, which the last two need.
        size: The side of the pictures in pixels; 0 as the data is.
        colour: "gray" or "rgb".
        seed: What divides off a validation split where there is none.

    Raises:
        ValueError: A setting is not among its choices or beyond its range.
    """

    data: str = ""
    skip_bad: bool = False
    labels: str = "fer2013"
    votes: str = ""
    size: int = 0
    colour: str = "gray"
    seed: int = 1

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
        )

    def load(self, spec: InputSpec | None = None) -> FerDataset:
        """Return the data set that the settings name, with the validation split they give it.

        Args:
            spec: Decides size and colour in place of the settings, unless None.

        Raises:
            FerError: There is no such data set or votes, or they cannot be read.
        """
        path = Path(self.data) if self.data else None
        if spec is None and (self.size or self.colour != "gray"):
            side = self.size or InputSpec().height
            spec = InputSpec(side, side, self.colour)
        dataset = load_dataset(path, spec, self.skip_bad)
        if self.labels != "fer2013":
            dataset = majority_labels(dataset, self.votes_file())
        return dataset.with_validation(self.seed)

    def votes_file(self) -> Path:
        """Return the file of FER+ votes.

        Raises:
            FerError: The settings name none.
        """
        if not self.votes:
            raise FerError(
                f"{self.labels} labels need the votes of FER+: put {VOTES_FILE} next to the data "
                "(https://github.com/microsoft/FERPlus); fer-train takes it as --votes, too"
            )
        return Path(self.votes)
