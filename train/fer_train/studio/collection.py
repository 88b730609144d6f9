"""The crops of a studio: plain PNG files, one folder a class, named RECORDING~NUMBER.png."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes
from fer_core.opencv import cv2
from fer_core.pictures import Picture, is_junk, read_picture
from fer_core.preprocess import InputSpec
from fer_core.values import UInt8Array
from fer_train.run_facts import file_sha256
from fer_train.studio.names import class_name

MOST_CLASSES, MOST_PICTURES = 30, 5000
SUFFIX = ".png"
RECENT = 10
"""How many of the pictures kept last a new one is compared with."""


class AbsentError(FerError):
    """A class or a picture that is not there, or no longer."""


class Collection:
    """Adds, lists, moves and deletes classes and crops; may be used by several threads.

    Attributes:
        folder: What holds the folders of the classes.
        spec: Size and colour of the crops.
    """

    def __init__(self, folder: Path, spec: InputSpec) -> None:
        """Make the folder where it lacks.

        Raises:
            FerError: It cannot be made.
        """
        self.folder, self.spec = make_folder(folder), spec
        self._lock = threading.RLock()
        self._recent: dict[str, deque[str]] = {}
        self._digests: dict[tuple[str, str], str] = {}

    def classes(self) -> list[str]:
        """Return the names of the classes, sorted."""
        return folders_in(self.folder)

    def pictures(self, name: str) -> list[str]:
        """Return the file names of a class in the order in which they were recorded.

        Raises:
            AbsentError: There is no such class.
        """
        try:
            with os.scandir(self._folder_of(name)) as entries:
                files = [entry.name for entry in entries]
        except FileNotFoundError as error:
            raise _absent(name) from error
        return sorted(file for file in files if file.endswith(SUFFIX) and not file.startswith("."))

    def file(self, name: str, file: str) -> Path:
        """Return where a picture lies.

        Raises:
            AbsentError: It is not among those of the class.
        """
        if file not in self.pictures(name):
            raise _absent_picture(name, file)
        return self.folder / name / file

    def crop(self, path: Path) -> UInt8Array | None:
        """Return a picture as the network takes it, (h, w, channels) uint8; None for no picture."""
        picture = read_picture(path, colour=self.spec.colour == "rgb")
        return self.spec.resized(picture.pixels) if isinstance(picture, Picture) else None

    def recent(self, name: str) -> list[UInt8Array]:
        """Return the crops that were kept last in a class, as far as they are still there."""
        files = list(self._recent.get(name, ()))
        crops = (self.crop(self.folder / name / file) for file in files)
        return [crop for crop in crops if crop is not None]

    def digests(self) -> frozenset[str]:
        """Return the SHA-256 of every picture that is there; a known file is not read again."""
        found: dict[tuple[str, str], str] = {}
        with self._lock:
            for name in self.classes():
                with suppress(AbsentError):  # somebody removed it just now
                    for file in self.pictures(name):
                        found[name, file] = self.digest(name, file)
            self._digests = found
        return frozenset(found.values())

    def digest(self, name: str, file: str) -> str:
        """Return the SHA-256 of a picture; a known file is not read again.

        Raises:
            AbsentError: It is not there any more.
        """
        with self._lock:
            if (name, file) not in self._digests:
                try:
                    self._digests[name, file] = file_sha256(self.folder / name / file)
                except FileNotFoundError as error:
                    raise _absent_picture(name, file) from error
            return self._digests[name, file]

    def add_class(self, text: str) -> str:
        """Make a class; return its name.

        Raises:
            FerError: The name is taken or none, or there are too many classes.
        """
        name = class_name(text)
        with self._changing():
            if len(self.classes()) >= MOST_CLASSES:
                raise FerError(f"there are {MOST_CLASSES} classes already, which is the most")
            self._require_free(name)
            (self.folder / name).mkdir(parents=True)
        return name

    def rename_class(self, name: str, to: str) -> str:
        """Call a class otherwise; return its new name.

        Raises:
            FerError: There is no such class, or the new name is taken or none.
        """
        new = class_name(to)
        with self._changing():
            folder = self._folder_of(name)
            if new.casefold() != name.casefold():
                self._require_free(new)
            folder.rename(self.folder / new)
            self._digests.clear()
            self._recent[new] = self._recent.pop(name, deque(maxlen=RECENT))
        return new

    def delete_class(self, name: str) -> None:
        """Delete a class with all its pictures.

        Raises:
            FerError: There is no such class, or the system refuses.
        """
        with self._changing():
            shutil.rmtree(self._folder_of(name))
            self._recent.pop(name, None)

    def require_room(self, name: str) -> None:
        """Make sure that a class takes one more picture.

        Raises:
            FerError: There is no such class, or it is full.
        """
        if len(self.pictures(name)) >= MOST_PICTURES:
            raise FerError(f"{name} has {MOST_PICTURES} pictures, which is the most: delete some")

    def keep(self, name: str, recording: str, crop: UInt8Array) -> str:
        """Write a crop (h, w, channels) uint8 into a class; return its file name.

        Raises:
            FerError: There is no such class, it is full, or the disk is.
        """
        encoded = cv2.imencode(".png", np.ascontiguousarray(crop[:, :, ::-1]))[1].tobytes()
        with self._changing():
            self.require_room(name)
            file = self._next_file(name, recording)
            write_bytes(self.folder / name / file, encoded, sync=False)
            self._digests.pop((name, file), None)
            self._recent.setdefault(name, deque(maxlen=RECENT)).append(file)
        return file

    def move(self, name: str, file: str, to: str) -> str:
        """Put a picture into another class; return its file name there.

        Raises:
            FerError: The picture or the class is not there, or the class is full.
        """
        with self._changing():
            source = self.file(name, file)
            self.require_room(to)
            new = self._next_file(to, source.stem.partition("~")[0])
            source.rename(self._folder_of(to) / new)
            self._digests.pop((to, new), None)
        return new

    def delete(self, name: str, file: str) -> None:
        """Delete a picture.

        Raises:
            FerError: It is not there, or the system refuses.
        """
        with self._changing():
            self.file(name, file).unlink()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let one thread at a time change what is stored; tell in words what the system refuses."""
        with self._lock:
            try:
                yield
            except OSError as error:
                raise FerError(f"{error.filename}: {error.strerror}; it stays as it is") from error

    def _folder_of(self, name: str) -> Path:
        """Return the folder of a class; raise AbsentError where there is none of this name."""
        if name not in self.classes():
            raise _absent(name)
        return self.folder / name

    def _require_free(self, name: str) -> None:
        taken = {each.casefold(): each for each in self.classes()}.get(name.casefold())
        if taken:
            raise FerError(f"there is a class {taken!r} already: choose another name")

    def _next_file(self, name: str, recording: str) -> str:
        pattern = re.compile(rf"{re.escape(recording)}~(\d+)\{SUFFIX}")
        numbers = [int(found[1]) for file in self.pictures(name) if (found := pattern.match(file))]
        return f"{recording}~{max(numbers, default=0) + 1:04d}{SUFFIX}"


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted; none where somebody removed it."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []
    return sorted(name for name in names if not is_junk(Path(name)))


def _absent_picture(name: str, file: str) -> AbsentError:
    return AbsentError(f"there is no picture {file!r} in {name!r} any more")


def _absent(name: str) -> AbsentError:
    return AbsentError(f"there is no class {name!r} any more")
