"""A data set of face pictures with labels and splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError
from fer_core.labels import class_keys
from fer_core.preprocess import InputSpec
from fer_core.values import BoolArray, Int64Array, UInt8Array

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "trainset"), 0),
    **dict.fromkeys(("publictest", "validation", "validate", "valid", "val", "dev"), 1),
    **dict.fromkeys(("eval", "evaluation"), 1),
    **dict.fromkeys(("privatetest", "test", "testing", "testset"), 2),
}
"""What files and folders call the splits, in small letters, and the index in SPLITS."""


@dataclass(frozen=True, slots=True, eq=False)
class FerDataset:
    """Face pictures with labels.

    Attributes:
        images: (n, h, w) uint8 gray or (n, h, w, 3) RGB.
        labels: (n,) int64, indices into `label_names`.
        split: (n,) int64, indices into SPLITS.
        rows: (n,) int64, the row or file number where each came from.
        faults: The bad rows that were left out on request.
        notes: What else is worth knowing of what was read.
        numbered: Whether `rows` count the rows of a table such as fer2013.csv, not files.

    Raises:
        ValueError: An array has another shape or dtype.
    """

    images: UInt8Array
    labels: Int64Array
    split: Int64Array
    label_names: tuple[str, ...]
    rows: Int64Array
    name: str = ""
    faults: tuple[str, ...] = ()
    numbered: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.images)
        colours = self.images.shape[3:]
        if self.images.ndim < 3 or colours not in ((), (3,)) or self.images.dtype != np.uint8:
            raise ValueError(
                "images must be (n, h, w) or (n, h, w, 3) uint8, "
                f"got {self.images.shape} {self.images.dtype}"
            )
        for what, array in (("labels", self.labels), ("split", self.split), ("rows", self.rows)):
            if array.shape != (n,) or array.dtype != np.int64:
                raise ValueError(f"{what} must be ({n},) int64, got {array.shape} {array.dtype}")

    def __len__(self) -> int:
        return len(self.images)

    def only(self, chosen: npt.NDArray[np.bool_] | Int64Array) -> FerDataset:
        """Return the pictures that a mask (n,) or indices choose."""
        return replace(
            self,
            images=self.images[chosen],
            labels=self.labels[chosen],
            split=self.split[chosen],
            rows=self.rows[chosen],
        )

    def relabelled(self, labels: Int64Array, label_names: tuple[str, ...]) -> FerDataset:
        """Return the same pictures under other labels (n,) int64, indices into `label_names`."""
        return replace(self, labels=labels, label_names=label_names)

    def in_order(self, label_names: tuple[str, ...]) -> FerDataset:
        """Return the same pictures with their classes in another order, and empty ones added.

        Itself where a class that holds pictures is not among `label_names`. Names are compared as
        `class_keys` does it.
        """
        places = {key: index for index, key in enumerate(class_keys(label_names))}
        place = np.array([places.get(key, -1) for key in class_keys(self.label_names)], np.int64)
        labels = place[self.labels]
        if label_names == self.label_names or (labels < 0).any():
            return self
        return self.relabelled(labels, label_names)

    @property
    def spec(self) -> InputSpec:
        """What an input of these pictures looks like."""
        height, width = self.images.shape[1:3]
        return InputSpec(height, width, "gray" if self.images.ndim == 3 else "rgb")

    @property
    def pixels(self) -> UInt8Array:
        """The pictures as (n, h, w, channels) uint8."""
        return self.images.reshape(len(self), *self.spec.shape)

    def fitted(self, spec: InputSpec) -> FerDataset:
        """Return the pictures in another size or colour, by the pixel contract."""
        if self.spec.shape == spec.shape:
            return self
        bgr = self.images[..., ::-1] if self.images.ndim == 4 else self.images
        fitted = np.stack([spec.resized(np.ascontiguousarray(picture)) for picture in bgr])
        return replace(self, images=fitted[..., 0] if spec.colour == "gray" else fitted)

    def without_empty_classes(self) -> FerDataset:
        """Return the data set without classes of which no split has a picture."""
        held = np.flatnonzero(self.class_counts().sum(axis=0))
        if len(held) == len(self.label_names):
            return self
        place = np.full(len(self.label_names), -1, np.int64)
        place[held] = np.arange(len(held))
        names = tuple(self.label_names[index] for index in held)
        gone = ", ".join(sorted(set(self.label_names) - set(names)))
        smaller = self.relabelled(place[self.labels], names)
        return replace(smaller, notes=(*self.notes, f"no picture of {gone}: left out"))

    def require_every_class(self) -> None:
        """Make sure that there is a training picture of every class.

        Raises:
            FerError: A class has none.
        """
        counts = self.class_counts()[0]
        empty = [name for name, count in zip(self.label_names, counts, strict=True) if not count]
        if empty:
            raise FerError(
                f"{self.name} has no training picture of {', '.join(empty)}: add some, or take the "
                "class out of the data"
            )

    def part(self, split: str) -> FerDataset:
        """Return one of SPLITS.

        Raises:
            FerError: The data set has no picture of it.
        """
        chosen = self.only(self.split == SPLITS.index(split))
        if len(chosen) == 0:
            held = ", ".join(f"{len_} {name}" for name, len_ in self.split_sizes().items())
            raise FerError(
                f"{self.name} has no {split} pictures (it holds {held}). Give a data set that "
                "has them: a usage column, or folders named train, validation and test."
            )
        return chosen

    def split_sizes(self) -> dict[str, int]:
        """Return how many pictures each of SPLITS holds."""
        counts = np.bincount(self.split, minlength=len(SPLITS))
        return {name: int(counts[i]) for i, name in enumerate(SPLITS)}

    def class_counts(self) -> Int64Array:
        """Return pictures a class (splits, classes) int64, the rows in the order of SPLITS."""
        classes = len(self.label_names)
        cells = np.bincount(self.split * classes + self.labels, minlength=len(SPLITS) * classes)
        return cells.reshape(len(SPLITS), classes).astype(np.int64)

    def picture_ids(self) -> Int64Array:
        """Return (n,) int64, equal exactly where two pictures have the same pixels."""
        seen: dict[bytes, int] = {}
        ids = [seen.setdefault(image.tobytes(), len(seen)) for image in self.images]
        return np.array(ids, np.int64)

    def blank(self) -> BoolArray:
        """Return (n,) whether the picture has one value alone."""
        flat = self.images.reshape(len(self), -1)
        return np.asarray(flat.min(axis=1) == flat.max(axis=1), np.bool_)

    def fingerprint(self, rows: bool = True) -> str:
        """Return a SHA-256 over pictures, labels and label names, and rows if wanted, in hex."""
        digest = hashlib.sha256(repr((self.images.shape, self.label_names)).encode())
        for array in (self.images, self.labels, *([self.rows] if rows else [])):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def duplicates_across_splits(self) -> dict[tuple[str, str], int]:
        """Count pictures of a later split that an earlier one holds too, pixel by pixel.

        Returns:
            The counts by (later, earlier) pairs such as ("test", "train"), those above 0.
        """
        ids = self.picture_ids()
        found = {}
        for later in range(1, len(SPLITS)):
            for earlier in range(later):
                shared = np.isin(ids[self.split == later], ids[self.split == earlier])
                if shared.any():
                    found[SPLITS[later], SPLITS[earlier]] = int(shared.sum())
        return found

    def with_validation(self, seed: int, share: float = 0.1) -> FerDataset:
        """Return a data set that has a validation split: itself where there is one.

        Exact duplicates are kept together; a test split never chooses.

        Args:
            seed: What decides which pictures they are.
            share: The part of the training pictures of each class, 0 to 1, that becomes the split.
        """
        if (self.split == 1).any():
            return self
        rng = np.random.default_rng(seed)
        ids = self.picture_ids()
        split = self.split.copy()
        for class_index in range(len(self.label_names)):
            own = (split == 0) & (self.labels == class_index)
            pictures, copies = np.unique(ids[own], return_counts=True)
            order = rng.permutation(len(pictures))
            groups, sizes = pictures[order], copies[order]
            count = np.searchsorted(sizes.cumsum(), share * own.sum(), "right")
            at_least = min(1, len(groups) - 1)  # a class of one picture keeps it for training
            split[np.isin(ids, groups[: max(count, at_least)]) & (split == 0)] = 1
        return replace(self, split=split)

    def describe(self) -> str:
        """Return what was read in a few lines: counts, blanks, duplicates, skipped rows."""
        sizes = ", ".join(f"{size} {name}" for name, size in self.split_sizes().items())
        height, width = self.images.shape[1:3]
        count = f"{len(self)} picture{'' if len(self) == 1 else 's'}"
        lines = [f"{self.name}: {count} of {width}x{height} ({sizes})"]
        duplicates = self.duplicates_across_splits()
        if duplicates:
            counts = ", ".join(f"{n} {a} pictures in {b}" for (a, b), n in duplicates.items())
            lines.append(f"duplicate pictures across splits: {counts}")
        blank = int(self.blank().sum())
        if blank:
            lines.append(f"blank pictures (one gray value): {blank}, kept")
        return "\n".join([*lines, *self.remarks()])

    def remarks(self) -> tuple[str, ...]:
        """Return what a reader of figures should know of what was read, a line each."""
        left_out = f"bad rows left out: {len(self.faults)}"
        return (left_out, *self.notes) if self.faults else self.notes
