"""Folders of pictures by name, such as one a class: plain PNG files, named RECORDING~NUMBER.png."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes
from fer_core.opencv import cv2
from fer_core.pictures import is_junk
from fer_core.text import name_key
from fer_core.values import UInt8Array
from fer_train.studio.told import ToldError, absent, full, picture_absent, taken

SUFFIX = ".png"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the folders stand for.

    Attributes:
        one: What one of them is called, as "class".
        several: What more of them are called, as "classes".
        most: How many there may be.
        most_pictures: How many pictures each may have.
        name: Returns a name as it is stored, or says what is wrong with it.
    """

    one: str
    several: str
    most: int
    most_pictures: int
    name: Callable[[str], str]


class PictureFolders:
    """Adds, lists, moves and deletes folders and their pictures; may be used by several threads.

    Attributes:
        folder: What holds the folders.
        kind: What they stand for.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        """Make the folder where it lacks.

        Raises:
            FerError: It cannot be made.
        """
        self.folder, self.kind = make_folder(folder), kind
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """Return the names of the folders, sorted.

        Raises:
            FerError: The system refuses to read what holds them.
        """
        return folders_in(self.folder)

    def pictures(self, name: str) -> list[str]:
        """Return the file names of a folder in the order in which they were recorded.

        Raises:
            AbsentError: There is no such folder.
            FerError: The system refuses to read it.
        """
        try:
            with os.scandir(self._folder_of(name)) as entries:
                files = [entry.name for entry in entries]
        except FileNotFoundError as error:
            raise absent(self.kind.one, name) from error
        except OSError as error:
            raise _unreadable(error) from error
        return sorted(file for file in files if file.endswith(SUFFIX) and not file.startswith("."))

    def changed(self, name: str) -> str:
        """Return what is another text whenever pictures of a folder came, went or were renamed.

        Raises:
            AbsentError: There is no such folder.
        """
        try:
            return str(self._folder_of(name).stat().st_mtime_ns)
        except FileNotFoundError as error:
            raise absent(self.kind.one, name) from error

    def paths(self, name: str) -> list[Path]:
        """Return where the pictures of a folder lie.

        Raises:
            AbsentError: There is no such folder.
        """
        return [self.folder / name / file for file in self.pictures(name)]

    def file(self, name: str, file: str) -> Path:
        """Return where a picture lies.

        Raises:
            AbsentError: It is not among those of the folder.
        """
        if file not in self.pictures(name):
            raise picture_absent(name, file)
        return self.folder / name / file

    def add(self, text: str) -> str:
        """Make a folder; return its name.

        Raises:
            ToldError: The name is taken or none, or there are too many.
            FerError: The system refuses.
        """
        name = self.kind.name(text)
        with self._changing():
            if len(self.names()) >= self.kind.most:
                several = f"{self.kind.most} {self.kind.several}"
                raise ToldError(
                    f"there are {several} already, which is the most",
                    code="most_names",
                    most=self.kind.most,
                )
            self._require_free(name)
            (self.folder / name).mkdir(parents=True)
        return name

    def rename(self, name: str, to: str) -> str:
        """Call a folder otherwise; return its new name.

        Raises:
            FerError: There is no such folder, or the new name is taken or none.
        """
        new = self.kind.name(to)
        with self._changing(moves=True):
            folder = self._folder_of(name)
            if name_key(new) != name_key(name):
                self._require_free(new)
            folder.rename(self.folder / new)
        return new

    def remove(self, name: str) -> None:
        """Delete a folder with all its pictures.

        Raises:
            FerError: There is no such folder, or the system refuses.
        """
        with self._changing(moves=True):
            shutil.rmtree(self._folder_of(name))

    def require_room(self, name: str) -> None:
        """Make sure that a folder takes one more picture.

        Raises:
            FerError: There is no such folder, or it is full.
        """
        if len(self.pictures(name)) >= (most := self.kind.most_pictures):
            raise full(name, most)

    def keep(self, name: str, recording: str, pixels: UInt8Array) -> str:
        """Write a picture, gray (h, w) or BGR (h, w, 3) uint8, into a folder; return its file name.

        Raises:
            FerError: There is no such folder, it is full, or the disk is.
        """
        encoded = cv2.imencode(SUFFIX, pixels)[1].tobytes()
        with self._changing():
            self.require_room(name)
            file = self._next_file(name, recording)
            write_bytes(self.folder / name / file, encoded, sync=False)
        return file

    def move(self, name: str, file: str, to: str) -> str:
        """Put a picture into another folder; return its file name there.

        Raises:
            FerError: The picture or the folder is not there, or the folder is full.
        """
        with self._changing(moves=True):
            source = self.file(name, file)
            self.require_room(to)
            new = self._next_file(to, source.stem.partition("~")[0])
            source.rename(self._folder_of(to) / new)
        return new

    def delete(self, name: str, file: str) -> None:
        """Delete a picture.

        Raises:
            FerError: It is not there, or the system refuses.
        """
        with self._changing(moves=True):
            self.file(name, file).unlink()

    def _went(self) -> None:
        """Take note that pictures may have gone from where they were."""

    @contextmanager
    def _changing(self, moves: bool = False) -> Iterator[None]:
        """Let one thread at a time change what is stored; tell in words what the system refuses."""
        with self._lock:
            try:
                yield
                if moves:
                    self._went()
            except OSError as error:
                raise FerError(f"{error.filename}: {error.strerror}; it stays as it is") from error

    def _folder_of(self, name: str) -> Path:
        """Return a folder; raise AbsentError where there is none of this name."""
        if name not in self.names():
            raise absent(self.kind.one, name)
        return self.folder / name

    def _require_free(self, name: str) -> None:
        if there := {name_key(each): each for each in self.names()}.get(name_key(name)):
            raise taken(self.kind.one, there)

    def _next_file(self, name: str, recording: str) -> str:
        pattern = re.compile(rf"{re.escape(recording)}~(\d+)\{SUFFIX}")
        numbers = [int(found[1]) for file in self.pictures(name) if (found := pattern.match(file))]
        return f"{recording}~{max(numbers, default=0) + 1:04d}{SUFFIX}"


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted; none where somebody removed it.

    Raises:
        FerError: It is a file, or the system refuses to read it.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []
    except NotADirectoryError as error:
        raise FerError(f"{folder} is a file where a folder belongs: move it away") from error
    except OSError as error:
        raise _unreadable(error) from error
    return sorted(name for name in names if not is_junk(Path(name)))


def _unreadable(error: OSError) -> FerError:
    return FerError(f"{error.filename} cannot be read: {error.strerror}")
