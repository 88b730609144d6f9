"""What a run of the studio learns from and is judged by: the crops, divided by recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.files import written_beside
from fer_core.labels import ordered_labels
from fer_core.values import UInt8Array
from fer_train.photo_series import set_aside
from fer_train.studio.collection import Collection
from fer_train.studio.runs import LearnedPicture
from fer_train.studio.told import AbsentError, unreadable_crop

HELD_BACK = 0.2
"""About which share of a class judges what was learned from the others."""


@dataclass(frozen=True, slots=True, eq=False)
class LearningSet:
    """The crops of all classes.

    Attributes:
        images: (n, h, w) uint8 gray, or (n, h, w, 3) RGB.
        pictures: What each is.
        labels: The names of the classes, in the order of the network's answers.
        divided: The classes of one recording, a part of which judges.
    """

    images: UInt8Array
    pictures: tuple[LearnedPicture, ...]
    labels: tuple[str, ...]
    divided: tuple[str, ...]

    def save(self, path: Path) -> None:
        """Write the .npz that `fer-train --data` takes.

        Raises:
            FerError: It cannot be written.
        """
        with written_beside(path) as beside, beside.open("wb") as file:
            np.savez(
                file,
                images=self.images,
                labels=np.array([self.labels.index(each.label) for each in self.pictures]),
                usage=np.array([int(each.held_back) for each in self.pictures]),
                label_names=np.array(self.labels),
            )

    def judging(self) -> tuple[UInt8Array, tuple[LearnedPicture, ...]]:
        """Return the pictures that were held back, (n, h, w, channels) uint8, and what each is."""
        chosen = [index for index, each in enumerate(self.pictures) if each.held_back]
        images = self.images[chosen].reshape(len(chosen), *self.images.shape[1:3], -1)
        return images, tuple(self.pictures[index] for index in chosen)


def gather(collection: Collection) -> LearningSet:
    """Return the crops that are there now, all of one moment.

    Raises:
        ToldError: A picture cannot be read.
    """
    with collection.unchanged():
        return _gathered(collection)


def _gathered(collection: Collection) -> LearningSet:
    images: list[UInt8Array] = []
    pictures: list[LearnedPicture] = []
    divided: list[str] = []
    for name in collection.names():
        files = [Path(name, file) for file in collection.pictures(name)]
        apart = set_aside(collection.folder, files, HELD_BACK)
        divided += [name] if apart.note else []
        for file in files:
            try:
                digest = collection.digest(name, file.name)
            except AbsentError:
                continue  # deleted by hand just now
            crop = collection.crop(collection.folder / file)
            if crop is None:
                raise unreadable_crop(file.as_posix())
            images.append(crop[:, :, 0] if crop.shape[2] == 1 else crop)
            held = file in apart.photos
            pictures.append(LearnedPicture(name, file.name, digest, held))
    labels = ordered_labels({each.label for each in pictures})
    return LearningSet(np.stack(images), tuple(pictures), labels, tuple(divided))
