"""Folders of pictures by name, such as one a class: plain PNG files, named RECORDING~NUMBER.png."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes
from fer_core.opencv import cv2
from fer_core.text import name_key
from fer_core.values import UInt8Array
from fer_train.studio import told
from fer_train.studio.kind import Kind
from fer_train.studio.listing import SUFFIX, files_in, folders_in, version_of


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
        return self.files(name)[0]

    def files(self, name: str) -> tuple[list[str], list[str]]:
        """Return the pictures of a folder as `pictures`, and what else somebody put there.

        Raises:
            AbsentError: There is no such folder.
            FerError: The system refuses to read it.
        """
        try:
            return files_in(self._folder_of(name))
        except FileNotFoundError as error:
            raise told.absent(self.kind.one, name) from error

    def versions(self, name: str) -> dict[str, str]:
        """Return the file names of a folder, each with its version: another picture has another.

        Raises:
            AbsentError: There is no such folder.
            FerError: The system refuses to read it.
        """
        found = ((path.name, version_of(path)) for path in self.paths(name))
        return {file: version for file, version in found if version}

    def changed(self, name: str) -> str:
        """Return what is another text whenever pictures of a folder came, went or were renamed.

        Raises:
            AbsentError: There is no such folder.
        """
        try:
            return str(self._folder_of(name).stat().st_mtime_ns)
        except FileNotFoundError as error:
            raise told.absent(self.kind.one, name) from error

    def paths(self, name: str) -> list[Path]:
        """Return where the pictures of a folder lie.

        Raises:
            AbsentError: There is no such folder.
        """
        return [self.folder / name / file for file in self.pictures(name)]

    def file(self, name: str, file: str, version: str = "") -> Path:
        """Return where a picture lies.

        Args:
            name: The folder.
            file: The file name.
            version: Which picture of that file name is meant; empty for any.

        Raises:
            AbsentError: It is not among those of the folder, or another one has its name now.
        """
        path = self.folder / name / file
        if file not in self.pictures(name) or version not in ("", version_of(path)):
            raise told.picture_absent(name, file)
        return path

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
                raise told.ToldError(
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

    def remove(self, name: str, count: int | None = None) -> None:
        """Delete a folder with all its pictures.

        Args:
            name: The folder.
            count: How many pictures the user agreed to delete; None for any number.

        Raises:
            AbsentError: There is no such folder.
            ToldError: It holds other files than pictures of the studio, or another number of them.
            FerError: The system refuses; some pictures may be deleted.
        """
        with self._changing(moves=True, stays="some of it stays"):
            folder, (pictures, others) = self._folder_of(name), self.files(name)
            if others or folder.is_symlink():
                raise told.other_files(name, len(others))
            if count not in (None, len(pictures)):
                raise told.other_count(name, len(pictures))
            for path in list(folder.iterdir()):
                path.unlink()
            folder.rmdir()

    def require_room(self, name: str) -> None:
        """Make sure that a folder takes one more picture.

        Raises:
            FerError: There is no such folder, or it is full.
        """
        if len(self.pictures(name)) >= (most := self.kind.most_pictures):
            raise told.full(name, most)

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

    def move(self, name: str, file: str, to: str, version: str = "") -> str:
        """Put a picture, if given of this version, into another folder; return its file name there.

        Raises:
            FerError: The picture or the folder is not there, or the folder is full.
        """
        with self._changing(moves=True):
            source = self.file(name, file, version)
            self.require_room(to)
            new = self._next_file(to, source.stem.partition("~")[0])
            source.rename(self._folder_of(to) / new)
        return new

    def delete(self, name: str, file: str, version: str = "") -> None:
        """Delete a picture, if given of this version.

        Raises:
            FerError: It is not there, or the system refuses.
        """
        with self._changing(moves=True):
            self.file(name, file, version).unlink()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Let nothing be added, renamed, moved or deleted here while the block runs."""
        with self._lock:
            yield

    def _went(self) -> None:
        """Take note that pictures may have gone from where they were."""

    @contextmanager
    def _changing(self, moves: bool = False, stays: str = "it stays as it is") -> Iterator[None]:
        """Let one thread at a time change what is stored; tell in words what the system refuses."""
        with self._lock:
            try:
                yield
            except OSError as error:
                raise FerError(f"{error.filename}: {error.strerror}; {stays}") from error
            finally:
                if moves:
                    self._went()

    def _folder_of(self, name: str) -> Path:
        """Return a folder; raise AbsentError where there is none of this name."""
        if name not in self.names():
            raise told.absent(self.kind.one, name)
        return self.folder / name

    def _require_free(self, name: str) -> None:
        if there := {name_key(each): each for each in self.names()}.get(name_key(name)):
            raise told.taken(self.kind.one, there)

    def _next_file(self, name: str, recording: str) -> str:
        pattern = re.compile(rf"{re.escape(recording)}~(\d+)\{SUFFIX}", re.IGNORECASE)
        numbers = [int(found[1]) for file in self.pictures(name) if (found := pattern.match(file))]
        return f"{recording}~{max(numbers, default=0) + 1:04d}{SUFFIX}"
