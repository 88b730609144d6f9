"""Writing files so that a failure never costs what was there before."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import time
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError
from fer_core.leftovers import remove_leftovers, unfinished_mark
from fer_core.text import to_bytes

try:
    from lzma import LZMAError
except ImportError:  # a Python without it refuses such archives as not implemented
    LZMAError = zipfile.BadZipFile  # type: ignore[assignment,misc]

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    KeyError,
    NotImplementedError,
    RuntimeError,
)
"""What a damaged zip archive makes the standard library raise."""
ARRAY_ERRORS = (
    *ZIP_ERRORS,
    tokenize.TokenError,
    SyntaxError,
    TypeError,
    MemoryError,
    OverflowError,
)
"""What a damaged array in one makes numpy raise."""
_NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF)
"""What file systems answer that cannot do it, and folders that may be written but not read."""
_WAITS_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0) if os.name == "nt" else ()
"""How long to wait before each new attempt at a file that another process has open."""

_Result = TypeVar("_Result")


def make_folder(folder: Path) -> Path:
    """Create a folder and its parents; return it.

    Raises:
        FerError: It cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FerError(
            f"cannot make the folder {folder}: {error.strerror}. Choose another place."
        ) from error
    return folder


@contextmanager
def made_folder(folder: Path) -> Iterator[Path]:
    """Give a folder; one that was made and is still empty at the end is removed.

    Raises:
        FerError: It cannot be created.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield make_folder(folder)
    finally:
        with suppress(OSError):  # one that holds something stays
            for each in made:
                each.rmdir()


def utf8_name(path: Path) -> str:
    """Return a path as text for OpenCV and FFmpeg.

    Raises:
        FerError: Its name is not UTF-8, at which they crash.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise FerError(
            f"{path}: FFmpeg opens no video whose name is not UTF-8; rename it"
        ) from error
    return str(path)


@contextmanager
def written_beside(path: Path, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it only when the block succeeds.

    The disk may fill and the process may die: the old file stays whole, and what a killed process
    left beside is removed by the next one that writes into the folder. Something that is not
    a plain file (/dev/null, a pipe) is written to directly and never replaced. The temporary
    file keeps the suffix of `path`, since some writers choose the format by it.

    Args:
        path: The file.
        sync: Whether to wait until the disk has it, which may take a tenth of a second; without, a
            power cut may cost the new file.

    Raises:
        FerError: The system refuses the write.
    """
    with _said(path):
        standard = path.as_posix().startswith(("/dev/std", "/dev/fd/"))
        if standard or (path.exists() and not path.is_file()):
            yield path
            return
        path = path.resolve()  # a link stays a link
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        remove_leftovers(path.parent)
        handle, name = tempfile.mkstemp(
            prefix=f".{_short(path.stem)}{unfinished_mark()}", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            if sync:
                with beside.open("r+b") as written:
                    os.fsync(written.fileno())
            beside.chmod(mode)
            patiently(lambda: beside.replace(path))
            if sync:
                _sync_folder(path.parent)
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()


def patiently(act: Callable[[], _Result]) -> _Result:
    """Return what a call returns; on Windows try again while another process has the file open.

    Windows replaces no file that is open, and opens none that is being replaced.
    """
    for seconds in _WAITS_SECONDS:
        try:
            return act()
        except PermissionError:
            time.sleep(seconds)
    return act()


def _sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder: a power cut could bring an old file back."""
    if os.name == "nt":  # which opens no folder
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC_OF_FOLDERS:
            raise


def _short(stem: str) -> str:
    """Return at most 100 bytes of a name, since names have a limit."""
    return os.fsdecode(os.fsencode(stem)[:100])


def load_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an .npz by name.

    Raises:
        FerError: It cannot be read whole.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: _array(name, arrays[name]) for name in arrays.files}
    except (OSError, ValueError, EOFError, *ARRAY_ERRORS) as error:
        raise FerError(f"cannot read {path}: {error}") from error


def _array(name: str, held: object) -> npt.NDArray[Any]:
    """Return a member of an .npz; raise ValueError for what is no array, or none of characters.

    numpy gives bytes for a member that does not begin as an array, and reads texts of numbers that
    are no characters, at which Python fails later.
    """
    if not isinstance(held, np.ndarray):
        raise ValueError(f"{name} is no array")
    if held.dtype.kind == "U" and held.dtype.itemsize and held.size:
        codes = np.ascontiguousarray(held).astype(held.dtype.newbyteorder("=")).reshape(-1)
        if codes.view(np.uint32).max() > sys.maxunicode:
            raise ValueError(f"{name} holds a text with a number that is no character")
    return held


def write_bytes(path: Path, content: bytes, sync: bool = True) -> None:
    """Write a file whole or not at all.

    Args:
        path: The file.
        content: What it will hold.
        sync: Whether to wait until the disk has it, see `written_beside`.

    Raises:
        FerError: The system refuses the write.
    """
    with written_beside(path, sync) as beside:
        beside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all.

    Raises:
        FerError: The system refuses the write.
    """
    write_bytes(path, to_bytes(text))


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FerError(
            f"cannot write {path}: there is no folder {path.parent}; make it, or choose another"
        ) from error
    except OSError as error:
        raise FerError(
            f"cannot write {path}: {error.strerror or error}. What was there is unharmed; "
            "free some space or choose another place."
        ) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
