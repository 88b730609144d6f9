"""What tells one face from another: 128 numbers by dlib's network.

dlib, since its wheels exist for arm64 as well (`dlib-bin`) and its weights on the package index
(`face_recognition_models`, CC0): nothing has to be compiled or downloaded by hand. OpenCV's SFace
would be smaller, but its weights are in no package.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from fer_core.errors import FerError
from fer_core.values import Box, FloatArray, Frame


class FaceDescriptor(Protocol):
    """Turns a face into numbers that lie close together for one person."""

    def describe(self, frame: Frame, box: Box) -> FloatArray:
        """Return the descriptor (n,) float32 of the face in a box."""


class DlibDescriptor:
    """The descriptor of dlib's ResNet, (128,) float32, after aligning five landmarks.

    King (2017), http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html
    """

    def __init__(self) -> None:
        """Load the network.

        Raises:
            FerError: dlib or its weights are missing.
        """
        weights = find_spec("face_recognition_models")
        if find_spec("dlib") is None or weights is None or weights.origin is None:
            raise FerError("--faces needs dlib: pip install '.[identity]' where fer-edge-kit lies")
        import dlib

        folder = Path(weights.origin).parent / "models"
        self._rectangle = dlib.rectangle
        self._landmarks = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
        self._network = dlib.face_recognition_model_v1(
            str(folder / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def describe(self, frame: Frame, box: Box) -> FloatArray:
        """Return the descriptor (128,) float32 of the face in a box."""
        rgb = np.ascontiguousarray(frame.pixels[:, :, ::-1])
        place = self._rectangle(box.x, box.y, box.x + box.width, box.y + box.height)
        points = self._landmarks(rgb, place)
        return np.array(self._network.compute_face_descriptor(rgb, points), np.float32)
