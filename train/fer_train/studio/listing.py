"""What lies in a folder: folders by name, pictures, and what the studio did not put there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from fer_core.dataset import SPLIT_NAMES
from fer_core.errors import FerError
from fer_core.pictures import PICTURE_SUFFIXES, is_junk

SUFFIX = ".png"


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


def files_in(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the pictures in a folder, sorted, and of what the studio did not write.

    What systems leave behind, such as `Thumbs.db`, is neither.

    Raises:
        FileNotFoundError: There is no such folder.
        FerError: The system refuses to read it.
    """
    pictures: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                is_file = entry.is_file()
                if is_file and is_junk(Path(entry.name)):
                    continue
                kept = is_file and entry.name.endswith(SUFFIX)
                (pictures if kept else others).append(entry.name)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(error) from error
    return sorted(pictures), sorted(others)


def has_pictures(folder: Path) -> bool:
    """Return whether pictures lie in a folder, or in those below it where it is a split's."""
    parts = folders_in(folder) if folder.name.casefold() in (*SPLIT_NAMES, "images") else []
    for each in (folder, *(folder / part for part in parts)):
        with suppress(FerError, FileNotFoundError):  # what cannot be read is no data set
            pictures, others = files_in(each)
            if pictures or any(Path(file).suffix.lower() in PICTURE_SUFFIXES for file in others):
                return True
    return False


def version_of(picture: Path) -> str:
    """Return what is another text for another picture of the same file name; "" for none."""
    try:
        facts = picture.stat()
    except FileNotFoundError:
        return ""
    return f"{facts.st_mtime_ns:x}-{facts.st_size:x}"


def _unreadable(error: OSError) -> FerError:
    return FerError(f"{error.filename} cannot be read: {error.strerror}")
