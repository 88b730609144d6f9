"""The crops of a studio, one folder a class."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path

import numpy as np

from fer_core.opencv import cv2
from fer_core.pictures import Picture, read_picture
from fer_core.preprocess import InputSpec
from fer_core.values import UInt8Array
from fer_train.run_facts import file_sha256
from fer_train.studio.file_facts import FileFacts
from fer_train.studio.folders import PictureFolders
from fer_train.studio.kind import Kind
from fer_train.studio.names import class_name
from fer_train.studio.told import AbsentError, picture_absent, unreadable_crop

MOST_CLASSES, MOST_PICTURES = 30, 5000
CLASSES = Kind("class", "classes", MOST_CLASSES, MOST_PICTURES, class_name)
RECENT = 10
"""How many of the pictures kept last a new one is compared with."""


class Collection(PictureFolders):
    """The classes and their crops; knows which were kept last, and the SHA-256 of each.

    Attributes:
        spec: Size and colour of the crops.
    """

    def __init__(self, folder: Path, spec: InputSpec) -> None:
        """Make the folder where it lacks.

        Raises:
            FerError: It cannot be made.
        """
        super().__init__(folder, CLASSES)
        self.spec = spec
        self._recent: dict[str, deque[str]] = {}
        self._digests = FileFacts(file_sha256)

    def crop(self, path: Path) -> UInt8Array | None:
        """Return a picture as the network takes it, (h, w, channels) uint8; None for no picture."""
        picture = read_picture(path, colour=self.spec.colour == "rgb")
        return self.spec.resized(picture.pixels) if isinstance(picture, Picture) else None

    def recent(self, name: str) -> list[UInt8Array]:
        """Return the crops that were kept last in a class, as far as they are still there."""
        files = list(self._recent.get(name, ()))
        crops = (self.crop(self.folder / name / file) for file in files)
        return [crop for crop in crops if crop is not None]

    def digests(self) -> dict[str, dict[str, str]]:
        """Return the SHA-256 of every picture that is there, by class and file name.

        A known file is not read again.
        """
        found: dict[str, dict[str, str]] = {}
        paths: list[Path] = []
        for name in self.names():
            with suppress(AbsentError):  # somebody removed it just now
                paths += (own := self.paths(name))
                known = self._digests.of(own)
                found[name] = {path.name: digest for path, digest in known.items()}
        self._digests.forget_others(paths)
        return found

    def digest(self, name: str, file: str) -> str:
        """Return the SHA-256 of a picture; a known file is not read again.

        Raises:
            AbsentError: It is not there any more.
            ToldError: It cannot be read.
        """
        path = self.folder / name / file
        if found := self._digests.of([path]):
            return found[path]
        raise unreadable_crop(f"{name}/{file}") if path.exists() else picture_absent(name, file)

    def rename(self, name: str, to: str) -> str:
        """Call a class otherwise; return its new name.

        Raises:
            FerError: There is no such class, or the new name is taken or none.
        """
        with self._lock:
            new = super().rename(name, to)
            self._recent[new] = self._recent.pop(name, deque(maxlen=RECENT))
        return new

    def remove(self, name: str, count: int | None = None) -> None:
        """Delete a class with all its pictures, as many as `count` if given.

        Raises:
            FerError: There is no such class, it holds something else, or the system refuses.
        """
        super().remove(name, count)
        self._recent.pop(name, None)

    def keep(self, name: str, recording: str, pixels: UInt8Array) -> str:
        """Write a crop (h, w, channels) uint8, as the network takes it; return its file name.

        Raises:
            FerError: There is no such class, it is full, or the disk is.
        """
        if pixels.shape[2] == 3:
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), np.uint8)
        with self._lock:
            file = super().keep(name, recording, pixels)
            self._recent.setdefault(name, deque(maxlen=RECENT)).append(file)
        return file
